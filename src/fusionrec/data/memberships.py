"""Which slice a user, an item or a held-out interaction belongs to, relative to the train part."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from fusionrec.data.split_labels import PARTS, TRAIN, Log
from fusionrec.errors import ProofError

KINDS = ("warm", "cold_user", "cold_item", "cold_both")


class Memberships(NamedTuple):
    """Train counts and slices. A user or item is cold if it has no train interaction.

    Attributes:
        user_train: int64 [users], train interactions.
        item_train: int64 [items], train interactions.
        tail: bool [items], see `tail`.
        near_picture, near_text: bool [items], cold items nearly identical to a train item in picture or text, see
            `near_train` and `near_texts.near`.
        kind: int8 [n], position in `KINDS` of each interaction: whether its user, item or both are cold.
    """

    user_train: np.ndarray
    item_train: np.ndarray
    tail: np.ndarray
    near_picture: np.ndarray
    near_text: np.ndarray
    kind: np.ndarray

    @property
    def near(self) -> dict[str, np.ndarray]:
        """Cold items near a train item, by the end of a name: in picture or text, in picture, in text."""
        either = self.near_picture | self.near_text
        return {"": either, "_by_picture": self.near_picture, "_by_text": self.near_text}


def find(
    log: Log, labels: np.ndarray, users: int, items: pd.DataFrame, tail_share: float, near_text: float | None
) -> Memberships:
    """All memberships.

    Args:
        log: the whole log.
        labels: int8 [n], positions in `PARTS`.
        users: rows of the user table.
        items: the catalogue, with `text` and the columns of the picture manifest.
        tail_share: see `tail`.
        near_text: smallest similarity of nearly identical texts, see `near_texts.near`; None: texts are not compared.
    """
    train = labels == TRAIN
    user_train = np.bincount(log.user[train], minlength=users)
    item_train = np.bincount(log.item[train], minlength=len(items))
    trained = item_train > 0
    kind = (user_train == 0).astype(np.int8)[log.user] + 2 * (~trained).astype(np.int8)[log.item]
    picture, text = near_train(picture_groups(items), trained), np.zeros(len(items), bool)
    if near_text is not None:
        from fusionrec.data import near_texts

        text = near_texts.near(items["text"].tolist(), trained, near_text)
    return Memberships(user_train, item_train, tail(item_train, tail_share), picture, text, kind)


def tail(popularity: np.ndarray, share: float) -> np.ndarray:
    """The long tail: train items outside the short head.

    The head is the smallest set of most popular items that together have at least 1 - `share` of all train
    interactions, ties by item row: the short head of Cremonesi, Koren and Turrin 2010, who put a third of all
    ratings there; a share of 0.2 follows the 80/20 rule. Cold items are neither head nor tail, but a slice of
    their own.

    Args:
        popularity: int64 [items], train interactions.
        share: of the train interactions, from 0 to below 1.

    Returns:
        bool [items].
    """
    order = np.argsort(-popularity, kind="stable")
    before = np.cumsum(popularity[order]) - popularity[order]  # interactions of the more popular items
    outside = np.empty(len(popularity), bool)
    outside[order] = before >= (1 - share) * popularity.sum()
    return outside & (popularity > 0)


def picture_groups(pictures: pd.DataFrame) -> np.ndarray:
    """int64 [items]: items with equal or nearly equal pictures have the same number.

    Args:
        pictures: item_id and, if known, `duplicate_of` and `near_duplicate_of`: another item, or null.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    rows, first, other = pd.Index(pictures["item_id"]), [], []
    for column in ("duplicate_of", "near_duplicate_of"):
        if column in pictures:
            named = np.flatnonzero(pictures[column].notna())
            first.append(named)
            other.append(rows.get_indexer(pictures[column].iloc[named]))
    one, two = (np.concatenate([np.zeros(0, np.int64), *ends]) for ends in (first, other))
    pairs = coo_array((np.ones(len(one)), (one, two)), shape=(len(rows), len(rows)))
    return connected_components(pairs, directed=False)[1]


def near_train(group: np.ndarray, trained: np.ndarray) -> np.ndarray:
    """bool [items]: cold items with nearly the same picture as a train item (of the same group).

    Such an item is not entirely new to a model that uses pictures.
    """
    seen = np.bincount(group[trained], minlength=int(group.max(initial=0)) + 1) > 0
    return ~trained & seen[group]


def of_users(ids: pd.Index, groups: Memberships) -> pd.DataFrame:
    """The user table: user_id, train_interactions, cold."""
    return pd.DataFrame(
        {"user_id": ids, "train_interactions": groups.user_train, "cold": groups.user_train == 0}
    )


def of_items(items: pd.DataFrame, groups: Memberships) -> pd.DataFrame:
    """The item table: the catalogue, train_interactions, cold, tail, and whether a train item is nearly identical.

    Columns near_duplicate_in_train (in picture or text), near_picture_in_train, near_text_in_train.
    """
    return items.assign(
        train_interactions=groups.item_train,
        cold=groups.item_train == 0,
        tail=groups.tail,
        near_duplicate_in_train=groups.near[""],
        near_picture_in_train=groups.near_picture,
        near_text_in_train=groups.near_text,
    )


def summary(log: Log, labels: np.ndarray, groups: Memberships, pictures: np.ndarray) -> dict[str, Any]:
    """Scalars: sizes, slices, and what is in each part; the parts' interactions sum up to the log's.

    Args:
        log: the whole log.
        labels: int8 [n], positions in `PARTS`.
        groups: of the same labels.
        pictures: bool [items], which items have one.

    Raises:
        ProofError: if they do not.
    """
    trained = groups.item_train > 0
    counts: dict[str, Any] = {
        "interactions": len(labels),
        "users": len(groups.user_train),
        "users_cold": int((groups.user_train == 0).sum()),
        "items": len(trained),
        "items_head": int((trained & ~groups.tail).sum()),
        "items_tail": int(groups.tail.sum()),
        "items_cold": int((~trained).sum()),
    }
    counts |= {f"items_cold_near_train{how}": int(near.sum()) for how, near in groups.near.items()}
    for label, name in enumerate(PARTS):
        rows = labels == label
        item = log.item[rows]
        counts[name] = {
            "interactions": len(item),
            "users": int((np.bincount(log.user[rows]) > 0).sum()),
            "items": int((np.bincount(item) > 0).sum()),
            "on_tail_items": int(groups.tail[item].sum()),
            **{f"on_items_near_train{how}": int(near[item].sum()) for how, near in groups.near.items()},
            "on_items_without_picture": int((~pictures[item]).sum()),
        }
        kinds = np.bincount(groups.kind[rows], minlength=len(KINDS))
        counts[name] |= {kind: int(count) for kind, count in zip(KINDS, kinds, strict=True)}
    if sum(counts[name]["interactions"] for name in PARTS) != len(labels):
        raise ProofError(f"the parts together have all {len(labels):,} interactions")
    return counts
