"""The split that came with the data: a column of the interactions, or a file for each part, says what is where.

With `raw.source: files`, `raw.files.columns.split` names the column, or `raw.files.interactions` the files. Cleaning
still rejects rows that cannot be read and pairs that occur twice; set `clean.min_user_interactions` and
`clean.min_item_interactions` to 0 to keep the rest. Users and items that are only in validation or test are cold.
"""

from typing import Annotated

import numpy as np
from pydantic import BeforeValidator, Field

from fusionrec.data.split_labels import PARTS, TEST, TRAIN, VAL
from fusionrec.data.strategies import Given
from fusionrec.errors import UserError
from fusionrec.params import Id, Section

READS = ()
NAMES = {"train": TRAIN, "val": VAL, "test": TEST}
Values = Annotated[
    list[Id],
    Field(min_length=1),
    BeforeValidator(lambda given: given if isinstance(given, list) else [given]),
]


class Options(Section):
    """The values of the column that mean each part."""

    train: Values
    val: Values
    test: Values


def label(given: Given[Options], rng: np.random.Generator) -> np.ndarray:
    """int8 [n], positions in `PARTS`; nothing is random.

    Raises:
        UserError: if the interactions name no part, or one that the parameters do not mention.
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
    return np.array([part[value] for value in named.categories], np.int8)[named.codes]


def check(labels: np.ndarray, given: Given[Options]) -> None:
    """Each part holds the values that mean it, and nothing else."""
    assert given.log.given is not None
    for name, part in NAMES.items():
        held = set(np.asarray(given.log.given)[labels == part])
        assert held <= set(getattr(given.own, name)), f"{PARTS[part]} has interactions of another part"
