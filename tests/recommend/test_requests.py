from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fusionrec.data.histories import Histories
from fusionrec.errors import UserError
from fusionrec.recommend import requests

PAST = Histories(np.array([0, 1, 3, 3]), np.array([2, 0, 1]))
USERS, ITEMS = pd.Index(["x", "y", "z"]), pd.Index(["a", "b", "c"])


def test_users_are_found_once_in_the_order_in_which_they_are_asked() -> None:
    asked = requests.gather(["y", "new", "x", "y", "newer"], USERS, ITEMS, PAST)
    assert asked.ids == ["y", "new", "x", "newer"] and asked.rows.tolist() == [1, 3, 0, 4]
    assert [asked.past[row].tolist() for row in asked.rows] == [[0, 1], [], [2], []]
    assert asked.past[2].tolist() == [] and len(asked.past) == 5


def test_given_choices_are_the_newest_and_count_once() -> None:
    rows = [("new", "c"), ("y", "a"), ("y", "c"), ("new", "a"), ("new", "c"), ("new", "?"), ("other", "?")]
    given = pd.DataFrame(rows, columns=["user_id", "item_id"])
    asked = requests.gather(["new", "y", "z"], USERS, ITEMS, PAST, given)
    assert [asked.past[row].tolist() for row in asked.rows] == [[2, 0], [0, 1, 2], []]
    assert asked.unknown_items == 1, "nobody asked for the other one"
    assert asked.past[0].tolist() == [], "nobody asked for x"


def test_sample_is_seeded_distinct_and_never_more_than_there_are() -> None:
    drawn = requests.sample(100, 10, 1)
    assert drawn.tolist() == requests.sample(100, 10, 1).tolist() != requests.sample(100, 10, 2).tolist()
    assert len(set(drawn)) == 10 and sorted(drawn) == drawn.tolist()
    assert requests.sample(3, 10, 1).tolist() == [0, 1, 2]


def test_whom_a_parameter_chooses() -> None:
    ids = USERS.tolist()
    assert requests.choose("all", ids, 1) == ids
    assert requests.choose(["q", "x"], ids, 1) == ["q", "x"]
    assert requests.choose(2, ids, 1) == [USERS[row] for row in requests.sample(3, 2, 1)]


def test_ids_are_read_line_by_line(tmp_path: Path) -> None:
    (tmp_path / "ids").write_text("user_id\nu1\n\n u2 \nuser_id\n", encoding="utf-8-sig")
    assert requests.read_ids(tmp_path / "ids", "user_id") == ["u1", "u2", "user_id"]
    with pytest.raises(UserError, match="one per line"):
        requests.read_ids(tmp_path / "nothing", "user_id")
    (tmp_path / "ids").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(UserError, match="UTF-8"):
        requests.read_ids(tmp_path / "ids", "user_id")


def test_histories_are_read_as_text(tmp_path: Path) -> None:
    table = pd.DataFrame({"item_id": ["01", "NA"], "user_id": ["7", "8"], "rating": ["5", "4"]})
    table.to_csv(tmp_path / "h.csv", index=False)
    table.to_parquet(tmp_path / "h.parquet")
    for name in ("h.csv", "h.parquet"):
        assert requests.read_histories(tmp_path / name).values.tolist() == [["7", "01"], ["8", "NA"]]
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "other.csv").write_text("user,item_id\n1,2\n")
    for name, message in {
        "gone.csv": "not found",
        "empty.csv": "is not CSV",
        "other.csv": "no column user_id",
    }.items():
        with pytest.raises(UserError, match=message):
            requests.read_histories(tmp_path / name)
