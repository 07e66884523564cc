"""The split that came with the data: a column of the interactions, or a file for each part, says what is where.

With `raw.source: files`, `raw.files.columns.split` names the column, or `raw.files.interactions` the files. Cleaning
still rejects rows that cannot be read and pairs that occur twice; set `clean.min_user_interactions` and
`clean.min_item_interactions` to 0 to keep the rest. Users and items that are only in validation or test are cold.

Where the data has no validation part, set `splits.given.val` to []: `splits.val_fraction` of the train interactions of
each user with at least `splits.min_interactions` of them is then drawn at random for validation.
"""

from typing import Annotated

import numpy as np
from pydantic import BeforeValidator, Field

from fusionrec.data.leakage import Proof, proved
from fusionrec.data.split_labels import PARTS, TEST, TRAIN, VAL, random_of_each
from fusionrec.data.strategies import Given
from fusionrec.errors import UserError
from fusionrec.params import Id, Section

READS = ("val_fraction", "min_interactions")
NAMES = {"train": TRAIN, "val": VAL, "test": TEST}
MaybeValues = Annotated[
    list[Id], BeforeValidator(lambda given: given if isinstance(given, list) else [given])
]
Values = Annotated[MaybeValues, Field(min_length=1)]


class Options(Section):
    """The values of the column that mean each part; without any for `val`, it is drawn from train."""

    train: Values
    val: MaybeValues
    test: Values


def label(given: Given[Options], rng: np.random.Generator) -> np.ndarray:
    """int8 [n], positions in `PARTS`; nothing is random, except for a validation part that the data lacks.

    Raises:
        UserError: if the interactions name no part, one that the parameters do not mention, or no validation part
            although the parameters have values for it.
    """
    named = given.log.given
    if named is None:
        raise UserError(
            "splits.strategy is given, but the interactions name no parts; set raw.files.columns.split to a column, or "
            "raw.files.interactions to a file for each part"
        )
    part = {value: NAMES[name] for name in NAMES for value in getattr(given.own, name)}
    unknown = sorted(set(named.categories) - set(part)) + ["nothing"] * bool((named.codes < 0).any())
    if unknown:
        known = ", ".join(f"{name}: {getattr(given.own, name)}" for name in NAMES)
        raise UserError(
            f"the column of raw.files.columns.split holds {', '.join(unknown[:5])}; say in splits.given which part "
            f"that is, besides {known}"
        )
    labels = np.array([part[value] for value in named.categories], np.int8)[named.codes]
    if not given.own.val:
        return _drawn(labels, given, rng)
    if not (labels == VAL).any():
        raise UserError(
            f"no interaction is of the part val: {given.own.val}; set splits.given.val to [] to draw "
            "splits.val_fraction of each user's train interactions for it"
        )
    return labels


def _drawn(labels: np.ndarray, given: Given[Options], rng: np.random.Generator) -> np.ndarray:
    """The labels, with a part of each user's train interactions for validation."""
    train, o = labels == TRAIN, given.options
    labels[train] = random_of_each(given.log.user[train], o.val_fraction, 0, o.min_interactions, rng)
    return labels


def check(labels: np.ndarray, given: Given[Options]) -> list[Proof]:
    """Each part holds the values that mean it, and nothing else."""
    values, proofs = np.asarray(given.log.given), list[Proof]()
    for name, part in NAMES.items():
        known = getattr(given.own, name) or given.own.train
        promise = f"{PARTS[part]} has only interactions that the data names {', '.join(known)}"
        proofs.append(proved(promise, ~np.isin(values[labels == part], known)))
    return proofs
