"""What the values of a column look like, by hand."""

import pytest

from fusionrec.checking.columns import Column, named


def column(*values: str | None, times: int = 1) -> Column:
    return Column("x", [*values] * times)


@pytest.mark.parametrize(
    ("values", "decimal"),
    [(["1", "2.5", "-3e5"], "."), (["1", "2,5"], ","), (["1.299,00", "12,5"], ","), (["1", "b"], None),
     (["1,2,3"], None)],
)  # fmt: skip
def test_numbers(values: list[str], decimal: str | None) -> None:
    assert column(*values).decimal == decimal


def test_numbers_are_read() -> None:
    assert column("1.299,50", "7", None).numbers == [1299.5, 7]
    assert column("1.5", "2").numbers == [1.5, 2]


@pytest.mark.parametrize(
    ("values", "notations"),
    [(["1500000000", "1600000000"], [""]), (["1500000000000"], ["ms"]), (["1500000000000000"], ["us"]),
     (["2020-01-02", "2021-03-04"], [""]), (["2020-01-02T03:04:05Z"], [""]),
     (["31.12.2020", "01.02.2020"], ["%d.%m.%Y"]),
     (["12/31/2020"], ["%m/%d/%Y"]), (["01/02/2020"], ["%d/%m/%Y", "%m/%d/%Y"]), (["20201231", "19990101"], ["%Y%m%d"]),
     (["17", "18"], []), (["4006381333931"], []), (["a"], []), ([], []),
     (["12/31/2020 11:59 PM"], ["%m/%d/%Y %I:%M %p"])],
)  # fmt: skip
def test_times(values: list[str], notations: list[str]) -> None:
    assert column(*values).time == notations


@pytest.mark.parametrize(
    ("values", "separator"),
    [(["A|B", "B|C", "A"], "|"), (["Red, Dry", "White, Dry", "Red"], ","), (["A", "B"], None), (["1,5", "2,5"], None),
     ([f"Wine {n}, from Spain, good" for n in range(30)], None), (["['A', 'B']", "['A']"], None),
     (["Home > Kitchen", "Garden > Tools"], ">"), (["A > 1", "5>3"], None),
     ([f"{'A' if n % 2 else 'B'}; {'X' if n % 3 else 'Y'}; {'Q' if n % 5 else 'R'}" for n in range(60)], ";")],
)  # fmt: skip
def test_separators(values: list[str], separator: str | None) -> None:
    assert column(*values, times=3 if len(values) < 9 else 1).separator == separator


def test_kinds() -> None:
    assert column("['Malbec', 'Merlot']", '["x"]', times=5).is_category
    assert column("red", "green", times=9).is_category and not column("red", "green").is_category
    assert column('[{"a": 1}]', '{"a": 2}').is_nested and not column("[1]").is_nested
    assert column("12,90 EUR", "$1,299.00", "€ 5").is_amount and not column("12").is_amount
    assert column("a quiet village").is_text and not column("https://example.org/a.jpg").is_text
    assert not column("17.jpg").is_text and not column("4").is_text and not column(None, " ").is_text
    assert (
        column("1", "2", "3").is_unique and not column("1", "1").is_unique and not column("1", None).is_unique
    )


def test_people_repeat_less_than_other_categories() -> None:
    """Each of 40 films has an own actor and shares one; a director has two films, and nobody else's are as many."""
    casts: list[str | None] = [f"Ann {n}, Bob {n // 2}" for n in range(40)]
    directors: list[str | None] = [f"Eve {n // 2}" for n in range(40)]
    assert Column("actors", casts).separator == "," and Column("actors", casts).is_category
    assert Column("about", casts).separator is None and not Column("about", casts).is_category
    assert Column("director", directors).is_category and not Column("about", directors).is_category
    alone: list[str | None] = [f"Ann {n}, Bob {n}" for n in range(40)]
    assert not Column("actors", alone).is_category, "nobody is in two films"


def test_names_are_compared_word_by_word() -> None:
    columns = [Column(name, []) for name in ("itemTitle", "subtitle", "title", "Item_ID", "ARTIKELNR")]
    assert [found.name for found in named(columns, "title")] == ["title", "itemTitle"]
    assert [found.name for found in named(columns, "itemid|artikelnr")] == ["Item_ID", "ARTIKELNR"]


def test_a_huge_column_is_sampled() -> None:
    many = Column("x", [f"{n} is not a date, and no number" for n in range(100_000)])
    assert not many.time and not many.decimal and not many.is_list and many.is_text
    assert len(many.tried) == 2000
