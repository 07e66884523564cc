"""Losses, one a file: the terms of the training loss.

A loss is a module with the constant `READS`, the part of a step that it uses, and a function `loss(step: LossStep)`.
Each ranking loss is a mean over targets, so that losses of parts of a batch are combined by their numbers of targets.
Scores are logits, before the final activation. Half precision is raised to float32.
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, Protocol

import torch

from fusionrec import choices

PACKAGE = "fusionrec.training.losses"


class Pairs(NamedTuple):
    """Scores of targets and of their negatives.

    Attributes:
        positive: [p] logits of targets.
        negative: [p, m] logits of the negatives of each.
        valid: bool [p, m], false where a negative is none: an accidental hit.
        positive_logq: [p] log of the expected count of each target among the negatives (`Sampler.logq`).
        negative_logq: [p, m], or [m] where negatives are shared: that of each negative.
    """

    positive: torch.Tensor
    negative: torch.Tensor
    valid: torch.Tensor
    positive_logq: torch.Tensor
    negative_logq: torch.Tensor


class Catalogue(NamedTuple):
    """Scores of all items that a user could have chosen.

    Attributes:
        score: logits [length, items] of a slice of the step's users, -inf where an item is no candidate; called twice
            with the same rows, it returns the same.
        rows: number of users.
        targets: int64 [rows, targets], rows of the catalogue, padded with -1.
        chunk: how many users' scores are to be in memory at once.
    """

    score: Callable[[slice], torch.Tensor]
    rows: int
    targets: torch.Tensor
    chunk: int


class Modalities(NamedTuple):
    """Two modalities of the same items, pair by pair.

    Attributes:
        pairs: for each two modalities, such as pictures and texts, the projected vectors [n, dim] of both, of the items
            that have both; at least one pair.
        temperature: [].
    """

    pairs: list[tuple[torch.Tensor, torch.Tensor]]
    temperature: torch.Tensor


class LossStep(Protocol):
    """The parts of a step that a loss can use; each is computed when it is requested."""

    def pairs(self) -> Pairs:
        """Scores of targets and negatives."""
        ...

    def catalogue(self) -> Catalogue:
        """Scores of all candidates."""
        ...

    def modalities(self) -> Modalities:
        """The modalities of the step's items."""
        ...

    def probability(self, logits: torch.Tensor) -> tuple[torch.Tensor, str]:
        """See `TrainableModel.probability`."""
        ...


class Loss(Protocol):
    """A module of this package."""

    READS: Literal["pairs", "catalogue", "modalities"]

    def loss(self, step: LossStep) -> torch.Tensor:
        """[]: the loss of a step."""
        ...


def load(name: str) -> Loss:
    """The module of the loss `name`."""
    module: Any = choices.load(PACKAGE, name)
    loss: Loss = module
    return loss


def full(scores: torch.Tensor) -> torch.Tensor:
    """At least float32."""
    return scores.to(wide(scores))


def wide(scores: torch.Tensor) -> torch.dtype:
    """float32, or float64 where the scores are."""
    return torch.promote_types(scores.dtype, torch.float32)
