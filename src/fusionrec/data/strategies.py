"""Split strategies: pure functions from an interaction log to a label for each interaction.

Nothing depends on the order of a file's rows: the log is in canonical order, and random numbers are drawn
by position in it. Meng et al. 2020 (arXiv:2007.13237) compare the common ones.
"""

from typing import NamedTuple

import numpy as np

PARTS = ("train", "val", "test", "fold_in")
TRAIN, VAL, TEST, FOLD_IN = range(len(PARTS))


class Log(NamedTuple):
    """Who chose what and when, each pair once, sorted by user, timestamp and item.

    Attributes:
        user: int32 [n], rows of the user table, which is sorted by id.
        item: int32 [n], rows of the item table, which is sorted by id.
        timestamp: int64 [n], seconds since 1970.
    """

    user: np.ndarray
    item: np.ndarray
    timestamp: np.ndarray


def portions(
    count: np.ndarray, val_fraction: float, test_fraction: float, least: int = 3
) -> tuple[np.ndarray, np.ndarray]:
    """How many out of each `count` are for validation and for test.

    floor(count * fraction + 1/2), and at least one where the fraction is above 0. Test comes first and leaves
    one each to validation and train; validation leaves one to train. Below `least`, which is 3 or more, all
    is for train.

    Returns:
        (val, test), int64 like `count`.
    """
    test = np.clip(np.floor(count * test_fraction + 0.5), test_fraction > 0, count - 2)
    val = np.clip(np.floor(count * val_fraction + 0.5), val_fraction > 0, count - test - 1)
    enough = count >= least
    return np.where(enough, val, 0).astype(np.int64), np.where(enough, test, 0).astype(np.int64)


def leave_one_out(log: Log, held_out: str, least: int, rng: np.random.Generator) -> np.ndarray:
    """One interaction of each user is for test, another for validation.

    - `latest`: the last and the one before, ties in time by item row (SASRec, Kang and McAuley 2018,
      arXiv:1808.09781).
    - `random`: any two (BPR, Rendle et al. 2009, arXiv:1205.2618).

    Users with fewer than `least` interactions stay in train whole, so that everybody who is evaluated has a
    history.

    Returns:
        int8 [n], positions in `PARTS`.
    """
    order = _shuffled(log.user, rng) if held_out == "random" else np.arange(len(log.user))
    counts = np.bincount(log.user)
    one = (counts >= least).astype(np.int64)
    return _last_of_each(order, counts, one, one)


def temporal(log: Log, val_fraction: float, test_fraction: float) -> np.ndarray:
    """Two cuts through time, the same for everybody: the past trains, the future tests.

    With `portions` of all interactions, the second cut is the timestamp of the first of the latest `test`
    ones, the first cut that of the `val` ones before. Interactions at the very second of a cut belong to the
    later part. Users and items may be new after a cut.

    Returns:
        int8 [n], positions in `PARTS`.
    """
    val_cut, test_cut = cuts(log.timestamp, val_fraction, test_fraction)
    labels = (log.timestamp >= val_cut).astype(np.int8) * VAL
    labels[log.timestamp >= test_cut] = TEST
    return labels


def cuts(timestamp: np.ndarray, val_fraction: float, test_fraction: float) -> tuple[int, int]:
    """The timestamps at which validation and test begin; see `temporal`."""
    n = len(timestamp)
    val, test = portions(np.array(n), val_fraction, test_fraction)
    first = max(n - int(test) - int(val), 0), n - max(int(test), 1)
    ordered = np.partition(timestamp, first)
    return int(ordered[first[0]]), int(ordered[first[1]])


def stratified(
    log: Log, val_fraction: float, test_fraction: float, least: int, rng: np.random.Generator
) -> np.ndarray:
    """Of each user's interactions, `portions` at random.

    Users with fewer than `least` stay in train whole; everybody who is evaluated has a history.

    Returns:
        int8 [n], positions in `PARTS`.
    """
    return stratified_by(log.user, val_fraction, test_fraction, least, rng)


def stratified_temporal(log: Log, val_fraction: float, test_fraction: float, least: int) -> np.ndarray:
    """Of each user's interactions, the latest `portions`: last test, before it validation.

    Ties in time go by item row. Users with fewer than `least` stay in train whole. A user's test may be older
    than another's train.

    Returns:
        int8 [n], positions in `PARTS`.
    """
    counts = np.bincount(log.user)
    val, test = portions(counts, val_fraction, test_fraction, least)
    return _last_of_each(np.arange(len(log.user)), counts, val, test)


def stratified_by(
    group: np.ndarray, val_fraction: float, test_fraction: float, least: int, rng: np.random.Generator
) -> np.ndarray:
    """Of each group's interactions, `portions` at random; groups with fewer than `least` stay in train whole.

    `stratified_by_column` is this with groups from a column; every value that is evaluated is in train too.

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
    return _last_of_each(_shuffled(group, rng), counts, val, test)


def simple_random(
    log: Log, val_fraction: float, test_fraction: float, rng: np.random.Generator
) -> np.ndarray:
    """`portions` of all interactions at random; users and items may be missing from train by chance.

    Returns:
        int8 [n], positions in `PARTS`.
    """
    everything = np.zeros(len(log.user), np.int64)
    return stratified_by(everything, val_fraction, test_fraction, 3, rng)


def user(
    log: Log, val_fraction: float, test_fraction: float, least: int, fold_in: float, rng: np.random.Generator
) -> np.ndarray:
    """Disjoint users: `portions` of those with at least `least` interactions, at random, are not trained on.

    That is strong generalisation (Marlin 2004; Liang et al. 2018, arXiv:1802.05814): the first `fold_in` of
    a held-out user's interactions are known when the user is asked, the others are to be found. Liang et al.
    fold in at random; here it goes by time, so that nobody is asked about the past. The number is
    floor(count * fold_in + 1/2), at least one and at least one less than all; with `fold_in` 0 it is none.

    Returns:
        int8 [n], positions in `PARTS`.
    """
    counts = np.bincount(log.user)
    side = _sides(counts >= least, val_fraction, test_fraction, rng)
    labels = side[log.user]
    labels[_first_of_each(log.user, labels != TRAIN, fold_in)] = FOLD_IN
    return labels


def item(log: Log, val_fraction: float, test_fraction: float, rng: np.random.Generator) -> np.ndarray:
    """Disjoint items: `portions` of the chosen items, at random, are not trained on (Schein et al. 2002).

    All interactions with a held-out item are in its part; users may be missing from train by chance.

    Returns:
        int8 [n], positions in `PARTS`.
    """
    return _sides(np.bincount(log.item) > 0, val_fraction, test_fraction, rng)[log.item]


def mixed(
    log: Log,
    val_fraction: float,
    test_fraction: float,
    least: int,
    cold_users: float,
    cold_items: float,
    fold_in: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Warm, cold-user, cold-item and cold-both interactions side by side (Park and Chu 2009).

    A share `cold_users` of the users with at least `least` interactions, and a share `cold_items` of the
    chosen items, are never in train. Each belongs to validation or to test, in the proportion of the two
    fractions, and so do its interactions. The rest is `stratified`, except that a warm item of which nothing
    would be left stays in train: items are cold because they were drawn.

    Two kinds of a cold user's interactions are known when the user is asked, and never trained on:
    - the first `fold_in` of those with warm items, as in `user`. What the user did with items that are cold
      in the same part is only ever asked for.
    - those with items that are cold in the other part. They can be in neither without a cold user or a cold
      item being in both; as history they give away no answer. They are known even with `fold_in` 0.

    Returns:
        int8 [n], positions in `PARTS`.
    """
    to_val, to_test = np.array([val_fraction, test_fraction]) / (val_fraction + test_fraction)
    users, items = np.bincount(log.user) >= least, np.bincount(log.item) > 0
    user_side = _sides(users, cold_users * to_val, cold_users * to_test, rng)[log.user]
    item_side = _sides(items, cold_items * to_val, cold_items * to_test, rng)[log.item]
    labels = np.maximum(user_side, item_side)
    warm = labels == TRAIN
    rest = Log(log.user[warm], log.item[warm], log.timestamp[warm])
    drawn = stratified(rest, val_fraction, test_fraction, least, rng)
    left = np.bincount(rest.item[drawn == TRAIN], minlength=len(items)) > 0
    labels[warm] = np.where(left[rest.item], drawn, TRAIN)
    cold_user, cold_item = user_side != TRAIN, item_side != TRAIN
    labels[_first_of_each(log.user, cold_user & ~cold_item, fold_in)] = FOLD_IN
    labels[cold_user & cold_item & (user_side != item_side)] = FOLD_IN
    return labels


def _shuffled(group: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """int64 [n]: positions in the log, group by group, in random order within each."""
    return np.lexsort((rng.random(len(group)), group))


def _last_of_each(order: np.ndarray, counts: np.ndarray, val: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Labels by place within a group: the last `test` are for test, the `val` before for validation.

    Args:
        order: int64 [n], positions in the log, group by group.
        counts: int64 [groups], the length of each.
        val: int64 [groups], how many.
        test: int64 [groups], how many.
    """
    place = np.arange(1, len(order) + 1)
    after = np.repeat(np.cumsum(counts), counts) - place  # how many of the group follow
    held_out = (after < np.repeat(val + test, counts)).astype(np.int8) * VAL
    held_out[after < np.repeat(test, counts)] = TEST
    labels = np.empty_like(held_out)
    labels[order] = held_out
    return labels


def _first_of_each(user: np.ndarray, chosen: np.ndarray, share: float) -> np.ndarray:
    """int64: of each user's `chosen` positions, the first `share`; see `user` for the rounding."""
    position = np.flatnonzero(chosen)
    counts = np.bincount(user[position])
    wanted = np.clip(np.floor(counts * share + 0.5), share > 0, np.maximum(counts - 1, 0))
    before = np.arange(len(position)) - np.repeat(np.cumsum(counts) - counts, counts)
    return position[before < np.repeat(wanted, counts)]


def _sides(
    eligible: np.ndarray, val_fraction: float, test_fraction: float, rng: np.random.Generator
) -> np.ndarray:
    """Draw `portions` of the rows of a table.

    Args:
        eligible: bool [rows], which can be drawn.
        val_fraction: of the eligible rows.
        test_fraction: of the eligible rows.
        rng: shuffles the eligible rows.

    Returns:
        int8 [rows]: VAL, TEST, or TRAIN for those not drawn.
    """
    shuffled = rng.permutation(np.flatnonzero(eligible))
    val, test = (int(n) for n in portions(np.array(len(shuffled)), val_fraction, test_fraction))
    side = np.full(len(eligible), TRAIN, np.int8)
    side[shuffled[:test]] = TEST
    side[shuffled[test : test + val]] = VAL
    return side
