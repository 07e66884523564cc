"""Notation of numbers and times, by hand; datetime is the oracle for formats."""

from datetime import UTC, datetime

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusionrec.data import parsing
from fusionrec.data.reading import notation


def series(*values: str | None) -> pd.Series:
    return pd.Series(values, dtype="str")


def lists(values: pd.Series) -> list[str | None]:
    return [None if pd.isna(value) else value for value in values]


def test_decimal_commas_and_groups_of_three() -> None:
    written = series(
        "12,90", "1.299,00", "1 299 000", "7", "-3,5", " 4,0 ", "1.2345,0", "n/a", "12,90 €", None
    )
    assert lists(notation.numbers(written, ",")) == [
        "12.90", "1299.00", "1299000", "7", "-3.5", "4.0", "1.2345,0", "n/a", "12,90 €", None,
    ]  # fmt: skip
    assert lists(notation.numbers(written, ".")) == lists(written), "nothing changes"


@given(st.integers(-(10**12), 10**12), st.integers(0, 999))
def test_any_number_survives(whole: int, fraction: int) -> None:
    german = f"{whole:,}".replace(",", ".") + f",{fraction:03}"
    expected = float(f"{whole}.{fraction:03}")
    assert parsing.numbers(notation.numbers(series(german), ",")).tolist() == [expected]


@pytest.mark.parametrize(("form", "factor"), [("ms", 10**3), ("us", 10**6), ("ns", 10**9)])
def test_counts_since_1970(form: str, factor: int) -> None:
    moment = 1_600_000_000
    written = series(str(moment * factor + 1), "2020-01-01", "5", None)
    assert lists(notation.times(written, form)) == [str(moment), "2020-01-01", "5", None]


@given(st.datetimes(datetime(1980, 1, 1), datetime(2090, 1, 1)))
def test_a_format_reads_what_it_wrote(moment: datetime) -> None:
    form = "%d.%m.%Y %H:%M:%S"
    read = parsing.times(notation.times(series(moment.strftime(form), "31.02.2020 00:00:00", None), form))
    assert read[0] == moment.replace(microsecond=0, tzinfo=UTC).timestamp()
    assert pd.isna(read[1:]).all(), "what does not fit stays unreadable"


def test_nothing_is_changed_without_a_format() -> None:
    written = series("1600000000", "2020-01-01T00:00:00Z", "x")
    assert lists(notation.times(written, None)) == lists(written)
