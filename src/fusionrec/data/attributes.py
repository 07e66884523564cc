"""Numbers and categories of items as model inputs; everything that is fitted sees train items only."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from fusionrec import params

NUMBER, CATEGORY = "number_", "category_"
OTHER = "(other)"


class Bags(NamedTuple):
    """Category values of each item as ragged arrays: item i owns `values[offsets[i]:offsets[i + 1]]`."""

    offsets: np.ndarray
    values: np.ndarray


def fit(items: pd.DataFrame, trained: np.ndarray, options: params.Splits) -> dict[str, Any]:
    """Fit scalers and vocabularies.

    Args:
        items: the catalogue, with its `number_*` and `category_*` columns.
        trained: bool [items], the items that have a train interaction.
        options: `scaling` and `min_category_items`.

    Returns:
        JSON-ready: {"numbers": {column: {log, offset, scale}}, "categories": {column: [value, ...]}}.
    """
    known, columns = items[trained], [str(column) for column in items]
    return {
        "numbers": {c: _fit_scaler(known[c], options.scaling) for c in columns if c.startswith(NUMBER)},
        "categories": {
            c: _vocabulary(known[c], options.min_category_items) for c in columns if c.startswith(CATEGORY)
        },
    }


def _fit_scaler(values: pd.Series, scaling: str) -> dict[str, Any]:
    """`log1p` is standardised afterwards, so that every input has unit scale."""
    from sklearn.preprocessing import MinMaxScaler, StandardScaler

    present = values.dropna().to_numpy(np.float64)[:, None]
    logged = scaling == "log1p"
    if scaling == "none" or not len(present):
        return {"log": logged, "offset": 0.0, "scale": 1.0}
    present = _log(present) if logged else present
    if scaling == "min_max":
        fitted = MinMaxScaler().fit(present)
        return {"log": False, "offset": float(fitted.data_min_[0]), "scale": float(1 / fitted.scale_[0])}
    fitted = StandardScaler().fit(present)
    return {"log": logged, "offset": float(fitted.mean_[0]), "scale": float(fitted.scale_[0])}


def _log(values: np.ndarray) -> np.ndarray:
    """log(1 + x), odd around zero, so that a negative value is kept and not lost."""
    return np.sign(values) * np.log1p(np.abs(values))


def _vocabulary(values: pd.Series, least: int) -> list[str]:
    counts = values.explode().dropna().value_counts()
    return [OTHER, *sorted(counts.index[counts >= least])]


def numbers(items: pd.DataFrame, fitted: dict[str, Any]) -> np.ndarray:
    """float32 [items, 2 * columns]: each scaled value (0 where missing) and a flag that says "missing"."""
    columns = []
    for name, scaler in fitted["numbers"].items():
        values = items[name].to_numpy(np.float64)
        values = ((_log(values) if scaler["log"] else values) - scaler["offset"]) / scaler["scale"]
        columns += [np.nan_to_num(values, nan=0.0), np.isnan(values)]
    return np.column_stack(columns).astype(np.float32) if columns else np.zeros((len(items), 0), np.float32)


def categories(items: pd.DataFrame, fitted: dict[str, Any]) -> tuple[Bags, int]:
    """The values of all category columns, numbered through, and how many there are.

    A value outside the vocabulary counts as the column's `(other)`.
    """
    parts, start = [], 0
    for name, vocabulary in fitted["categories"].items():
        values = items[name].explode().dropna()
        number = values.map({value: index for index, value in enumerate(vocabulary)}).fillna(0)
        parts.append(pd.DataFrame({"item": values.index, "value": number.astype(np.int64) + start}))
        start += len(vocabulary)
    pairs = pd.concat(parts).drop_duplicates().sort_values(["item", "value"]) if parts else None
    if pairs is None:
        return Bags(np.zeros(len(items) + 1, np.int64), np.zeros(0, np.int64)), 0
    counts = np.bincount(pairs["item"].to_numpy(np.int64), minlength=len(items))
    return Bags(np.concatenate([[0], np.cumsum(counts)]), np.array(pairs["value"])), start
