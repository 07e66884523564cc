"""Evaluation protocols: which users are evaluated, which interactions are known, and which items are ranked."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from fusionrec import files
from fusionrec.data.histories import LOG, Histories
from fusionrec.errors import UserError
from fusionrec.evaluation import catalogue_ranking
from fusionrec.evaluation.options import Metrics
from fusionrec.models.recommender import Recommender
from fusionrec.models.uniform_scores import UniformScores

NEGATIVES = 2**32  # added to the seed, so that negatives are drawn independently of the random baseline


class Task(NamedTuple):
    """One evaluation.

    Attributes:
        users: int64 [n], the users who are evaluated.
        past: known interactions of each user: input of recommenders, and never recommended.
        held_out: the relevant items, which should be recommended.
        train: the train histories; nothing is fitted on other ones.
        popularity: int64 [items], train users of each item.
        tail: bool [items], the long tail of train.
        vectors: float32 [items, width], content vectors of length 1, or 0 where an item has none; width 0 where
            there is no content to compare by.
        tied: bool [users], whether a held-out interaction of the user has the same time as another one.
        candidates: the items that are ranked for each user. None: the whole catalogue.
    """

    users: np.ndarray
    past: Histories
    held_out: Histories
    train: Histories
    popularity: np.ndarray
    tail: np.ndarray
    vectors: np.ndarray
    tied: np.ndarray
    candidates: Histories | None

    @property
    def train_users(self) -> int:
        """Number of users with a train interaction."""
        return int((self.train.counts > 0).sum())


def of_test(
    parts: dict[str, pd.DataFrame],
    users: int,
    tail: np.ndarray,
    vectors: np.ndarray,
    options: Metrics,
    candidates: Histories | None = None,
) -> Task:
    """The test task from the tables of the split.

    At test, the train and fold-in interactions are known, and those of validation too unless the protocol is
    `mmrec`, which follows MMRec's published figures. With `new`, only items without a train or validation
    interaction are held out and ranked. Users without a held-out item, or without a candidate, are left out.

    Args:
        parts: train, val, test, fold_in, each with the columns `histories.LOG`.
        users: rows of the user table.
        tail: bool [items], see `Task`.
        vectors: float32 [items, width], see `Task`.
        options: `protocol`; with `sampled`, `negatives`; `users` and `seed`.
        candidates: see `Task`; `sampled` draws its own.
    """
    train = Histories.of(parts["train"], users)
    names = ["train", "fold_in"] if options.protocol == "mmrec" else ["train", "fold_in", "val"]
    past = Histories.of(pd.concat([parts[name][LOG] for name in names]), users)
    held_out = Histories.of(parts["test"], users)
    popularity = np.bincount(train.items, minlength=len(tail))
    if options.protocol == "new":
        candidates = of_all(np.arange(len(tail)), users) if candidates is None else candidates
        new = popularity == 0
        new[parts["val"]["item"]] = False
        held_out, candidates = (kept(each, new) for each in (held_out, candidates))
        if not len(held_out.items):
            raise UserError(
                "metrics.protocol: new ranks items without a train interaction, but none is held out; set "
                "splits.strategy to item, or the protocol to strict"
            )
    asked = np.flatnonzero(held_out.counts)
    if options.protocol != "sampled" and candidates is not None:
        asked = np.flatnonzero((held_out.counts > 0) & (candidates.counts > 0))
    asked = drawn(asked, options.users, options.seed)
    if options.protocol == "sampled":
        candidates = sample(asked, past, held_out, len(tail), options.negatives, options.seed)
    return Task(asked, past, held_out, train, popularity, tail, vectors, tied(parts, users), candidates)


def drawn(users: np.ndarray, count: int, seed: int) -> np.ndarray:
    """`count` of `users`, int64 [n], at random and in their order; all if `count` is 0 or there are no more."""
    if not 0 < count < len(users):
        return users
    return np.sort(np.random.default_rng(seed).choice(users, count, replace=False))


def sample(
    users: np.ndarray, past: Histories, held_out: Histories, items: int, negatives: int, seed: int
) -> Histories:
    """Candidates of `users`: the held-out items, and negatives: items that the user never interacted with.

    Negatives are drawn uniformly without replacement, with a separate generator for each user: they are the first
    items of a random order.

    Args:
        users: int64 [n], rows of the user table.
        past: known interactions of each user.
        held_out: relevant items of each user.
        items: size of the catalogue.
        negatives: how many per user.
        seed: of the generators.
    """
    together = pair_up(*_pairs(past), *_pairs(held_out), users=len(past))
    scores = UniformScores(NEGATIVES + seed, items)
    picked = catalogue_ranking.top_k(scores, users, together, min(negatives, items)).items
    row, rank = np.nonzero(picked >= 0)
    positions, positives = held_out.pairs(users)
    return pair_up(users[row], picked[row, rank], users[positions], positives, users=len(past))


def _pairs(histories: Histories) -> tuple[np.ndarray, np.ndarray]:
    return histories.pairs(np.arange(len(histories)))


def pair_up(*columns: np.ndarray, users: int) -> Histories:
    """Histories of pairs: each user's items, ascending, each once.

    Args:
        columns: int64 arrays: users, items, users, items, and so on.
        users: rows of the user table.
    """
    user, item = np.concatenate(columns[::2]), np.concatenate(columns[1::2])
    table = pd.DataFrame({"user": user, "item": item, "timestamp": 0})
    return Histories.of(table.drop_duplicates(), users)


def candidates(path: str, user_ids: list[str], item_ids: list[str]) -> Histories | None:
    """Read the candidates from a table.

    Args:
        path: a Parquet or CSV file with the column item_id. With the column user_id, a row is a candidate of that
            user; without it, of all users.
        user_ids: ids of the rows of users.
        item_ids: ids of the rows of items.

    Returns:
        None if all users have the whole catalogue.

    Raises:
        UserError: if the file or its column does not exist, or an id is not in the split.
    """
    try:
        table = pd.read_csv(path, dtype="str") if path.endswith(".csv") else files.read_table(path)
    except FileNotFoundError:
        raise UserError(f"metrics.candidates: {path} not found") from None
    if "item_id" not in table:
        raise UserError(f"metrics.candidates: {path} has no column item_id")
    item = _rows(table["item_id"], item_ids, f"{path}: item_id")
    if "user_id" in table:
        return pair_up(_rows(table["user_id"], user_ids, f"{path}: user_id"), item, users=len(user_ids))
    item = np.unique(item)
    if len(item) == len(item_ids):
        return None
    return of_all(item, len(user_ids))


def of_all(items: np.ndarray, users: int) -> Histories:
    """Histories in which each of `users` users has all of `items`."""
    return Histories(np.arange(users + 1) * len(items), np.tile(items, users))


def kept(histories: Histories, items: np.ndarray) -> Histories:
    """Histories without the items that are not in `items`, bool [items]."""
    stays = items[histories.items]
    counts = np.concatenate([[0], np.cumsum(stays)])[histories.offsets]
    return Histories(counts, histories.items[stays])


def _rows(ids: pd.Series, known: list[str], where: str) -> np.ndarray:
    rows = pd.Index(known).get_indexer(pd.Index(ids.astype("str")))
    if (rows < 0).any():
        unknown = ids[rows < 0].astype("str").unique()
        raise UserError(
            f"metrics.candidates: {where} has {len(unknown)} ids that are not in data/splits, such as "
            f"{', '.join(unknown[:3])}; remove these rows"
        )
    return rows.astype(np.int64)


def tied(parts: dict[str, pd.DataFrame], users: int) -> np.ndarray:
    """bool [users]: whether a held-out interaction has the same time as another one, so that their order is unknown."""
    log = pd.concat([part[LOG] for part in parts.values()])
    same = log.duplicated(["user", "timestamp"], keep=False).to_numpy()
    held_out = np.repeat([name == "test" for name in parts], [len(part) for part in parts.values()])
    return np.bincount(log["user"].to_numpy()[same & held_out], minlength=users) > 0


class Among:
    """A `Recommender` that recommends only each user's candidates."""

    def __init__(self, recommender: Recommender, candidates: Histories):
        self.recommender, self.candidates = recommender, candidates

    def score(self, users: np.ndarray, past: Histories) -> torch.Tensor:
        """See `Recommender.score`."""
        scores = self.recommender.score(users, past)
        row, item = (torch.from_numpy(x).to(scores.device) for x in self.candidates.pairs(users))
        among = torch.full_like(scores, -torch.inf)
        among[row, item] = scores[row, item]
        return among


def rank(recommender: Recommender, task: Task, k: int) -> catalogue_ranking.Lists:
    """The k best candidates of each user of the task, without the items of the user's past."""
    if task.candidates is not None:
        recommender = Among(recommender, task.candidates)
    return catalogue_ranking.top_k(recommender, task.users, task.past, k)
