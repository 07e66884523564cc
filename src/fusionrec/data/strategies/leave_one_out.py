"""One interaction of each user is for test, another one for validation: the latest two, or random ones.

- `latest`: the last one and the one before; ties in time are ordered by item row (SASRec, Kang and McAuley
  2018, arXiv:1808.09781).
- `random`: any two (BPR, Rendle et al. 2009, arXiv:1205.2618).

Users with fewer than `min_interactions` stay in train whole, so every evaluated user has a history.
"""

from typing import Literal

import numpy as np

from fusionrec.data import leakage
from fusionrec.data.leakage import Proof, proved
from fusionrec.data.split_labels import PARTS, TEST, VAL, last_of_each, shuffled
from fusionrec.data.strategies import Given
from fusionrec.params import Section

READS = ("min_interactions",)


class Options(Section):
    """Which interactions of a user are held out."""

    held_out: Literal["latest", "random"]


def by_time(given: Given[Options]) -> bool:
    """If the latest ones are held out."""
    return given.own.held_out == "latest"


def label(given: Given[Options], rng: np.random.Generator) -> np.ndarray:
    """int8 [n], positions in `PARTS`."""
    user = given.log.user
    order = shuffled(user, rng) if given.own.held_out == "random" else np.arange(len(user))
    counts = np.bincount(user)
    one = (counts >= given.options.min_interactions).astype(np.int64)
    return last_of_each(order, counts, one, one)


def check(labels: np.ndarray, given: Given[Options]) -> list[Proof]:
    """Evaluated users have a history, at most one interaction in each part, and if `latest` the last ones."""
    proofs = leakage.check_histories(labels, given.log, given.options.min_interactions)
    for part in (VAL, TEST):
        many = np.bincount(given.log.user[labels == part]) > 1
        proofs.append(proved(f"{PARTS[part]} has at most one interaction of each user", many))
    if given.own.held_out == "latest":
        proofs.append(leakage.check_order(labels, given.log))
    return proofs
