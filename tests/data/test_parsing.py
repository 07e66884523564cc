"""Numbers, times and ids from strings: the fast path agrees with the slow one."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusionrec.data import parsing


def strings(*values: str | None) -> pd.Series:
    return pd.Series(values, dtype="str")


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("0", 0), ("12.9", 12), ("-5", -5), ("1e9", 1_000_000_000), ("1970-01-01T00:01:00Z", 60),
        ("1970-01-02", 86_400), ("1970-01-01 02:00:00+01:00", 3600), ("1970-01-01T00:00:01.9", 1),
        ("1969-12-31", -86_400), ("2024-02-30", None), ("nan", None), ("", None), (None, None),
        ("yesterday", None), ("now", None), ("today", None), ("1970-01-01T00:00:01.123456789", 1),
        ("12 monkeys", None), ("1600000000000", 1_600_000_000_000),
    ],
)  # fmt: skip
def test_times(written: str | None, seconds: int | None) -> None:
    (parsed,) = parsing.times(strings(written))
    assert np.isnan(parsed) if seconds is None else parsed == seconds


def test_one_time_in_nanoseconds_narrows_no_other() -> None:
    parsed = parsing.times(
        strings("1970-01-01T00:00:01.123456789", "0001-01-01T00:00:00", "9999-12-31T00:00:00")
    )
    assert not np.isnan(parsed).any()


def test_a_year_alone_is_a_number_not_a_date() -> None:
    assert parsing.times(strings("1999")).tolist() == [1999]


@pytest.mark.parametrize(
    ("written", "number"),
    [("4", 4), ("-0.5", -0.5), ("1e300", 1e300), (" 7 ", 7), ("inf", np.inf), ("-Infinity", -np.inf),
     ("0.1", 0.1), ("999999999999999", 999_999_999_999_999), ("12345678901234567890", 1.2345678901234567e19)],
)  # fmt: skip
def test_numbers(written: str, number: float) -> None:
    assert parsing.numbers(strings(written)).tolist() == [number]


@pytest.mark.parametrize("written", [None, "", "many", "1,5", "1.2.3", "=1+1", "１２3x"])
def test_what_is_no_number(written: str | None) -> None:
    assert np.isnan(parsing.numbers(strings(written))).all()


@given(st.lists(st.one_of(st.none(), st.integers().map(str), st.floats().map(str), st.text(max_size=5))))
def test_numbers_agree_with_pandas(values: list[str | None]) -> None:
    values = [value for value in values if value is None or value.isascii()]
    expected = pd.to_numeric(pd.Series(values, dtype="object"), errors="coerce").astype("float64")
    np.testing.assert_array_equal(parsing.numbers(strings(*values)), expected)


def test_long_columns_go_through_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsing, "CHUNK", 2)
    values = ["1970-01-01T00:00:01", "2", None, "1970-01-01T00:00:03", "x", "1970-01-01T00:00:05"]
    np.testing.assert_array_equal(parsing.times(strings(*values)), [1, 2, np.nan, 3, np.nan, 5])


def test_ids_of_strings_and_of_categories_are_the_same() -> None:
    values = strings("b", None, "a", "b")
    unsorted = pd.Series(pd.Categorical(values, categories=["b", "unused", "a"]))
    for column in (values, unsorted):
        parsed = parsing.ids(column)
        names = [None if code < 0 else parsed.names[code] for code in parsed.codes]
        assert names == ["b", None, "a", "b"]
        assert parsed.names.is_monotonic_increasing


def test_id_faults() -> None:
    names = pd.Index(["", " ", "nan", "NULL", "x" * 257, "a\x00b", "a\nb", "../../x", "a/b", "0", "None"])
    faults = parsing.id_faults(names)
    reasons = [next((r for r, bad in faults.items() if bad[row]), None) for row in range(len(names))]
    assert reasons == [
        "missing_id", "missing_id", "placeholder_id", "placeholder_id", "too_long_id",
        "control_character_in_id", "control_character_in_id", None, None, None, "placeholder_id",
    ]  # fmt: skip


def test_usual_forms_of_ids() -> None:
    same = [
        ["7", "7.0", "007", " 7", "7.00", "0007.0"],
        ["Ab", "aB ", "ＡＢ"],
        ["0", "000", "0.0"],
        ["a.0"],
        ["7.5"],
    ]
    for names in same:
        assert len(set(parsing.usual_form(pd.Index(names, dtype="str")))) == 1
    assert len({parsing.usual_form(pd.Index(names, dtype="str"))[0] for names in same}) == len(same)
