"""Two cuts through time, the same for all users: the past is for training, the future for test.

With `portions` of all interactions, the second cut is the timestamp of the first of the latest `test` ones, the
first cut that of the `val` ones before. Interactions at the very second of a cut belong to the later part. Users
and items may be new after a cut.
"""

import numpy as np

from fusionrec.data.leakage import Proof, proved
from fusionrec.data.split_labels import PARTS, TEST, TRAIN, VAL, portions
from fusionrec.data.strategies import Given

READS = ("val_fraction", "test_fraction")


def by_time(given: Given[None]) -> bool:
    """Always."""
    return True


def label(given: Given[None], rng: np.random.Generator) -> np.ndarray:
    """int8 [n], positions in `PARTS`; nothing is random."""
    timestamp, at = given.log.timestamp, cuts(given)
    labels = (timestamp >= at["val_from"]).astype(np.int8) * VAL
    labels[timestamp >= at["test_from"]] = TEST
    return labels


def cuts(given: Given[None]) -> dict[str, int]:
    """The timestamps at which validation and test begin, in seconds since 1970."""
    n = len(given.log.timestamp)
    val, test = portions(np.array(n), given.options.val_fraction, given.options.test_fraction)
    first = max(n - int(test) - int(val), 0), n - max(int(test), 1)
    ordered = np.partition(given.log.timestamp, first)
    return {"val_from": int(ordered[first[0]]), "test_from": int(ordered[first[1]])}


def check(labels: np.ndarray, given: Given[None]) -> list[Proof]:
    """Every interaction of an earlier part is older than every one of a later part."""
    timestamp, proofs = given.log.timestamp, list[Proof]()
    for earlier, later in ((TRAIN, VAL), (VAL, TEST)):
        late = timestamp[labels == earlier] >= timestamp[labels == later].min()
        proofs.append(
            proved(f"every interaction of {PARTS[earlier]} is older than all of {PARTS[later]}", late)
        )
    return proofs
