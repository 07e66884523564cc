"""recs as a script, on a tiny split."""

from pathlib import Path

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


def test_questions_are_for_the_command(recommended: Path) -> None:
    assert "unrecognized arguments: --users" in run(recommended, "recs", "--users", "u1", fails=True)


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
