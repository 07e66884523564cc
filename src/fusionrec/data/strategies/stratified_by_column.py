"""Of the interactions with each value of a column, the same fractions at random.

Values with fewer than `min_interactions` stay in train whole, so every evaluated value is in train too.
"""

import numpy as np
import pandas as pd

from fusionrec.data import leakage
from fusionrec.data.attributes import CATEGORY, NUMBER
from fusionrec.data.leakage import Proof
from fusionrec.data.separator import SEPARATOR
from fusionrec.data.split_labels import TEST, TRAIN, VAL, Log, random_of_each
from fusionrec.data.strategies import Given
from fusionrec.errors import UserError
from fusionrec.params import Section

READS = ("val_fraction", "test_fraction", "min_interactions")
BINS = 10  # of a column of numbers


class Options(Section):
    """`column` is user_id, item_id, or a column of the items."""

    column: str


def label(given: Given[Options], rng: np.random.Generator) -> np.ndarray:
    """int8 [n], positions in `PARTS`.

    Raises:
        UserError: if there is no such column.
    """
    o, group = given.options, groups(given.own.column, given.log, given.items)
    return random_of_each(group, o.val_fraction, o.test_fraction, o.min_interactions, rng)


def check(labels: np.ndarray, given: Given[Options]) -> list[Proof]:
    """Every value that is evaluated is in train too."""
    group = groups(given.own.column, given.log, given.items)
    held_out = (labels == VAL) | (labels == TEST)
    promise = f"every evaluated value of {given.own.column} has a train interaction"
    return [leakage.check_known(group, held_out, labels == TRAIN, promise)]


def groups(column: str, log: Log, items: pd.DataFrame) -> np.ndarray:
    """The group of each interaction by a column.

    - `user_id`, `item_id`: one group each.
    - `category_*`: one group for each set of values.
    - `number_*`: tenths of the catalogue by value, and one group for the items without a number.

    Returns:
        int64 [n].

    Raises:
        UserError: if there is no such column.
    """
    if column in ("user_id", "item_id"):
        return log.user if column == "user_id" else log.item
    known = [str(name) for name in items if str(name).startswith((CATEGORY, NUMBER))]
    if column not in known:
        raise UserError(
            f"splits.stratified_by_column.column={column}: no such column; use one of "
            f"{', '.join(['user_id', 'item_id', *known])}"
        )
    if column.startswith(CATEGORY):
        sets = items[column].map(lambda values: SEPARATOR.join(sorted(set(values))))
        return pd.factorize(sets, sort=True)[0][log.item]
    values = items[column].to_numpy(np.float64)
    edges = np.nanquantile(values, np.arange(1, BINS) / BINS) if not np.isnan(values).all() else []
    return np.where(np.isnan(values), BINS, np.searchsorted(edges, values, side="right"))[log.item]
