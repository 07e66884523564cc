"""Dates of items as decimal years."""

import numpy as np
import pandas as pd

from fusionrec.data import parsing

DECIMAL = r"[1-9][0-9]{3}(\.[0-9]+)?"
DAY = r"[0-9]{2}-[A-Z][a-z]{2}-[0-9]{4}"


def years(values: pd.Series) -> pd.Series:
    """Decimal years: 1995.0 is the beginning of 1 January 1995, 1995.5 the middle of that year.

    Args:
        values: strings: ISO 8601 dates ("2001-05", "2001-05-03", with a time, UTC unless it says otherwise),
            plain years ("1995", "1995.0"), or days like "01-Jan-1995" (English, as in MovieLens).

    Returns:
        float64, NaN for other values.
    """
    text = values.astype("str").str.strip()
    plain = pd.to_numeric(text.where(text.str.fullmatch(DECIMAL))).astype("float64")
    days = pd.to_datetime(text.where(text.str.fullmatch(DAY)), format="%d-%b-%Y", errors="coerce", utc=True)
    return plain.fillna(_decimal(days)).fillna(_decimal(parsing.iso_dates(text)))


def _decimal(dates: pd.Series) -> pd.Series:
    """The year, plus the share of it that has passed."""
    day = dates.dt.day_of_year - 1 + (dates - dates.dt.normalize()) / pd.Timedelta(days=1)
    return (dates.dt.year + day / np.where(dates.dt.is_leap_year, 366, 365)).astype("float64")
