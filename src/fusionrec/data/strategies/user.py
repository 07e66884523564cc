"""Disjoint users: a random fraction of the users is not trained on; their first interactions are folded in.

This is strong generalisation (Marlin 2004; Liang et al. 2018, arXiv:1802.05814): of the users with at least
`min_interactions`, `portions` are held out. The first `fold_in` of a held-out user's interactions are known at
evaluation, the others are to be predicted. Liang et al. fold in at random; here it goes by time, so the past is
never predicted from the future. For rounding see `split_labels.first_of_each`.
"""

import numpy as np

from fusionrec.data import leakage
from fusionrec.data.leakage import Proof
from fusionrec.data.split_labels import FOLD_IN, TEST, TRAIN, VAL, first_of_each, random_rows
from fusionrec.data.strategies import Given
from fusionrec.params import Fraction, Section

READS = ("val_fraction", "test_fraction", "min_interactions")
FOLDS_IN = True


class Options(Section):
    """`fold_in` is the share of a held-out user's interactions that are known at evaluation."""

    fold_in: Fraction


def label(given: Given[Options], rng: np.random.Generator) -> np.ndarray:
    """int8 [n], positions in `PARTS`."""
    o, user = given.options, given.log.user
    eligible = np.bincount(user) >= o.min_interactions
    labels = random_rows(eligible, o.val_fraction, o.test_fraction, rng)[user]
    labels[first_of_each(user, labels != TRAIN, given.own.fold_in)] = FOLD_IN
    return labels


def check(labels: np.ndarray, given: Given[Options]) -> list[Proof]:
    """No user is in two parts, and the fold-in of a user precedes what is to be predicted."""
    log = given.log
    proofs = [
        leakage.check_disjoint(log.user, labels, (TRAIN, VAL, TEST), "no user is in two parts"),
        leakage.check_disjoint(
            log.user, labels, (TRAIN, FOLD_IN), "no user of train has fold-in interactions"
        ),
        leakage.check_order(labels, log),
    ]
    if given.own.fold_in > 0:
        held_out, known = (labels == VAL) | (labels == TEST), labels == FOLD_IN
        proofs += [
            leakage.check_known(log.user, held_out, known, "every held-out user has a fold-in interaction"),
            leakage.check_known(
                log.user, known, held_out, "every user with a fold-in interaction is held out"
            ),
        ]
    return proofs
