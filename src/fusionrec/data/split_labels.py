"""What all split strategies share: the interaction log, the parts, and helpers that draw or cut by group.

Nothing depends on the order of a file's rows: the log is in canonical order, and random numbers are drawn
by position in it.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

PARTS = ("train", "val", "test", "fold_in")
TRAIN, VAL, TEST, FOLD_IN = range(len(PARTS))


class Log(NamedTuple):
    """All interactions, each pair of user and item once, sorted by user, timestamp and item.

    Attributes:
        user: int32 [n], rows of the user table, which is sorted by id.
        item: int32 [n], rows of the item table, which is sorted by id.
        timestamp: int64 [n], seconds since 1970.
        given: strings [n], the part that the data set itself names; None if it names none.
    """

    user: np.ndarray
    item: np.ndarray
    timestamp: np.ndarray
    given: "pd.Categorical | None" = None


def portions(
    count: np.ndarray, val_fraction: float, test_fraction: float, least: int = 3
) -> tuple[np.ndarray, np.ndarray]:
    """How many of each `count` interactions (or users, or items) are for validation and for test.

    floor(count * fraction + 1/2), and at least one if the fraction is above 0. Test is served first and leaves
    one each to validation and train; validation leaves one to train. If a count is below `least`, which is 3
    or more, everything is for train.

    Args:
        count: int64 of any shape.
        val_fraction: of each count.
        test_fraction: of each count.
        least: see above.

    Returns:
        (val, test), int64 with the shape of `count`.
    """
    test = np.clip(np.floor(count * test_fraction + 0.5), test_fraction > 0, count - 2)
    val = np.clip(np.floor(count * val_fraction + 0.5), val_fraction > 0, count - test - 1)
    enough = count >= least
    return np.where(enough, val, 0).astype(np.int64), np.where(enough, test, 0).astype(np.int64)


def shuffled(group: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """int64 [n]: positions in the log, group by group, in random order within each group."""
    return np.lexsort((rng.random(len(group)), group))


def last_of_each(order: np.ndarray, counts: np.ndarray, val: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Labels by place within a group: the last `test` are for test, the `val` before them for validation.

    Args:
        order: int64 [n], positions in the log, group by group.
        counts: int64 [groups], the length of each group.
        val: int64 [groups], how many of each group.
        test: int64 [groups], how many of each group.

    Returns:
        int8 [n], positions in `PARTS`.
    """
    place = np.arange(1, len(order) + 1)
    after = np.repeat(np.cumsum(counts), counts) - place  # how many of the group follow
    held_out = (after < np.repeat(val + test, counts)).astype(np.int8) * VAL
    held_out[after < np.repeat(test, counts)] = TEST
    labels = np.empty_like(held_out)
    labels[order] = held_out
    return labels


def first_of_each(user: np.ndarray, chosen: np.ndarray, share: float) -> np.ndarray:
    """The first `share` of each user's interactions, out of those in `chosen`.

    The number is floor(count * share + 1/2), at least one and at least one less than all; with `share` 0 it
    is none.

    Args:
        user: int [n], the user of each interaction, ascending.
        chosen: bool [n].
        share: from 0 to below 1.

    Returns:
        int64, positions in the log.
    """
    position = np.flatnonzero(chosen)
    counts = np.bincount(user[position])
    wanted = np.clip(np.floor(counts * share + 0.5), share > 0, np.maximum(counts - 1, 0))
    before = np.arange(len(position)) - np.repeat(np.cumsum(counts) - counts, counts)
    return position[before < np.repeat(wanted, counts)]


def random_of_each(
    group: np.ndarray, val_fraction: float, test_fraction: float, least: int, rng: np.random.Generator
) -> np.ndarray:
    """Of each group's interactions, `portions` at random; groups with fewer than `least` stay in train whole.

    Args:
        group: int [n], the group of each interaction.
        val_fraction: of each group.
        test_fraction: of each group.
        least: see above.
        rng: draws a number for each interaction.

    Returns:
        int8 [n], positions in `PARTS`.
    """
    counts = np.bincount(group)
    val, test = portions(counts, val_fraction, test_fraction, least)
    return last_of_each(shuffled(group, rng), counts, val, test)


def random_rows(
    eligible: np.ndarray, val_fraction: float, test_fraction: float, rng: np.random.Generator
) -> np.ndarray:
    """Assign `portions` of the users or items, at random, to validation and test.

    Args:
        eligible: bool [rows], which rows of the table can be drawn.
        val_fraction: of the eligible rows.
        test_fraction: of the eligible rows.
        rng: shuffles the eligible rows.

    Returns:
        int8 [rows]: VAL, TEST, or TRAIN for those not drawn.
    """
    order = rng.permutation(np.flatnonzero(eligible))
    val, test = (int(n) for n in portions(np.array(len(order)), val_fraction, test_fraction))
    part = np.full(len(eligible), TRAIN, np.int8)
    part[order[:test]] = TEST
    part[order[test : test + val]] = VAL
    return part
