"""Numbers and categories of items as model inputs; everything that is fitted sees train items only."""

from typing import Any, NamedTuple, Protocol

import numpy as np
import pandas as pd

from fusionrec.errors import UserError

NUMBER, CATEGORY = "number_", "category_"
HUGE = 1e100  # larger numbers are clipped to this, so that the sum of squares is finite
WIDEST = float(np.finfo(np.float32).max)


class Fitting(Protocol):
    """The parameters that fitting needs, of the section `splits`."""

    @property
    def scaling(self) -> dict[str, Any]:
        """By column, without `number_`, and `default`: standardization, min_max, log1p or none."""

    @property
    def impute(self) -> str:
        """What replaces a missing number: mean, median or zero."""

    @property
    def min_category_items(self) -> int:
        """A value that fewer train items have is not in the vocabulary."""


class Bags(NamedTuple):
    """Category values of each item as ragged arrays: item i owns `values[offsets[i]:offsets[i + 1]]`."""

    offsets: np.ndarray
    values: np.ndarray


def fit(items: pd.DataFrame, trained: np.ndarray, options: Fitting) -> dict[str, Any]:
    """Fit scalers and vocabularies.

    Args:
        items: the catalogue, with its `number_*` (NaN where missing) and `category_*` (lists) columns.
        trained: bool [items], the items that have a train interaction.
        options: `scaling`, by the column's name without `number_`; `impute`; `min_category_items`.

    Returns:
        JSON-ready: {"numbers": {column: {log, fill, low, high, offset, scale}}, "categories": {column: [value]}},
        with the sorted values that at least `min_category_items` train items have.

    Raises:
        UserError: if `splits.scaling` names a column that does not exist.
    """
    known, columns = items[trained], sorted(str(column) for column in items)
    numeric = [column for column in columns if column.startswith(NUMBER)]
    scalings = _scalings(numeric, options.scaling)
    return {
        "numbers": {c: _fit_scaler(known[c], scalings[c], options.impute) for c in numeric},
        "categories": {
            c: _vocabulary(known[c], options.min_category_items) for c in columns if c.startswith(CATEGORY)
        },
    }


def _scalings(columns: list[str], chosen: dict[str, Any]) -> dict[str, str]:
    """The scaling of each column."""
    bare = {column: column.removeprefix(NUMBER) for column in columns}
    unknown = sorted({*chosen} - {*bare.values(), "default"})
    if unknown:
        known = f"known: {', '.join(bare.values())}" if bare else "there are none"
        raise UserError(f"splits.scaling: no number column of the items: {', '.join(unknown)}; {known}")
    return {column: chosen.get(name, chosen["default"]) for column, name in bare.items()}


def _fit_scaler(values: pd.Series, scaling: str, impute: str) -> dict[str, Any]:
    """What `numbers` needs; offset and scale are fitted on the values that are present, not on imputed ones."""
    from sklearn.preprocessing import MinMaxScaler, StandardScaler

    present = _bounded(values.dropna())
    average = np.mean if impute == "mean" else np.median
    fill = 0.0 if impute == "zero" or not len(present) else float(average(present))
    logged = scaling == "log1p"
    reach = np.append(present, fill)
    present, reach = (_log(present), _log(reach)) if logged else (present, reach)
    fitted = {"log": logged, "fill": fill, "low": float(reach.min()), "high": float(reach.max())}
    if scaling == "none":
        return fitted | {"low": -HUGE, "high": HUGE, "offset": 0.0, "scale": 1.0}
    if not len(present):
        return fitted | {"offset": 0.0, "scale": 1.0}
    if scaling == "min_max":
        scaler = MinMaxScaler().fit(present[:, None])
        return fitted | {"offset": float(scaler.data_min_[0]), "scale": float(1 / scaler.scale_[0])}
    scaler = StandardScaler().fit(present[:, None])
    return fitted | {"offset": float(scaler.mean_[0]), "scale": float(scaler.scale_[0])}


def _bounded(values: pd.Series) -> np.ndarray:
    return np.clip(values.to_numpy(np.float64), -HUGE, HUGE)


def _log(values: np.ndarray) -> np.ndarray:
    """sign(x) * log(1 + |x|): defined for negative values too."""
    return np.sign(values) * np.log1p(np.abs(values))


def _vocabulary(values: pd.Series, least: int) -> list[str]:
    counts = values.explode().dropna().value_counts()
    return sorted(counts.index[counts >= least])


def numbers(items: pd.DataFrame, fitted: dict[str, Any]) -> np.ndarray:
    """Scaled numbers.

    A missing value is imputed. A value outside the range of the train items and the imputed value is clipped to
    that range: min_max stays within 0 and 1 (`impute: zero` extends the range to 0), no item lies further out
    than what was trained on, and a column without any value in train is 0. Only with `none` are values not
    clipped, up to the largest float32.

    Returns:
        float32 [items, 2 * columns], finite: of each column, its value and a flag that says "missing".
    """
    columns = []
    for name, scaler in fitted["numbers"].items():
        values = _bounded(items[name])
        missing = np.isnan(values)
        values = np.where(missing, scaler["fill"], values)
        values = np.clip(_log(values) if scaler["log"] else values, scaler["low"], scaler["high"])
        columns += [np.clip((values - scaler["offset"]) / scaler["scale"], -WIDEST, WIDEST), missing]
    return np.column_stack(columns).astype(np.float32) if columns else np.zeros((len(items), 0), np.float32)


def categories(items: pd.DataFrame, fitted: dict[str, Any]) -> tuple[Bags, int]:
    """The values of all category columns, with one numbering for all, and how many there are.

    The first number of each column stands for all values outside its vocabulary.
    """
    keys, start = [np.zeros(0, np.int64)], 0
    total = sum(1 + len(vocabulary) for vocabulary in fitted["categories"].values())
    for name, vocabulary in fitted["categories"].items():
        values = items[name].reset_index(drop=True).explode().dropna()
        number = start + 1 + pd.Index(vocabulary, dtype="str").get_indexer(values)  # -1 outside
        keys.append(values.index.to_numpy(np.int64) * total + number)
        start += 1 + len(vocabulary)
    item, value = np.divmod(np.unique(np.concatenate(keys)), max(total, 1))
    counts = np.bincount(item, minlength=len(items))
    return Bags(np.concatenate([[0], np.cumsum(counts)]), value), total
