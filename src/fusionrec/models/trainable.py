"""The contract of models that are trained step by step: what training uses of a model besides `Model`."""

from collections.abc import Callable
from typing import ClassVar, NamedTuple, Protocol

import torch

from fusionrec.data.histories import Histories
from fusionrec.data.item_inputs import ItemInputs
from fusionrec.errors import UserError
from fusionrec.models.contract import Model, Towers
from fusionrec.models.trained_model import TrainedModel


class Projected(NamedTuple):
    """Vectors of a modality, projected to the width of the model.

    Attributes:
        vectors: [n, dim].
        present: bool [n], which items have one.
    """

    vectors: torch.Tensor
    present: torch.Tensor


Judge = Callable[[TrainedModel], float]


class Step(Protocol):
    """One step of training, as a model sees it; see `fusionrec.training.scored_step`.

    Attributes:
        towers: the encoded items of the step.
        vectors: [n, dim], user vectors.
        content: inputs of all items.
        candidates: int64 [n], unique: rows of the catalogue, those of `towers.candidates`. None: all.
        generator: draws dropout; None at evaluation.
        share: weight of this process's part of the step, for terms that are means over targets.
    """

    towers: Towers
    vectors: torch.Tensor
    content: ItemInputs
    candidates: torch.Tensor | None
    generator: torch.Generator | None
    share: float

    @property
    def users(self) -> torch.Tensor:
        """int64 [n], the user of each of `vectors`: rows of the user table."""
        ...

    @property
    def owners(self) -> torch.Tensor:
        """int64 [p], the user of each target: rows of the user table."""
        ...

    @property
    def targets(self) -> torch.Tensor:
        """int64 [p], the targets: rows of the catalogue."""
        ...

    @property
    def negatives(self) -> torch.Tensor:
        """int64 [p, m], the negatives of each target: rows of the catalogue; m may be 0."""
        ...

    @property
    def places(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Targets, int64 [p], and their negatives, int64 [p, m]: rows of `towers.candidates`."""
        ...

    def terms(self) -> dict[str, torch.Tensor]:
        """The losses that the model's option `losses` switches on, unweighted, by name."""
        ...


class TrainableModel(Model):
    """A model that is trained step by step: it has a loss.

    All weights are zero until `reset` draws them or a checkpoint fills them. One of its options is `losses`, the
    weights of the ranking losses.

    Attributes:
        ranks_by_own_loss: whether its `loss` ranks items without any of `losses`, so that all of them may be off.
        completed: how the names of weights begin that `complete` computes; they are no part of the training.
        history_dropout: share of a history that is hidden in training.
    """

    ranks_by_own_loss: ClassVar[bool] = False
    completed: ClassVar[tuple[str, ...]] = ()
    history_dropout: float = 0.0

    def parts(self) -> list["TrainableModel"]:
        """The models that have a loss of their own: itself, or the members of an ensemble."""
        return [self]

    def reset(self, generator: torch.Generator) -> None:
        """Draw all initial weights."""
        raise NotImplementedError

    def start_epoch(self, generator: torch.Generator) -> None:
        """Prepare an epoch of training, such as a sample of the graph; `generator`, that of dropout, draws it."""

    def complete(self, content: ItemInputs, train: Histories, judge: Judge) -> bool:
        """Compute, at the end of training, what depends on the trained weights; returns whether there is anything.

        Args:
            content: inputs of all items.
            train: the train histories.
            judge: how good a model is on validation, more is better.
        """
        return False

    def loss(self, step: Step) -> dict[str, torch.Tensor]:
        """The terms of the loss of a step, by name.

        Terms named in the option `losses` are weighted by it; others count as they are.
        """
        return step.terms()

    def modalities(
        self,
        content: ItemInputs,
        rows: torch.Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> tuple[dict[str, Projected], torch.Tensor]:
        """For each modality its projected vectors of n items, and [] temperature, for a contrastive loss.

        Raises:
            UserError: if the model has no modalities.
        """
        raise UserError("losses.contrastive: this model reads no modalities; set it to 0")

    def tracked(self, content: ItemInputs) -> dict[str, float]:
        """Values inside the model for training curves, by name, such as weight/vision; after each epoch."""
        return {}
