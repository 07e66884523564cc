"""Warm, cold-user, cold-item and cold-both interactions side by side (Park and Chu 2009).

A share `cold_users` of the users with at least `min_interactions`, and a share `cold_items` of the items with
interactions, are never in train. Each belongs to validation or to test, in the proportion of the two fractions,
and so do its interactions. The rest is split as by `stratified`, except that a warm item that would have no
train interaction left stays in train: items are cold only because they were drawn.

Two kinds of a cold user's interactions are known at evaluation, and never trained on:

- the first `fold_in` of those with warm items, as in `user`. Interactions with items that are cold in the same
  part are only ever to be predicted.
- those with items that are cold in the other part. They can be in neither part without a cold user or a cold
  item being in both; as history they give away no answer. They are known even with `fold_in` 0.
"""

import numpy as np

from fusionrec.data import leakage
from fusionrec.data.leakage import Proof, proved
from fusionrec.data.split_labels import (
    FOLD_IN,
    PARTS,
    TEST,
    TRAIN,
    VAL,
    Log,
    first_of_each,
    random_of_each,
    random_rows,
)
from fusionrec.data.strategies import Given
from fusionrec.params import Fraction, Section

READS = ("val_fraction", "test_fraction", "min_interactions")
FOLDS_IN = True


class Options(Section):
    """Shares of users and items that are absent from train; `fold_in` as for the strategy `user`."""

    cold_users: Fraction
    cold_items: Fraction
    fold_in: Fraction


def label(given: Given[Options], rng: np.random.Generator) -> np.ndarray:
    """int8 [n], positions in `PARTS`."""
    log = given.log
    user_part, item_part = _cold_parts(given, rng)
    labels = np.maximum(user_part, item_part)
    warm = labels == TRAIN
    labels[warm] = _warm_labels(Log(log.user[warm], log.item[warm], log.timestamp[warm]), given, rng)
    cold_user, cold_item = user_part != TRAIN, item_part != TRAIN
    labels[first_of_each(log.user, cold_user & ~cold_item, given.own.fold_in)] = FOLD_IN
    labels[cold_user & cold_item & (user_part != item_part)] = FOLD_IN
    return labels


def _cold_parts(given: Given[Options], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The part of each interaction's user and of its item, int8 [n]: VAL or TEST if drawn, else TRAIN."""
    log, o = given.log, given.options
    to_val, to_test = np.array([o.val_fraction, o.test_fraction]) / (o.val_fraction + o.test_fraction)
    users, items = np.bincount(log.user) >= o.min_interactions, np.bincount(log.item) > 0
    share = given.own.cold_users
    user_part = random_rows(users, share * to_val, share * to_test, rng)[log.user]
    share = given.own.cold_items
    return user_part, random_rows(items, share * to_val, share * to_test, rng)[log.item]


def _warm_labels(log: Log, given: Given[Options], rng: np.random.Generator) -> np.ndarray:
    """As by `stratified`, but an item that would have no train interaction stays in train."""
    o = given.options
    drawn = random_of_each(log.user, o.val_fraction, o.test_fraction, o.min_interactions, rng)
    left = np.bincount(log.item[drawn == TRAIN], minlength=int(given.log.item.max(initial=-1)) + 1) > 0
    return np.where(left[log.item], drawn, TRAIN)


def check(labels: np.ndarray, given: Given[Options]) -> list[Proof]:
    """Cold users and items are in one part each, and fold-in interactions give away none of them.

    Users are cold because they were drawn if they have no train interaction although they interacted with items
    that have one; likewise items. Others may be missing from train only because all their interactions were
    drawn.
    """
    user, item = given.log.user, given.log.item
    user_known = leakage.has(user, labels == TRAIN)[user]
    item_known = leakage.has(item, labels == TRAIN)[item]
    user_cold = leakage.has(user, ~user_known & item_known)[user]
    item_cold = leakage.has(item, user_known & ~item_known)[item]
    proofs = [proved("no user of train has fold-in interactions", user_known[labels == FOLD_IN])]
    for ids, cold, name in ((user, user_cold, "user"), (item, item_cold, "item")):
        promise = f"no cold {name} is in two parts"
        proofs.append(leakage.check_disjoint(ids[cold], labels[cold], (VAL, TEST), promise))
    for part in (VAL, TEST):
        asked_users = leakage.has(user, labels == part)[user]
        asked_items = leakage.has(item, (labels == part) & item_cold)[item]
        promise = f"no cold item of {PARTS[part]} is folded in where it is to be predicted"
        proofs.append(proved(promise, (asked_users & asked_items)[labels == FOLD_IN]))
    return proofs
