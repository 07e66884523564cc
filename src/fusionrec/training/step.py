"""One step of training, as it is prepared on the CPU: examples, negatives, and the items that occur."""

from typing import Any, NamedTuple

import torch

from fusionrec.training.batches import Batch
from fusionrec.training.live_items import Live


class Targets(NamedTuple):
    """The targets of a batch one by one, and the negatives of each.

    Attributes:
        row: int64 [p], whose targets they are: rows of the batch.
        item: int64 [p], the targets.
        negative: int64 [p, m]; m = 0 where no loss reads negatives, or where they are the targets themselves.
        valid: bool [p, m], or [p, p] where negatives are the targets: false where one is none.
        item_logq: float32 [p], see `Sampler.logq`.
        negative_logq: float32 [p, m], or [p] where negatives are the targets: that of the negatives.
    """

    row: torch.Tensor
    item: torch.Tensor
    negative: torch.Tensor
    valid: torch.Tensor
    item_logq: torch.Tensor
    negative_logq: torch.Tensor


class Step(NamedTuple):
    """One process's part of a step.

    Attributes:
        batch: its examples; histories are places in `history`.
        pairs: its targets; items are places in `candidates`.
        candidates: int64, unique: the items to encode as candidates, the same in all processes. None: all.
        history: int64, unique, likewise for histories.
        items: int64 [n], the distinct targets of the whole step, for the contrastive loss.
        share: its number of targets over the average of all processes; makes the mean of the losses of all
            the loss of the whole batch.
        live: items that encoders which are not frozen encode again, by modality; the same in all processes.
    """

    batch: Batch
    pairs: Targets
    candidates: torch.Tensor | None
    history: torch.Tensor | None
    items: torch.Tensor
    share: float
    live: dict[str, Live]


def occurring(batch: Batch, pairs: Targets, items: int) -> tuple[Batch, Targets, torch.Tensor, torch.Tensor]:
    """Batch and pairs in places among the candidates and the history items that occur, and those items.

    Of the whole step: the parts of several processes encode the same items, with the same dropout.
    """
    candidates, place = distinct(torch.cat([pairs.item[:, None], pairs.negative], 1), items)
    history, known = distinct(batch.latest.clamp(min=0), items)
    batch = batch._replace(latest=torch.where(batch.latest >= 0, known, -1))
    return batch, pairs._replace(item=place[:, 0], negative=place[:, 1:]), candidates, history


def distinct(values: torch.Tensor, items: int) -> tuple[torch.Tensor, torch.Tensor]:
    """`torch.unique` with its inverse, for values below `items`: marks instead of a sort."""
    marked = torch.zeros(items, dtype=torch.bool)
    marked[values.flatten()] = True
    return marked.nonzero().squeeze(1), (marked.cumsum(0) - 1)[values]


def to(step: Step, device: torch.device) -> Step:
    """The same tensors on `device`."""
    pairs: Any = (field.to(device, non_blocking=True) for field in step.pairs)
    rows = (step.candidates, step.history)
    candidates, history = (x if x is None else x.to(device, non_blocking=True) for x in rows)
    items = step.items.to(device, non_blocking=True)
    return Step(step.batch.to(device), Targets(*pairs), candidates, history, items, step.share, step.live)
