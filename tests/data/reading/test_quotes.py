"""A stray quote loses the rows that it swallows, line by line, and nothing else."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusionrec.data.reading import csv_files, quotes
from fusionrec.data.reading.csv_files import Column
from fusionrec.errors import UserError

WANTED = {name: Column(name) for name in ("item_id", "title", "text")}


def read(folder: Path, *lines: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Ids of the rows that are read, and what is refused: row, reason, value."""
    path = folder / "t.csv"
    path.write_text("".join(line + "\n" for line in ["item_id,title,text", *lines]), encoding="utf-8")
    table, refused = csv_files.read(path, "items", WANTED)
    return table["item_id"].tolist(), [(row, reason, value) for _, row, _, reason, value in refused]


def test_two_stray_quotes_lose_the_rows_from_one_to_the_other(tmp_path: Path) -> None:
    found = read(tmp_path, "p1,A,x", 'p2,B,"', "p3,C,y", "p4,D,z", 'p5,E,5"', "p6,F,w")
    lines = ['line 3: p2,B,"', "line 4: p3,C,y", "line 5: p4,D,z", 'line 6: p5,E,5"']
    assert found == (["p1", "p6"], [(2, "swallowed_by_a_quote", line) for line in lines])


def test_a_text_of_several_lines_is_no_row(tmp_path: Path) -> None:
    several = 'p1,A,"red,\nsoft, warm, blue\n\np5 is, like, it"', 'p2,"B\nb",""', "p3,C,c"
    assert read(tmp_path, *several) == (["p1", "p2", "p3"], [])


def test_both_in_one_file(tmp_path: Path) -> None:
    ids, refused = read(tmp_path, 'p1,A,"one,\ntwo, three, four"', 'p2,B,"x', 'p3,C,"y', "p4,D,z")
    assert ids == ["p1", "p4"]
    assert [value for _, _, value in refused] == ['line 4: p2,B,"x', 'line 5: p3,C,"y']


def test_quotes_that_leave_the_number_of_rows_open(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('item_id,title\n1,"a\nb"\n2,c\n')
    with pytest.raises(UserError, match=r"t.csv: 1 rows were read, but .* there are 2; write a quote inside"):
        quotes.swallowed(path, ",", True, 1, {0: {"0"}})
    assert quotes.spans_lines(path, 2, True) and not quotes.spans_lines(path, 3, True)
    assert quotes.swallowed(path, ",", True, 2, {0: {"0"}}) == {}


def test_a_value_of_a_megabyte_that_swallows(tmp_path: Path) -> None:
    rows = [f"p{i},T,some text" for i in range(60_000)]
    ids, refused = read(tmp_path, "p1,A,x", 'p2,B,"', *rows, 'p3,C,"', "p4,D,w")
    assert ids == ["p1", "p4"] and len(refused) == 60_002
    assert csv.field_size_limit() < 10**6, "the limit of other readers stays"


def test_forms_of_ids() -> None:
    assert quotes.forms(["u017", "x1", "17", "AB-3é"]) == {"a0", "0", "a-0a"}


WORDS = st.text(st.characters(codec="utf-8", exclude_characters="0123456789"), max_size=12)


@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=6))
def test_texts_without_ids_are_kept_whatever_is_in_them(
    tmp_path_factory: pytest.TempPathFactory, texts: list[tuple[str, str]]
) -> None:
    buffer = io.StringIO(newline="")
    rows = [(f"p{number}", *each) for number, each in enumerate(texts)]
    csv.writer(buffer, quoting=csv.QUOTE_ALL).writerows([tuple(WANTED), *rows])
    path = tmp_path_factory.mktemp("t") / "t.csv"
    path.write_bytes(buffer.getvalue().encode())
    table, refused = csv_files.read(path, "items", WANTED)
    assert refused == []
    assert table["title"].fillna("").tolist() == [title for title, _ in texts]
