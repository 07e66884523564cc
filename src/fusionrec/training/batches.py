"""Training examples: a part of a user's history, and interactions to predict from it.

Two kinds of step alternate. A causal one knows a history up to a moment and predicts the next few choices;
a masked one hides random choices and predicts them from the others, regardless of time. The first
learns which item comes next, the second which items belong together, which helps to score new items. A model that
reads histories in order can predict at every moment of a history in one causal step.
"""

from collections.abc import Iterator
from math import ceil
from typing import NamedTuple

import numpy as np
import torch

from fusionrec.data.histories import Histories, ranges
from fusionrec.training.options import Train


class Batch(NamedTuple):
    """One step's examples.

    Attributes:
        users: int64 [n].
        latest: int64 [n / moments, length], the newest of what is known first; -1 where there is nothing.
        targets: int64 [n, targets], choices to predict, padded with -1.
        past: (row, item) int64 pairs of everything the user chose that is no candidate.
        timed: whether the order of `latest` means something.
        moments: 1, or `length`: then rows come in groups, one for each row of `latest`, and row j of a group
            knows columns j, j + 1, ... only; it has no target if column j is padding.
    """

    users: torch.Tensor
    latest: torch.Tensor
    targets: torch.Tensor
    past: tuple[torch.Tensor, torch.Tensor]
    timed: bool
    moments: int = 1

    def to(self, device: torch.device) -> "Batch":
        """The same tensors on `device`."""
        row, item = (x.to(device, non_blocking=True) for x in self.past)
        users, latest, targets = (
            x.to(device, non_blocking=True) for x in (self.users, self.latest, self.targets)
        )
        return Batch(users, latest, targets, (row, item), self.timed, self.moments)

    def part(self, rank: int, count: int) -> slice:
        """The rows of the `rank`-th of `count` parts, as equal as can be."""
        some = _part(len(self.latest), rank, count)
        return slice(some.start * self.moments, some.stop * self.moments)

    def shard(self, rank: int, count: int) -> "Batch":
        """The `rank`-th of `count` parts of the rows."""
        part, latest = self.part(rank, count), self.latest[_part(len(self.latest), rank, count)]
        row, item = self.past
        mine = (row >= part.start) & (row < part.stop)
        past = row[mine] - part.start, item[mine]
        return Batch(self.users[part], latest, self.targets[part], past, self.timed, self.moments)


def _part(rows: int, rank: int, count: int) -> slice:
    return slice(rows * rank // count, rows * (rank + 1) // count)


def steps(train: Histories, options: Train) -> int:
    """Batches of an epoch: as many as predict each interaction about once.

    If every moment is predicted, as many as draw each user about once.
    """
    if options.moments == "all":
        return max(1, round(np.count_nonzero(train.counts) / options.batch))
    examples = len(train.items) / (options.batch * options.targets)
    return max(1, ceil(examples) if options.sampling == "interactions" else round(examples))


def batches(
    train: Histories, options: Train, length: int, dropout: float, generator: np.random.Generator
) -> Iterator[Batch]:
    """One epoch.

    Args:
        train: the train histories.
        options: batch, targets, moments, and the share of steps that are masked.
        length: how many of the newest known items a user's vector is made of.
        dropout: share of the known items that is hidden from the user's vector.
        generator: draws everything.
    """
    for users, moment in _sampled(train, options, generator):
        if generator.random() < options.masked:
            batch = masked(train, users, options.targets, length, generator)
        elif options.moments == "all":
            # windows of the history that end anywhere, but are full where they can be
            spare = np.maximum(train.count(users) - length, 1)
            moment = train.count(users) - 1 - (generator.random(options.batch) * spare).astype(np.int64)
            batch = every_moment(train, users, moment, options.targets, length)
        else:
            if moment is None:
                moment = (generator.random(options.batch) * train.count(users)).astype(np.int64)
            batch = causal(train, users, moment, options.targets, length)
        if dropout:
            kept = torch.from_numpy(generator.random(batch.latest.shape) >= dropout)
            batch = batch._replace(latest=torch.where(kept, batch.latest, -1))
        yield batch


def _sampled(
    train: Histories, options: Train, generator: np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    """The users of each step, int64 [n], and the moment in each history, int64 [n]; None: any moment.

    If users are drawn, it is with probability proportional to the square root of their number of interactions, so that
    very active users do not dominate an epoch.
    """
    if options.sampling == "interactions":
        user = np.repeat(np.arange(len(train)), train.counts)
        order = generator.permutation(len(user))
        for step in range(steps(train, options)):
            rows = order[step * options.batch : (step + 1) * options.batch]
            yield user[rows], rows - train.offsets[user[rows]]
        return
    cumulative = np.cumsum(np.sqrt(train.counts.astype(np.float64)))
    for _ in range(steps(train, options)):
        draw = generator.random(options.batch) * cumulative[-1]
        yield np.minimum(np.searchsorted(cumulative, draw, side="right"), len(train) - 1), None


def causal(train: Histories, users: np.ndarray, moment: np.ndarray, targets: int, length: int) -> Batch:
    """The examples of `users` at `moment` (int64 [n]: how many of each history are known)."""
    start, end = train.offsets[users], train.offsets[users + 1]
    now = (start + moment)[:, None]
    ahead, back = now + np.arange(targets), now - np.arange(1, length + 1)
    past = np.repeat(np.arange(len(users)), moment), train.items[ranges(start, moment)]
    return _batch(
        users,
        _take(train, back, back >= start[:, None]),
        _take(train, ahead, ahead < end[:, None]),
        past,
        timed=True,
    )


def every_moment(train: Histories, users: np.ndarray, moment: np.ndarray, targets: int, length: int) -> Batch:
    """The examples of `users` at `moment` and at the `length` - 1 moments before it; see `Batch.moments`."""
    moments = (moment[:, None] - np.arange(length)).ravel()
    rows = causal(train, np.repeat(users, length), np.maximum(moments, 0), targets, 0)
    known = torch.from_numpy(moments > 0)[:, None]
    whole = causal(train, users, moment, targets, length)
    return rows._replace(latest=whole.latest, targets=torch.where(known, rows.targets, -1), moments=length)


def masked(
    train: Histories, users: np.ndarray, targets: int, length: int, generator: np.random.Generator
) -> Batch:
    """The examples of `users` with 5 to 50 % of each history hidden, at least one item.

    At most `targets` of the hidden items are predicted; the others are neither known nor candidates.
    """
    row, item = train.pairs(users)
    counts = train.count(users)
    hidden = np.maximum(1, (generator.uniform(0.05, 0.5, len(users)) * counts).astype(np.int64))
    place = _shuffled_places(row, counts, generator)
    chosen = place < np.minimum(hidden, targets)[row]
    target = np.full((len(users), targets), -1)
    target[row[chosen], place[chosen]] = item[chosen]
    visible = np.flatnonzero(place >= hidden[row])[::-1]  # newest first
    age = _running_count(row[visible])
    recent = age < length
    latest = np.full((len(users), length), -1)
    latest[row[visible][recent], age[recent]] = item[visible][recent]
    return _batch(users, latest, target, (row[~chosen], item[~chosen]), timed=False)


def _batch(
    users: np.ndarray,
    latest: np.ndarray,
    targets: np.ndarray,
    past: tuple[np.ndarray, np.ndarray],
    timed: bool,
) -> Batch:
    row, item = (torch.from_numpy(x) for x in past)
    users_, latest_, targets_ = (torch.from_numpy(x) for x in (users, latest, targets))
    return Batch(users_, latest_, targets_, (row, item), timed)


def _shuffled_places(row: np.ndarray, counts: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """A random permutation of 0, 1, ... within each group of equal `row` (ascending, `counts` of each)."""
    order = np.lexsort((generator.random(len(row)), row))
    place = np.empty(len(row), np.int64)
    place[order] = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    return place


def _running_count(row: np.ndarray) -> np.ndarray:
    """0, 1, ... within each run of equal values."""
    starts = np.flatnonzero(np.concatenate([[True], row[1:] != row[:-1]]))
    lengths = np.diff(np.append(starts, len(row)))
    return np.arange(len(row)) - np.repeat(starts, lengths)


def _take(train: Histories, index: np.ndarray, inside: np.ndarray) -> np.ndarray:
    return np.where(inside, train.items[np.where(inside, index, 0)], -1)
