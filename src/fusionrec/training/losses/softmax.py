"""Softmax over the catalogue: cross-entropy of each target among all candidates."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch.utils.checkpoint import checkpoint

from fusionrec.training.losses import LossStep, wide

READS = "catalogue"


def loss(step: LossStep) -> torch.Tensor:
    """[]: see `softmax_loss`."""
    return chunked_softmax(*step.catalogue())


def softmax_loss(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Cross-entropy over all candidates, -log(exp(s+) / sum_j exp(s_j)), mean over targets.

    Args:
        logits: [n, items]; -inf where an item is no candidate.
        targets: int64 [n, targets], padded with -1.
    """
    return _cross_entropies(logits, targets).mean()


def chunked_softmax(
    score: Callable[[slice], torch.Tensor], rows: int, targets: torch.Tensor, chunk: int
) -> torch.Tensor:
    """`softmax_loss` in bounded memory: logits of one chunk of rows are alive, and computed again backward.

    Chen et al., "Training Deep Nets with Sublinear Memory Cost", 2016.

    Args:
        score: the logits [length, items] of a slice of rows; called twice, so it must not draw at random.
        rows: their number.
        targets: int64 [rows, targets], padded with -1.
        chunk: rows at a time. Where one chunk holds all, this is `softmax_loss`.
    """
    if rows <= chunk:
        return softmax_loss(score(slice(0, rows)), targets)

    def part(start: int) -> torch.Tensor:
        place = slice(start, min(start + chunk, rows))
        return _cross_entropies(score(place), targets[place]).sum()

    parts = [
        checkpoint(part, start, use_reentrant=False, preserve_rng_state=False)
        for start in range(0, rows, chunk)
    ]
    return torch.stack(parts).sum() / (targets >= 0).sum()


def _cross_entropies(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """The loss of each target that is no padding, in order."""
    log_probability = F.log_softmax(logits, 1, dtype=wide(logits)).gather(1, targets.clamp(min=0))
    return -log_probability[targets >= 0]
