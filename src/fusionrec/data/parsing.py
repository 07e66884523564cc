"""Strings to numbers, times and ids, for columns of many million rows."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

LATEST = 4_102_444_800  # 2100-01-01; milliseconds since 1970 lie far beyond
NUMBER = r"^-?[0-9]{1,15}(\.[0-9]{1,15})?$"
DATE = r"^[0-9]{4}-?[0-9]"  # without it, pandas would also accept "now" and "today"
NANOSECONDS = r"(\.[0-9]{6})[0-9]+"  # a single one would narrow the range of years of the whole column
CHUNK = 1 << 20  # rows that are parsed as Python strings together
PLACEHOLDERS = ["nan", "NaN", "NAN", "null", "NULL", "None", "NONE", "<NA>", "undefined"]
LONGEST_ID = 256


def numbers(values: pd.Series) -> np.ndarray:
    """float64 [rows]: NaN where there is no number; infinities are kept."""
    return _parse(values, _to_float)


def times(values: pd.Series) -> np.ndarray:
    """Seconds since 1970 from seconds or ISO 8601 (UTC unless it says otherwise), rounded down.

    Returns:
        float64 [rows], NaN where a value is neither. The caller checks whether a time is plausible.
    """
    return np.floor(_parse(values, _to_seconds))


def _parse(values: pd.Series, rest: Callable[[pd.Series], np.ndarray]) -> np.ndarray:
    """Plain decimals by pyarrow, which is fast; all other values by `rest`, chunk by chunk."""
    written = pa.array(values, pa.large_string())
    plain = pc.fill_null(pc.match_substring_regex(written, NUMBER), False)
    parsed = np.array(pc.cast(pc.if_else(plain, written, None), pa.float64()).to_numpy(zero_copy_only=False))
    others = np.flatnonzero(
        ~plain.to_numpy(zero_copy_only=False) & written.is_valid().to_numpy(zero_copy_only=False)
    )
    for start in range(0, len(others), CHUNK):
        chunk = others[start : start + CHUNK]
        parsed[chunk] = rest(values.iloc[chunk])
    return parsed


def _to_float(values: pd.Series) -> np.ndarray:
    return pd.to_numeric(values, errors="coerce").to_numpy(np.float64)


def _to_seconds(values: pd.Series) -> np.ndarray:
    seconds = _to_float(values)
    since = iso_dates(values).dt.tz_localize(None).to_numpy("datetime64[us]")
    since = np.where(np.isnat(since), np.nan, since.astype(np.int64) / 1e6)
    return np.where(np.isnan(seconds), since, seconds)


def iso_dates(values: pd.Series) -> pd.Series:
    """Strings in ISO 8601 as datetimes, UTC unless they say otherwise; NaT for other values."""
    written = values.where(values.str.contains(DATE)).str.replace(NANOSECONDS, r"\1", regex=True)
    return pd.to_datetime(written, errors="coerce", utc=True, format="ISO8601")


class Ids(NamedTuple):
    """A column of ids.

    Attributes:
        codes: int32 [rows] into `names`; -1 where there is none.
        names: str, distinct and sorted.
    """

    codes: np.ndarray
    names: pd.Index


def ids(values: pd.Series) -> Ids:
    """The distinct ids of a column of strings or categories, and the id of each row."""
    column = values.astype("category")
    names = column.cat.categories.astype("str")
    order = names.argsort()
    rank = np.empty(len(names) + 1, np.int32)
    rank[order], rank[-1] = np.arange(len(names)), -1
    return Ids(rank[column.cat.codes.to_numpy()], names[order])


def ids_of(pieces: Iterable[pa.Array], rows: int) -> Ids:
    """`ids` of a column that comes in pieces, strings or dictionaries of them.

    Each distinct id of a piece is looked up once; memory is that of the codes and of these ids.

    Args:
        pieces: of the column, one after the other.
        rows: of all pieces together.
    """
    codes, start, known = np.empty(rows, np.int32), 0, 0
    words: list[pa.Array] = []
    for piece in pieces:
        encoded = piece if pa.types.is_dictionary(piece.type) else piece.dictionary_encode()
        dictionary = encoded.dictionary.cast(pa.large_string())
        if not words or not dictionary.equals(words[-1]):  # pandas repeats one dictionary in each row group
            known += len(words[-1]) if words else 0
            words.append(dictionary)
        place = pc.fill_null(pc.add(encoded.indices.cast(pa.int32()), known), -1)
        codes[start : start + len(piece)] = place.to_numpy()
        start += len(piece)
    distinct = pa.chunked_array(words, pa.large_string()).dictionary_encode()
    names = pd.Index([], dtype="str")
    if distinct.num_chunks:  # they share one dictionary
        names = pd.Index(distinct.chunk(0).dictionary.to_pandas(), dtype="str")
    place = np.concatenate([np.zeros(0, np.int32), *(chunk.indices.to_numpy() for chunk in distinct.chunks)])
    order = names.argsort()
    rank = np.empty(len(names), np.int32)
    rank[order] = np.arange(len(names))
    final = np.append(rank[place], np.int32(-1))
    for first in range(0, rows, CHUNK):
        codes[first : first + CHUNK] = final[codes[first : first + CHUNK]]
    return Ids(codes, names[order])


def usual_form(names: pd.Index) -> pd.Index:
    """The same for ids that two exports of one id differ in: 7, 7.0, 007 and " 7"; Ab and ab; one Unicode form.

    Only for the reason of a rejection: ids that are written differently are different ids.
    """
    form = names.str.normalize("NFKC").str.strip().str.casefold()
    return form.str.replace(r"^([0-9]+)\.0+$", r"\1", regex=True).str.replace(r"^0+(?=[0-9])", "", regex=True)


def id_faults(names: pd.Index) -> dict[str, np.ndarray]:
    """Which ids are invalid: {reason: bool [names]}, most basic reason first.

    "NaN" and similar values come from a broken export, and would merge many items or users into one. An id is
    never used as a path, so ids that look like paths are valid.
    """
    text = names.to_series()
    return {
        "missing_id": (text.str.strip() == "").to_numpy(bool),
        "placeholder_id": text.isin(PLACEHOLDERS).to_numpy(bool),
        "too_long_id": (text.str.len() > LONGEST_ID).to_numpy(bool),
        "control_character_in_id": text.str.contains(r"[\x00-\x1f\x7f]", regex=True).to_numpy(bool),
    }
