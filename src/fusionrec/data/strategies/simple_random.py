"""Fractions of all interactions at random; users and items may be missing from train by chance."""

import numpy as np

from fusionrec.data.leakage import Proof
from fusionrec.data.split_labels import random_of_each
from fusionrec.data.strategies import Given

READS = ("val_fraction", "test_fraction")


def label(given: Given[None], rng: np.random.Generator) -> np.ndarray:
    """int8 [n], positions in `PARTS`."""
    everything = np.zeros(len(given.log.user), np.int64)
    return random_of_each(everything, given.options.val_fraction, given.options.test_fraction, 3, rng)


def check(labels: np.ndarray, given: Given[None]) -> list[Proof]:
    """Nothing is promised beyond complete and disjoint parts."""
    return []
