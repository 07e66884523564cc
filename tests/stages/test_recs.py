"""recs as a script, on a tiny split."""

import hashlib
from pathlib import Path

import pandas as pd
import pytest
import yaml

from fusionrec import files

from .workspace import EVIL, build, run

NAMES = ("gallery.html", "recommendations.json", "recommendations.parquet")


@pytest.fixture(scope="module")
def recommended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = build(tmp_path_factory.mktemp("recs"))
    run(folder, "recs")
    return folder


def test_only_items_that_the_user_has_in_no_part_are_recommended(recommended: Path) -> None:
    table = files.read_table(recommended / "data/recs/recommendations.parquet")
    assert table.columns.tolist() == ["user_id", "rank", "item_id", "title", "score", "basis"]
    assert table["user_id"].nunique() == 4
    for user, rows in table.groupby("user_id"):
        first = int(str(user)[1:])
        known = {f"i{(first + step) % 9}" for step in range(5)}
        assert rows["rank"].tolist() == [1, 2, 3] and rows["score"].is_monotonic_decreasing
        assert not known & set(rows["item_id"])


def test_json_says_the_same_as_the_table(recommended: Path) -> None:
    table = files.read_table(recommended / "data/recs/recommendations.parquet")
    grouped = files.read_json(recommended / "data/recs/recommendations.json")
    rows = [
        (user, r["rank"], r["item_id"], r["title"], r["basis"])
        for user, listed in grouped.items()
        for r in listed
    ]
    assert rows == list(table.drop(columns="score").itertuples(index=False, name=None))


def test_the_gallery_is_escaped_and_shows_what_is_missing(recommended: Path) -> None:
    page = (recommended / "data/recs/gallery.html").read_text(encoding="utf-8")
    assert "<script" not in page and "&lt;script&gt;" in page, f"{EVIL} is among the histories"
    assert "data:image/jpeg;base64," in page and "no picture" in page, "item 8 has none"


def test_it_repeats_byte_for_byte(recommended: Path) -> None:
    first = {name: (recommended / "data/recs" / name).read_bytes() for name in NAMES}
    run(recommended, "recs", hash_seed=7)
    assert {name: (recommended / "data/recs" / name).read_bytes() for name in NAMES} == first


def hashes(folder: Path) -> dict[str, str]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def ask(folder: Path, *arguments: str) -> pd.DataFrame:
    """The answer to a question, which must leave no other trace than its output."""
    before, output = hashes(folder), folder / "answer.parquet"
    run(folder, "recs", "--output", "answer.parquet", *arguments)
    found = files.read_table(output)
    output.unlink()
    assert hashes(folder) == before
    return found


def test_questions_are_answered_beside_the_pipeline(recommended: Path, tmp_path: Path) -> None:
    everybody = ask(recommended, "--all-users")
    assert everybody["user_id"].nunique() == 6
    by_name = ask(recommended, "--users", "u5", "u1", "u5", "--top-k", "2")
    assert by_name["user_id"].tolist() == ["u5"] * 2 + ["u1"] * 2
    same = everybody[(everybody["user_id"] == "u1") & (everybody["rank"] <= 2)]
    assert by_name[2:].reset_index(drop=True).equals(same.reset_index(drop=True))
    (tmp_path / "users.txt").write_text("user_id\nu5\nu1\n")
    from_file = ask(recommended, "--user-file", str(tmp_path / "users.txt"), "--top-k", "2")
    assert from_file.equals(by_name)
    assert ask(recommended, "--sample-users", "2")["user_id"].nunique() == 2


def test_strangers_get_their_own_lists_or_popular_ones(recommended: Path, tmp_path: Path) -> None:
    (tmp_path / "h.csv").write_text("user_id,item_id\nnew,i1\nnew,i2\nnew,gone\nother,i3\n")
    found = ask(recommended, "--users", "new", "nobody", "--histories", str(tmp_path / "h.csv"))
    assert found.groupby("user_id")["basis"].first().to_dict() == {"new": "history", "nobody": "popularity"}
    assert not {"i1", "i2"} & set(found["item_id"][found["user_id"] == "new"])
    asked = ask(recommended, "--histories", str(tmp_path / "h.csv"))
    assert list(dict.fromkeys(asked["user_id"])) == ["new", "other"]


def test_exclusions_and_diversity(recommended: Path, tmp_path: Path) -> None:
    plain = ask(recommended, "--users", "u0", "--top-k", "9")
    assert len(plain) == 4, "five of nine items are known"
    (tmp_path / "items.txt").write_text(plain["item_id"][0])
    without = ask(recommended, "--users", "u0", "--top-k", "9", "--exclude-file", str(tmp_path / "items.txt"))
    assert without["item_id"].tolist() == plain["item_id"][1:].tolist()
    diverse = ask(recommended, "--users", "u0", "--top-k", "9", "--diversity", "1")
    assert set(diverse["item_id"]) == set(plain["item_id"])
    assert diverse["item_id"].tolist() != plain["item_id"].tolist()


def test_other_formats(recommended: Path, tmp_path: Path) -> None:
    run(recommended, "recs", "--users", "u0", "nobody", "--output", str(tmp_path / "page.html"))
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "what is popular" in page and "<script" not in page
    run(recommended, "recs", "--users", "u0", "--output", str(tmp_path / "lists.csv"))
    assert pd.read_csv(tmp_path / "lists.csv")["user_id"].tolist() == ["u0"] * 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--users", "u1"], "--users needs --output"),
        (["--output", "x.parquet", "--diversity", "2"], "invalid share value"),
        (["--output", "x.txt", "--users", "u1"], "ends in none of .parquet, .csv and .html"),
        (["--output", "x.parquet", "--user-file", "gone"], "gone: not found"),
    ],
)
def test_what_cannot_be_answered_is_said(recommended: Path, arguments: list[str], message: str) -> None:
    assert message in run(recommended, "recs", *arguments, fails=True)


def test_users_are_named_by_params(recommended: Path) -> None:
    path = recommended / "params.yaml"
    before = path.read_text(encoding="utf-8")
    tree = yaml.safe_load(before)
    tree["recs"] |= {"users": ["u4", 17], "exclude": ["i8"], "gallery": 1, "filter_seen": False}
    try:
        path.write_text(yaml.safe_dump(tree), encoding="utf-8")
        run(recommended, "recs")
        table = files.read_table(recommended / "data/recs/recommendations.parquet")
        assert list(dict.fromkeys(table["user_id"])) == ["u4", "17"] and "i8" not in set(table["item_id"])
        assert list(files.read_json(recommended / "data/recs/recommendations.json")) == ["u4"]
    finally:
        path.write_text(before, encoding="utf-8")
        run(recommended, "recs")
