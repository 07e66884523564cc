"""By how much the numbers in two versions of a file differ."""

import io
import json
from pathlib import PurePath

import numpy as np

from fusionrec import trees

Arrays = dict[str, np.ndarray]


def compare(name: str, old: bytes, new: bytes) -> str:
    """The largest differences between two versions of a file, in words.

    Args:
        name: of the file; its ending tells the kind: npy, safetensors, parquet, csv or json.
        old: the one version.
        new: the other one.
    """
    try:
        before, now = read(name, old), read(name, new)
    except Exception as error:  # a library's own exceptions, for bytes that are damaged
        return f"cannot be compared ({error})"
    if not before and not now:
        return "other bytes"
    if {key: value.shape for key, value in before.items()} != {
        key: value.shape for key, value in now.items()
    }:
        return "other names or shapes"
    pairs = [
        (before[key], now[key]) for key in before if not np.array_equal(before[key], now[key], equal_nan=True)
    ]
    if not pairs:
        return "equal numbers in other bytes"
    gaps = [(_gap(a, b), np.nanmax(np.abs(a), initial=0)) for a, b in pairs]
    absolute = max(gap for gap, _ in gaps)
    relative = max(gap / scale if scale > 0 else np.inf for gap, scale in gaps)
    share = f"{len(pairs)} of {len(before)} differ, " if len(before) > 1 else ""
    return f"{share}by at most {absolute:.2g}, and {relative:.2g} of the largest value"


def read(name: str, blob: bytes) -> Arrays:
    """The numbers of a file as float64, by name; none if it is of another kind."""
    match PurePath(name).suffix:
        case ".npy":
            return {"": np.load(io.BytesIO(blob), allow_pickle=False).astype(np.float64)}
        case ".safetensors":
            from safetensors import torch  # numpy has no bfloat16

            return {key: value.double().numpy() for key, value in torch.load(blob).items()}
        case ".json":
            values = trees.flat(json.loads(blob))
            return {
                key: np.array(value, float) for key, value in values.items() if isinstance(value, int | float)
            }
        case ".parquet" | ".csv" as ending:
            import pandas as pd

            table = (pd.read_csv if ending == ".csv" else pd.read_parquet)(io.BytesIO(blob))
            numeric = table.select_dtypes("number")
            return {str(key): numeric[key].to_numpy(np.float64) for key in numeric}
    return {}


def _gap(old: np.ndarray, new: np.ndarray) -> float:
    """The largest difference; infinite where only one version has a number."""
    gap = np.where(np.isnan(old) & np.isnan(new), 0, np.abs(old - new))
    return float(np.where(np.isnan(gap), np.inf, gap).max())
