"""Disjoint items: a random fraction of the items is not trained on (Schein et al. 2002).

All interactions with a held-out item are in its part; users may be missing from train by chance.
"""

import numpy as np

from fusionrec.data import leakage
from fusionrec.data.leakage import Proof
from fusionrec.data.split_labels import TEST, TRAIN, VAL, random_rows
from fusionrec.data.strategies import Given

READS = ("val_fraction", "test_fraction")


def label(given: Given[None], rng: np.random.Generator) -> np.ndarray:
    """int8 [n], positions in `PARTS`."""
    o, item = given.options, given.log.item
    return random_rows(np.bincount(item) > 0, o.val_fraction, o.test_fraction, rng)[item]


def check(labels: np.ndarray, given: Given[None]) -> list[Proof]:
    """No item is in two parts."""
    return [leakage.check_disjoint(given.log.item, labels, (TRAIN, VAL, TEST), "no item is in two parts")]
