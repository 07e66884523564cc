"""What a folder holds: delimiters, encodings, pictures, and files that cannot be used."""

import gzip
import json
from pathlib import Path

import pandas as pd
import pytest

from fusionrec.checking import folder
from fusionrec.checking.folder import Table
from fusionrec.errors import UserError

EXTENSIONS = [".jpg", ".png"]
TEXT = "id;Müller\n1;a\n2;b,c\n"


def only(root: Path) -> Table:
    (table,) = folder.look(root, EXTENSIONS).tables
    return table


@pytest.mark.parametrize(
    ("encoding", "guessed"),
    [("utf-8", "utf-8"), ("utf-8-sig", "utf-8"), ("windows-1252", "windows-1252"), ("utf-16", "utf-16")],
)
@pytest.mark.parametrize("name", ["t.csv", "t.txt.gz"])
def test_encodings_and_delimiters(tmp_path: Path, encoding: str, guessed: str, name: str) -> None:
    written = TEXT.encode(encoding)
    (tmp_path / name).write_bytes(gzip.compress(written) if name.endswith("gz") else written)
    table = only(tmp_path)
    assert (table.form.encoding, table.form.delimiter) == (guessed, ";")
    assert table.columns == {"id": ["1", "2"], "Müller": ["a", "b,c"]} and table.rows == 2 and table.whole
    if guessed == "windows-1252":
        assert table.why["encoding"] == "line 1 is not UTF-8, and reads 'id;Müller'"


def test_a_long_table_is_sampled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "SAMPLE", 5)
    (tmp_path / "t.csv").write_text("a,b\n" + "1,2\n" * 6)
    (tmp_path / "t.jsonl").write_text('{"a": 1}\n' * 6)
    pd.DataFrame({"a": [1] * 6}).to_parquet(tmp_path / "t.parquet")
    assert [(table.rows, table.whole) for table in folder.look(tmp_path, EXTENSIONS).tables] == [
        (5, False)
    ] * 3


def test_values_are_strings_in_every_format(tmp_path: Path) -> None:
    rows = [
        {"id": 7, "list": ["a", "b"], "x": 1.5, "on": True},
        {"id": 8, "list": None, "x": None, "on": False},
    ]
    expected = {"id": ["7", "8"], "list": ['["a", "b"]', None], "x": ["1.5", None], "on": ["true", "false"]}
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\nbad\n")
    assert only(tmp_path).columns == expected
    (tmp_path / "t.jsonl").unlink()
    pd.DataFrame(rows).to_parquet(tmp_path / "t.parquet")
    assert only(tmp_path).columns == expected


def test_tables_that_are_named_dat(tmp_path: Path) -> None:
    (tmp_path / "one.dat").write_text(TEXT)
    (tmp_path / "ratings.dat").write_text("1::1193::5::978300760\n1::661::3::978302109\n")
    (tmp_path / "movies.dat").write_text(
        "1::Toy Story (1995)::Animation|Comedy\n2::Jumanji (1995)::Adventure\n"
    )
    found = folder.look(tmp_path, EXTENSIONS)
    assert [table.name for table in found.tables] == ["one.dat"]
    assert {*found.unread} == {"movies.dat", "ratings.dat"}
    assert all("'::' stands between values" in remedy for remedy in found.unread.values())


def test_pictures_files_and_links(tmp_path: Path) -> None:
    root = tmp_path / "data"
    (root / "a/b/c/d").mkdir(parents=True)
    for name in (
        "1.jpg",
        "a/2.PNG",
        "a/b/3.jpg",
        "a/b/c/4.jpg",
        "book.xlsx",
        "old.zip",
        "x.pkl",
        ".hidden.csv",
        "notes.md",
    ):
        (root / name).write_bytes(b"PK")
    (root / "bad.csv").write_text("one column\nonly\n")
    (root / "no_header.csv").write_text("1,a\n2,b\n")
    (root / "bad.parquet").write_bytes(b"PAR1")
    (root / "bad.csv.gz").write_bytes(gzip.compress(TEXT.encode() * 99)[:-12])
    (tmp_path / "secret.csv").write_text(TEXT)
    (root / "link.csv").symlink_to(tmp_path / "secret.csv")
    found = folder.look(root, EXTENSIONS)
    assert found.pictures == {".": ["1.jpg"], "a": ["2.PNG"], "a/b": ["3.jpg"]} and found.tables == []
    assert found.unread["book.xlsx"] == "save each sheet as CSV" and found.unread["old.zip"] == "unpack it"
    assert "never read" in found.unread["x.pkl"] and "no header" in found.unread["no_header.csv"]
    assert "no delimiter" in found.unread["bad.csv"] and "Parquet" in found.unread["bad.parquet"]
    assert "damaged" in found.unread["bad.csv.gz"]
    assert set(found.unread) == {
        "book.xlsx",
        "old.zip",
        "x.pkl",
        "no_header.csv",
        "bad.csv",
        "bad.parquet",
        "bad.csv.gz",
    }


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere: no such folder"):
        folder.look(tmp_path / "nowhere", EXTENSIONS)
