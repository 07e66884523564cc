"""Dates as decimal years."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusionrec.data import dates


def years(*values: str | None) -> list[float]:
    return dates.years(pd.Series(values, dtype="str")).tolist()


@pytest.mark.parametrize(
    ("text", "year"),
    [
        ("1995", 1995.0),
        ("1995.0", 1995.0),
        ("1995.25", 1995.25),
        ("01-Jan-1995", 1995.0),
        ("31-Dec-2000", 2000 + 365 / 366),
        ("2001-05", 2001 + 120 / 365),
        ("2004-05", 2004 + 121 / 366),
        ("2001-05-03", 2001 + 122 / 365),
        ("20010503", 2001 + 122 / 365),
        (" 2001-05-03\n", 2001 + 122 / 365),
        ("2001-07-02T12:00:00", 2001.5),
        ("2001-07-02 12:00", 2001.5),
        ("2001-07-02T14:00:00+02:00", 2001.5),
        ("2001-01-01T00:00:00+02:00", 2000 + (365 + 22 / 24) / 366),
        ("2001-07-02T12:00:00.000000000Z", 2001.5),
        ("0001-01-01", 1.0),
        ("9999-12-31", 9999 + 364 / 365),
    ],
)
def test_years(text: str, year: float) -> None:
    assert years(text) == pytest.approx([year], rel=1e-15)


@pytest.mark.parametrize(
    "text",
    [None, "", "soon", "now", "today", "NaT", "nan", "inf", "0000", "0", "19", "199505", "19950", "-500", "1,995",
     "1e3", "10000-01-01", "2001-13", "2001-02-29", "2001-05-03x", "32-Jan-1995", "01-Foo-1995", "01-01-1995",
     "١٩٩٥"],
)  # fmt: skip
def test_what_is_no_date_is_nan(text: str | None) -> None:
    assert np.isnan(years(text)).all()


def test_no_row_depends_on_the_others() -> None:
    mixed = ["2001-07-02T12:00:00.123456789Z", "0001-01-01", None, "01-Jan-1995", "1995", "9999-12-31", "now"]
    alone = [years(value)[0] for value in mixed]
    np.testing.assert_array_equal(years(*mixed), alone)


def test_index_and_empty_columns() -> None:
    assert dates.years(pd.Series(["1995"], [7], dtype="str")).index.tolist() == [7]
    assert dates.years(pd.Series([], dtype="str")).dtype == np.float64
    assert dates.years(pd.Series([None, None], dtype="str")).dtype == np.float64


@given(st.datetimes(datetime(1, 1, 1), datetime(9998, 12, 31)))
def test_agrees_with_the_standard_library(naive: datetime) -> None:
    moment = naive.replace(tzinfo=UTC)
    start, end = (datetime(year, 1, 1, tzinfo=UTC) for year in (moment.year, moment.year + 1))
    assert years(moment.isoformat()) == pytest.approx(
        [moment.year + (moment - start) / (end - start)], rel=1e-12
    )


@given(st.text(max_size=20) | st.text("0123456789-:TZ+. JanFeb", max_size=24))
def test_any_text_is_a_finite_year_or_nan(text: str) -> None:
    (year,) = years(text)
    assert np.isnan(year) or 0 <= year < 10000
