"""One JSON object of users and their items: each pair is a row; JSON lines are told from it."""

import json
from pathlib import Path
from typing import Any

import pytest

from fusionrec.data.reading import mappings, tables
from fusionrec.data.reading.csv_files import Column
from fusionrec.errors import UserError

FORM = tables.Format(delimiter=",", encoding="utf-8", decimal=".", time=None)
WANTED = {name: Column(name, f"raw.files.columns.{name}") for name in ("user_id", "item_id")}


def write(folder: Path, text: str) -> Path:
    (folder / "train.json").write_text(text, encoding="utf-8")
    return folder / "train.json"


@pytest.mark.parametrize("indent", [None, 1])
def test_each_pair_is_a_row(tmp_path: Path, indent: int | None) -> None:
    mapping: dict[str, Any] = {"0": [5, "x"], "u": [], "7": [5, None, {"a": 1}, True, 2]}
    path = write(tmp_path, json.dumps(mapping, indent=indent))
    table, refused = tables.read(path, "interactions", WANTED, FORM, ["user_id", "item_id"])
    assert table.astype(str).to_numpy().tolist() == [
        ["1", "0", "5"], ["2", "0", "x"], ["3", "7", "5"], ["7", "7", "2"]
    ]  # fmt: skip
    assert [(row, user, reason) for _, row, user, reason, _ in refused] == [
        (number, "7", "not_an_id") for number in (4, 5, 6)
    ]
    assert len(table) + len(refused) == sum(map(len, mapping.values())), "nothing is lost"


@pytest.mark.parametrize(
    ("text", "mapping"),
    [
        ('{"u1": [1, 2]}', True),
        ('\ufeff{"u1": []}\n', True),
        ('{"u1": [1, 2], "u2": [3', True),
        ('{"u1": [1]}\n{"u1": [2]}\n', False),
        ('{"user": "a", "items": [1]}', False),
        ("[1, 2]", False),
        ("{}", False),
        ("", False),
    ],
)
def test_it_is_told_from_json_lines(tmp_path: Path, text: str, mapping: bool) -> None:
    assert mappings.is_mapping(write(tmp_path, text)) == mapping


def test_what_it_does_not_have_and_what_is_cut_off(tmp_path: Path) -> None:
    path = write(tmp_path, '{"u": [1]}')
    wanted = WANTED | {"timestamp": Column("time", "raw.files.columns.timestamp")}
    with pytest.raises(UserError, match=r"has no time; set raw\.files\.columns\.timestamp to null"):
        tables.read(path, "interactions", wanted, FORM)
    with pytest.raises(UserError, match=r"train\.json: not JSON"):
        tables.read(write(tmp_path, '{"u1": [1, 2], "u2": [3'), "interactions", WANTED, FORM)
