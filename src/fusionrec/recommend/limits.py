"""Limits how many items of a list share the value of a category."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from fusionrec.data.attributes import CATEGORY
from fusionrec.errors import UserError
from fusionrec.evaluation.catalogue_ranking import Lists


class Limit(NamedTuple):
    """A limit on one category.

    Attributes:
        most: the largest number of items in a list that share a value.
        values: int64 [items, v], the values of each item as numbers, padded with -1.
    """

    most: int
    values: np.ndarray


class Categories:
    """The categories of an item table, as numbers; each is computed when it is first limited."""

    def __init__(self, items: pd.DataFrame):
        columns = {str(name).removeprefix(CATEGORY): str(name) for name in items}
        self._columns = {name: items[column] for name, column in columns.items() if name != column}
        self._values: dict[str, np.ndarray] = {}

    def limits(self, most: dict[str, int]) -> list[Limit]:
        """Limits: the largest number of items that share a value, by category name without its prefix.

        Raises:
            UserError: if the items have no such category.
        """
        unknown = [name for name in most if name not in self._columns]
        if unknown:
            known = f"known: {', '.join(self._columns)}" if self._columns else "there are none"
            raise UserError(f"recs.category_limits: no category of the items: {', '.join(unknown)}; {known}")
        return [Limit(number, self.values(name)) for name, number in most.items()]

    def values(self, name: str) -> np.ndarray:
        """int64 [items, v]: see `Limit.values`."""
        if name not in self._values:
            self._values[name] = _values(self._columns[name])
        return self._values[name]


def _values(column: pd.Series) -> np.ndarray:
    exploded = column.reset_index(drop=True).explode().dropna()
    number, _ = pd.factorize(exploded)
    row = exploded.index.to_numpy()
    position = pd.Series(row).groupby(row).cumcount().to_numpy()
    values = np.full((len(column), int(position.max(initial=0)) + 1), -1)
    values[row, position] = number
    return values


def apply(lists: Lists, limits: list[Limit], k: int) -> Lists:
    """Keep the first k items of each list that do not exceed a limit, in their order.

    Args:
        lists: [n, m], items padded with -1.
        limits: on categories. Items without a value of a category are not limited by it.
        k: length of the result.

    Returns:
        Lists [n, k], items padded with -1.
    """
    n, m = lists.items.shape
    kept, length = np.zeros((n, m), bool), np.zeros(n, np.int64)
    counts = [np.zeros((n, int(limit.values.max(initial=0)) + 2), np.int32) for limit in limits]
    user = np.arange(n)[:, None]  # padding (-1) counts in the last column, which is not read
    for position in range(m):
        item = lists.items[:, position]
        allowed = (item >= 0) & (length < k)
        values_of = [limit.values[item] for limit in limits]
        for limit, count, values in zip(limits, counts, values_of, strict=True):
            allowed &= ((count[user, values] < limit.most) | (values < 0)).all(1)
        for count, values in zip(counts, values_of, strict=True):
            count[user, values] += allowed[:, None]
        kept[:, position] = allowed
        length += allowed
    order = np.argsort(~kept, 1, kind="stable")[:, :k]
    is_item = np.take_along_axis(kept, order, 1)
    items = np.where(is_item, np.take_along_axis(lists.items, order, 1), -1)
    scores = np.where(is_item, np.take_along_axis(lists.scores, order, 1), np.float32(-np.inf))
    padding = ((0, 0), (0, max(0, k - m)))
    return Lists(np.pad(items, padding, constant_values=-1), np.pad(scores, padding, constant_values=-np.inf))
