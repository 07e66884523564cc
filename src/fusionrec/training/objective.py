"""What training minimises: the weighted sum of the losses of a batch."""

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from fusionrec import params
from fusionrec.data.content import Content
from fusionrec.data.histories import Histories
from fusionrec.models.heads import FINAL
from fusionrec.models.two_towers import FusionModel, Towers
from fusionrec.training.batches import Batch, part_of
from fusionrec.training.finetune import Encoders, Live
from fusionrec.training.losses import (
    bce_loss,
    bpr_loss,
    chunked_softmax,
    info_nce_loss,
    sampled_softmax_loss,
)
from fusionrec.training.samplers import Sampler

ENCODERS = "encoders"  # begins the names of their weights
LOGITS = 2**26  # numbers alive at once in the softmax over the catalogue: 256 MB


class Pairs(NamedTuple):
    """The targets of a batch one by one, and the negatives of each.

    Attributes:
        row: int64 [p], whose targets they are: rows of the batch.
        item: int64 [p], the targets.
        negative: int64 [p, m]; m = 0 where no loss wants negatives, or where they are the targets themselves.
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
        live: items that encoders which are not frozen encode anew, by modality; the same in all processes.
    """

    batch: Batch
    pairs: Pairs
    candidates: torch.Tensor | None
    history: torch.Tensor | None
    items: torch.Tensor
    share: float
    live: dict[str, Live]


class Objective(nn.Module):
    """The losses of a step, by `train.losses`; a module, so that it can be distributed and compiled.

    Only the softmax over the catalogue needs the vectors of all items. Without it, the items that occur in
    the step are encoded and no others.
    """

    def __init__(
        self,
        model: FusionModel,
        content: Content,
        train: Histories,
        options: params.Train,
        encoders: Encoders | None = None,
    ) -> None:
        super().__init__()
        self.model, self.content, self.options, self.weights = model, content, options, options.losses
        self.encoders = encoders or Encoders()
        self.sampled = bool(self.weights.sampled_softmax or self.weights.bpr or self.weights.bce)
        self.in_batch = options.negatives.strategy == "in_batch"
        rows = content.trained.nonzero().squeeze(1).cpu().numpy()
        self.sampler = Sampler(train, rows, options.negatives) if self.sampled else None

    def state(self) -> dict[str, torch.Tensor]:
        """All that is trained, as it stands: the next step changes it."""
        tuned = self.encoders.named_parameters(ENCODERS)
        return self.model.state_dict() | {name: x.detach() for name, x in tuned if x.requires_grad}

    def restore(self, state: dict[str, torch.Tensor]) -> None:
        """Give back a `state`, and encode all items anew."""
        tuned = {name: x for name, x in state.items() if name.startswith(f"{ENCODERS}.")}
        self.model.load_state_dict({name: x for name, x in state.items() if name not in tuned})
        self.load_state_dict(tuned, strict=False)
        self.renew()

    def renew(self) -> None:
        """Encode all items anew, with the encoders that are not frozen as they stand."""
        self.encoders.renew()
        self.content = self.encoders.insert(self.content)

    def prepare(self, batch: Batch, draws: np.random.Generator, rank: int = 0, size: int = 1) -> Step:
        """Draw the negatives of the whole batch and take the `rank`-th of `size` parts."""
        row, column = (batch.targets >= 0).nonzero(as_tuple=True)
        item = batch.targets[row, column]
        pairs = self._pairs(batch, row, item, draws)
        items = _distinct(item, len(self.content.trained))[0]
        live = self.encoders.draw(items, draws)
        candidates = history = None
        if not self.weights.softmax:
            batch, pairs, candidates, history = _occurring(batch, pairs, len(self.content.trained))
        share = 1.0
        if size > 1:
            batch, pairs, share = self._part(batch, pairs, rank, size)
        return Step(batch, pairs, candidates, history, items, share, live)

    def _part(self, batch: Batch, pairs: Pairs, rank: int, size: int) -> tuple[Batch, Pairs, float]:
        """The `rank`-th of `size` parts, and its share of the targets."""
        rows = part_of(len(batch.users), rank, size)
        mine = (pairs.row >= rows.start) & (pairs.row < rows.stop)
        part = Pairs(pairs.row[mine] - rows.start, *(field[mine] for field in pairs[1:]))
        if self.sampler and self.in_batch:
            part = part._replace(valid=part.valid[:, mine])
        return batch.shard(rank, size), part, int(mine.sum()) * size / len(mine)

    def _pairs(
        self, batch: Batch, row: torch.Tensor, item: torch.Tensor, draws: np.random.Generator
    ) -> Pairs:
        if self.sampler is None:
            none = torch.empty(len(item), 0)
            return Pairs(row, item, none.long(), none.bool(), torch.zeros(len(item)), none)
        users, targets = batch.users[row].numpy(), item.numpy()
        logq = torch.from_numpy(self.sampler.logq(targets))
        if self.in_batch:
            _, valid = self.sampler.in_batch(targets, users)
            return Pairs(row, item, item.new_empty(len(item), 0), torch.from_numpy(valid), logq, logq)
        negative, valid = self.sampler.draw(users, draws)
        negative_logq = torch.from_numpy(self.sampler.logq(negative))
        return Pairs(row, item, torch.from_numpy(negative), torch.from_numpy(valid), logq, negative_logq)

    def forward(self, step: Step, generator: torch.Generator | None) -> dict[str, torch.Tensor]:
        """The losses that are switched on, unweighted, by name; and `loss`, their weighted sum."""
        batch, pairs = step.batch, step.pairs
        content = self.encoders.enliven(self.content, step.live)
        towers = self.model.towers(content, generator, step.candidates, step.history)
        users = self.model.user_vectors(towers, batch.users, batch.latest, batch.timed)
        losses = self._sampled(users, towers, pairs, generator) if self.sampled else {}
        if self.weights.softmax:
            losses["softmax"] = self._softmax(users, towers, batch, generator)
        losses = {name: step.share * value for name, value in losses.items()}
        if self.weights.contrastive:
            losses["contrastive"] = self._contrastive(content, step.items, generator)
        weighted = [getattr(self.weights, name) * value for name, value in losses.items()]
        return losses | {"loss": torch.stack(weighted).sum()}

    def _softmax(
        self, users: torch.Tensor, towers: Towers, batch: Batch, generator: torch.Generator | None
    ) -> torch.Tensor:
        # no candidates: items without train interactions, and what the user had before
        among = towers._replace(bias=towers.bias.masked_fill(~self.content.trained, -torch.inf))
        owner, item = batch.past
        seed = _seed(generator)

        def score(rows: slice) -> torch.Tensor:
            logits = self.model.logits(users[rows], among, generator=_seeded(seed, rows.start, users.device))
            mine = (owner >= rows.start) & (owner < rows.stop)
            nothing = torch.tensor(-torch.inf, dtype=logits.dtype, device=logits.device)
            return logits.index_put_((owner[mine] - rows.start, item[mine]), nothing)

        chunk = max(1, LOGITS // (len(towers.candidates) * max(1, self.model.head.width)))
        return chunked_softmax(score, len(users), batch.targets, chunk)

    def _sampled(
        self, users: torch.Tensor, towers: Towers, pairs: Pairs, generator: torch.Generator | None
    ) -> dict[str, torch.Tensor]:
        owners, generator = users[pairs.row], _seeded(_seed(generator), 0, users.device)
        if self.in_batch:
            among = Towers(towers.candidates[pairs.item], towers.bias[pairs.item], towers.history)
            negative = self.model.logits(owners, among, generator=generator)
            positive = negative.diagonal()
        else:
            columns = torch.cat([pairs.item[:, None], pairs.negative], 1)
            logits = self.model.logits(owners, towers, columns, generator)
            positive, negative = logits[:, 0], logits[:, 1:]
        losses: dict[str, torch.Tensor] = {}
        if self.weights.sampled_softmax:
            losses["sampled_softmax"] = sampled_softmax_loss(
                positive, negative, pairs.item_logq, pairs.negative_logq, pairs.valid
            )
        if self.weights.bpr:
            losses["bpr"] = bpr_loss(positive, negative, pairs.valid)
        if self.weights.bce:
            activation = self.model.options.final_activation
            hit, miss = (FINAL[activation](logits.float()) for logits in (positive, negative))
            losses["bce"] = bce_loss(hit, miss, activation, pairs.valid)
        return losses

    def _contrastive(
        self, content: Content, items: torch.Tensor, generator: torch.Generator | None
    ) -> torch.Tensor:
        vision, language, both = self.model.candidates.modalities(content, items, generator)
        return info_nce_loss(vision[both], language[both], self.model.temperature)


def _occurring(batch: Batch, pairs: Pairs, items: int) -> tuple[Batch, Pairs, torch.Tensor, torch.Tensor]:
    """Batch and pairs in places among the candidates and the history items that occur, and those items.

    Of the whole step: the parts of several processes encode the same items, with the same dropout.
    """
    candidates, place = _distinct(torch.cat([pairs.item[:, None], pairs.negative], 1), items)
    history, known = _distinct(batch.latest.clamp(min=0), items)
    batch = batch._replace(latest=torch.where(batch.latest >= 0, known, -1))
    return batch, pairs._replace(item=place[:, 0], negative=place[:, 1:]), candidates, history


def _distinct(values: torch.Tensor, items: int) -> tuple[torch.Tensor, torch.Tensor]:
    """`torch.unique` with its inverse, for values below `items`: marks instead of a sort."""
    marked = torch.zeros(items, dtype=torch.bool)
    marked[values.flatten()] = True
    return marked.nonzero().squeeze(1), (marked.cumsum(0) - 1)[values]


def _seed(generator: torch.Generator | None) -> int | None:
    """For draws that depend on a process's or a chunk's own rows, and must not shift those of the others."""
    if generator is None:
        return None
    return int(torch.randint(2**62, (), generator=generator, device=generator.device))


def _seeded(seed: int | None, start: int, device: torch.device) -> torch.Generator | None:
    return None if seed is None else torch.Generator(device).manual_seed(seed + start)


def to(step: Step, device: torch.device) -> Step:
    """The same tensors on `device`."""
    pairs: Any = (field.to(device, non_blocking=True) for field in step.pairs)
    rows = (step.candidates, step.history)
    candidates, history = (x if x is None else x.to(device, non_blocking=True) for x in rows)
    items = step.items.to(device, non_blocking=True)
    return Step(step.batch.to(device), Pairs(*pairs), candidates, history, items, step.share, step.live)
