"""Whole folders: the layouts found in the wild, one oddity each, and three foreign data sets."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fusionrec import params, sections
from fusionrec.checking import report
from fusionrec.checking.writing import patched

from . import foreign
from .shapes import GENRES, ITEMS, ROOT, TREE, check, guessed, items, log

NUMBERS = list(range(1, ITEMS + 1))
MANY = list(range(1, 101))


def test_the_plain_folder(tmp_path: Path) -> None:
    found = check(tmp_path, items_csv=items(), interactions_csv=log())
    assert found.is_ready and not found.guess.questions
    assert guessed(found).items() >= {
        "items": "items.csv", "interactions": "interactions.csv", "columns.item": "item_id", "columns.user": "user_id",
        "columns.interactions_item": None, "columns.timestamp": "timestamp", "columns.rating": None,
        "columns.title": "title", "columns.description": None, "columns.numbers": ["price"], "columns.dates": [],
        "images": None, "model.vision": "none", "clean.min_rating": None,
        "interactions_format.time": None,
    }.items()  # fmt: skip
    assert guessed(found)["columns.categories"] == ["genres"] and guessed(found)["clean.separators"] == ["|"]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"a_csv": items("id", NUMBERS), "b_csv": log("u", "v", "t", NUMBERS, MANY)},
         ["a.csv", "b.csv", "id", "v", "u"]),
        ({"items_csv": items(ids=NUMBERS), "log_csv": log(ids=NUMBERS, users=MANY)},
         ["items.csv", "log.csv", "item_id", None, "user_id"]),
        ({"products_csv": items("sku"), "orders_csv": log("customer", "product", "ordered_at")},
         ["products.csv", "orders.csv", "sku", "product", "customer"]),
        ({"items_csv": items(), "log_csv": log(user="item_id", item="user_id")},
         ["items.csv", "log.csv", "item_id", "user_id", "item_id"]),
        ({"movies_csv": items("movieId", NUMBERS),
          "ratings_csv": log("userId", "movieId", ids=NUMBERS, rating=lambda t: t % 5 + 1),
          "tags_csv": log("userId", "movieId", ids=NUMBERS, tag=lambda t: "funny"),
          "links_csv": items("movieId", NUMBERS)[["movieId", "price"]]},
         ["movies.csv", "ratings.csv", "movieId", None, "userId"]),
        ({"items_csv": items(), "log_csv": log(), "users_csv": items("user_id", [f"u{n}" for n in range(ITEMS)])},
         ["items.csv", "log.csv", "item_id", None, "user_id"]),
    ],
    ids=["unnamed", "more_users_than_items", "other_names", "swapped", "movielens", "users"],
)  # fmt: skip
def test_which_table_and_column_is_what(
    tmp_path: Path, files: dict[str, Any], expected: list[str | None]
) -> None:
    found = check(tmp_path, **files)
    assert not found.guess.questions
    names = ["items", "interactions", "columns.item", "columns.interactions_item", "columns.user"]
    assert [guessed(found)[name] for name in names] == expected


def test_swapped_columns_are_noted(tmp_path: Path) -> None:
    found = check(tmp_path, items_csv=items(), log_csv=log(user="item_id", item="user_id"))
    assert any("user_id holds the ids of items, and item_id does not" in note for note in found.guess.notes)
    mixed = log(rating=lambda t: t % 5 + 1).rename(columns={"rating": "timestamp", "timestamp": "rating"})
    found = check(tmp_path, items_csv=items(), log_csv=mixed)
    assert any("rating holds times, and timestamp does not" in note for note in found.guess.notes)


def when(form: str) -> Any:
    return lambda t: datetime.fromtimestamp(t, UTC).strftime(form)


@pytest.mark.parametrize(
    ("written", "form"),
    [(lambda t: t * 1000, "ms"), (lambda t: t * 10**6, "us"), (lambda t: t * 10**9, "ns"),
     (when("%Y-%m-%d %H:%M:%S"), None),
     (when("%Y-%m-%dT%H:%M:%SZ"), None), (when("%d.%m.%Y %H:%M"), "%d.%m.%Y %H:%M"), (when("%Y%m%d"), "%Y%m%d"),
     (when("%m/%d/%Y %I:%M %p"), "%m/%d/%Y %I:%M %p"), (when("%d/%m/%Y"), "%d/%m/%Y")],
)  # fmt: skip
def test_notations_of_time(tmp_path: Path, written: Any, form: str | None) -> None:
    found = check(tmp_path, items_csv=items(), log_csv=log(timestamp=written))
    assert found.is_ready and guessed(found)["interactions_format.time"] == form
    assert found.outcome is not None and not found.outcome.lost


def test_without_times_random_interactions_are_held_out(tmp_path: Path) -> None:
    for table in (log(timestamp=lambda t: 0), log().drop(columns="timestamp")):
        found = check(tmp_path, items_csv=items(), log_csv=table)
        assert found.is_ready and guessed(found)["columns.timestamp"] is None
        assert guessed(found)["splits.leave_one_out.held_out"] == "random"
    zeros, fixed = log(timestamp=lambda t: 0), {"raw.files.columns.timestamp": "timestamp"}
    named = check(tmp_path, fixed, items_csv=items(), log_csv=zeros)
    assert guessed(named)["columns.timestamp"] == "timestamp", "what the user says is kept"


def test_what_cannot_be_decided_is_asked_and_answered(tmp_path: Path) -> None:
    ambiguous = log(timestamp=lambda t: f"{t % 12 + 1:02}/{t % 11 + 1:02}/2020")
    asked = check(tmp_path / "a", items_csv=items(), log_csv=ambiguous)
    (question,) = asked.guess.questions
    assert "-S raw.files.interactions_format.time=\"'%d/%m/%Y'\" or -S" in question and asked.outcome is None
    fixed = {"raw.files.interactions_format.time": "%m/%d/%Y"}
    assert check(tmp_path / "a", fixed, items_csv=items(), log_csv=ambiguous).is_ready

    twins = log("x", "y", ids=NUMBERS, users=NUMBERS)
    asked = check(tmp_path / "b", items_csv=items("id", NUMBERS), log_csv=twins)
    assert "Answer with -S raw.files.columns.interactions_item=" in asked.guess.questions[0]
    answered = check(
        tmp_path / "b",
        {"raw.files.columns.interactions_item": "y"},
        items_csv=items("id", NUMBERS),
        log_csv=twins,
    )
    assert answered.is_ready and guessed(answered)["columns.user"] == "x"


@pytest.mark.parametrize(
    "files", [{}, {"log_csv": log()}, {"items_csv": items()}, {"x_xlsx": b"PK", "log_csv": log()}]
)
def test_two_tables_are_needed(tmp_path: Path, files: dict[str, Any]) -> None:
    tmp_path.joinpath("empty").touch()
    (question,) = check(tmp_path, **files).guess.questions
    assert "Two tables are needed" in question and ("x.xlsx: save each sheet" in question) == (
        "x_xlsx" in files
    )


def test_ready_made_splits(tmp_path: Path) -> None:
    whole = log()
    train, val, test = whole[:300], whole[300:350], whole[350:]
    found = check(tmp_path / "files", items_csv=items(), train_csv=train, valid_csv=val, test_csv=test)
    assert guessed(found)["interactions"] == {"train": "train.csv", "val": "valid.csv", "test": "test.csv"}
    labels = [0] * 300 + [1] * 50 + [2] * 50
    column = check(tmp_path / "column", items_csv=items(), log_csv=log(x_label=labels))
    assert guessed(column)["columns.split"] == "x_label" and guessed(column)["columns.rating"] is None
    assert guessed(column)["splits.given.val"] == ["1"]
    for ready in (found, column):
        assert ready.is_ready and guessed(ready)["splits.strategy"] == "given"
        assert guessed(ready)["clean.min_user_interactions"] == 0
        assert (
            ready.outcome is not None and "split by given: 300 train, 50 val, 50 test" in ready.outcome.kept
        )


def test_a_ready_made_split_without_validation(tmp_path: Path) -> None:
    whole = log()
    names: dict[str, Any] = {"items_csv": items(), "train_csv": whole[:300], "test_csv": whole[300:]}
    found = check(tmp_path / "files", **names)
    column = check(
        tmp_path / "column", items_csv=items(), log_csv=log(split=["train"] * 300 + ["test"] * 100)
    )
    assert guessed(found)["interactions"] == {"train": "train.csv", "test": "test.csv"}
    for ready in (found, column):
        assert ready.is_ready and guessed(ready)["splits.given.val"] == []
        assert "splits.val_fraction" in ready.guess.settings["splits.given.val"].why
        assert ready.outcome is not None
        (split,) = (line for line in ready.outcome.kept if line.startswith("split by given"))
        assert split.endswith("100 test") and " 0 val" not in split


@pytest.mark.parametrize(
    ("ids", "logged", "shown"),
    [(NUMBERS, [f"{n}.0" for n in NUMBERS], ".0' for '"), ([f"{n:04}" for n in NUMBERS], NUMBERS, " for '00"),
     ([f"Ab{n}" for n in NUMBERS], [f"AB{n}" for n in NUMBERS], "'AB"),
     (None, [f"i{n} " for n in range(ITEMS)], " ' for 'i"),
     ([f"\u00e9{n}" for n in NUMBERS], [f"e\u0301{n}" for n in NUMBERS], " for '\u00e9")],
)  # fmt: skip
def test_ids_that_are_written_differently(tmp_path: Path, ids: Any, logged: Any, shown: str) -> None:
    found = check(tmp_path, items_csv=items(ids=ids), log_csv=log(ids=logged))
    (note,) = [note for note in found.guess.notes if "written differently" in note]
    assert shown in note and note.startswith("60 ids") and "Export both tables with the ids as text" in note
    assert not found.is_ready and found.outcome is not None
    assert "write the ids of both tables in the same way" in found.outcome.problems[0]


def test_half_of_the_ids_as_floats(tmp_path: Path) -> None:
    mixed = [f"{n}.0" if n % 2 else str(n) for n in NUMBERS]
    found = check(tmp_path, items_csv=items(ids=NUMBERS), log_csv=log(ids=mixed))
    assert found.is_ready and found.outcome is not None
    lost = found.outcome.lost[0]
    assert lost.reason == "item_id_written_differently" and lost.rows > 150
    assert all(example.endswith("among the items") for example in lost.examples)


@pytest.mark.parametrize(
    ("values", "least"),
    [(lambda t: t % 5 + 1, 4), (lambda t: t % 10 + 1, 7), (lambda t: t % 2, 1), (lambda t: t % 100 + 1, 70),
     (lambda t: 1, None), (lambda t: t % 1000, None), (lambda t: (t % 9 == 0) * 4 + 1, None)],
)  # fmt: skip
def test_thresholds_of_ratings(tmp_path: Path, values: Any, least: float | None) -> None:
    found = check(tmp_path, items_csv=items(), log_csv=log(stars=values))
    assert guessed(found)["clean.min_rating"] == least


def test_ratings_that_are_not_on_the_scale_are_noted(tmp_path: Path) -> None:
    table = log(rating=lambda t: t % 5 + 1)
    table.loc[:2, "rating"] = 99
    found = check(tmp_path, items_csv=items(), log_csv=table)
    assert "rating: 3 of 400 ratings are not between 0 and 5, such as 99" in found.guess.notes


def test_columns_of_items(tmp_path: Path) -> None:
    table = items(
        grapes=["['Malbec', 'Merlot']" if n % 2 else "['Merlot']" for n in range(ITEMS)],
        cost=[f"{n},90 EUR" for n in range(ITEMS)], since=[f"{n % 28 + 1:02}.03.2019" for n in range(ITEMS)],
        imdb_votes=[n * 7 for n in range(ITEMS)], picture=[f"https://example.org/{n}.jpg" for n in range(ITEMS)],
        text=[f"This thing of {GENRES[n % 3]} number {n} is as good as any of the others" for n in range(ITEMS)],
        same=["x"] * ITEMS, ean=[4006381333931 + n for n in range(ITEMS)],
    )  # fmt: skip
    found = check(tmp_path, items_csv=table, log_csv=log())
    assert guessed(found).items() >= {
        "columns.categories": ["genres", "grapes"], "columns.numbers": ["price", "imdb_votes"],
        "columns.dates": ["since"], "items_format.time": "%d.%m.%Y", "columns.description": "text",
        "clean.known_later": ["imdb_votes"], "clean.separators": ["|"],
    }.items()  # fmt: skip
    unused = {name.removeprefix("items.csv: "): why for name, why in found.guess.unused.items()}
    assert set(unused) == {"cost", "picture", "same", "ean"}
    assert "leave only the numbers" in unused["cost"] and "pictures must be files" in unused["picture"]


def write(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).touch()


def test_pictures(tmp_path: Path) -> None:
    for number in range(50):
        write(tmp_path, f"photos/i{number}.jpg", f"thumbs/{number}.jpg")
    write(tmp_path, "photos/zz.jpg")
    found = check(tmp_path, items_csv=items(), log_csv=log())
    assert guessed(found)["images"] == "photos" and "model.vision" not in guessed(found)
    assert "10 of 60 items have no picture, such as i50, i51, i52" in found.guess.notes
    assert "1 pictures in photos belong to no item, such as zz" in found.guess.notes


def test_pictures_that_a_column_names(tmp_path: Path) -> None:
    paths = [f"{'men' if n % 2 else 'women'}/photo {n // 2}.jpg" for n in range(ITEMS)]
    for path in paths[:50]:
        (tmp_path / "img" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "img" / path).touch()
    found = check(tmp_path, items_csv=items(photo=paths), log_csv=log())
    assert guessed(found).items() >= {"columns.image": "photo", "images": "img"}.items()
    assert "model.vision" not in guessed(found) and "items.csv: photo" not in found.guess.unused
    assert found.outcome is not None and "pictures: 50" in found.outcome.kept
    assert [(lost.reason, lost.rows) for lost in found.outcome.lost] == [("missing_file", 10)]
    off = check(tmp_path, {"raw.files.columns.image": None})
    assert guessed(off)["columns.image"] is None


def test_pictures_that_are_named_after_ids_and_by_a_column(tmp_path: Path) -> None:
    for number in range(ITEMS):
        write(tmp_path, f"img/i{number}.jpg")
    found = check(tmp_path, items_csv=items(photo=[f"i{n}.jpg" for n in range(ITEMS)]), log_csv=log())
    assert "columns.image" not in guessed(found) and guessed(found)["images"] == "img"


def test_pictures_that_are_named_differently(tmp_path: Path) -> None:
    for number in range(9):
        write(tmp_path, f"img/{number + 1:05}.jpg")
    found = check(tmp_path, items_csv=items(ids=NUMBERS), log_csv=log(ids=NUMBERS))
    assert guessed(found)["model.vision"] == "none"
    assert any(
        "names are like 00001, and ids are like 1. 100% differ only in zeros" in n for n in found.guess.notes
    )


def test_nothing_that_a_terminal_obeys_is_printed(tmp_path: Path) -> None:
    evil = "\x1b[31m\x07\u202e"
    table = items(title=[f"{evil}red thing {n} of all" for n in range(ITEMS)]).rename(
        columns={"genres": f"gen{evil}"}
    )
    found = check(tmp_path, items_csv=table, log_csv=log())
    assert found.is_ready
    assert all(line.isprintable() for line in report.lines(found, tmp_path))
    text = patched((ROOT / "params.yaml").read_text(encoding="utf-8"), found.guess.settings)
    written = sections.parse(params._tree(text))
    assert written.raw.own("files").columns.categories == [f"gen{evil}"]


EXPECTED: dict[str, dict[str, Any]] = {
    "shop": {
        "items": "artikel.csv", "interactions": "bestellungen.csv", "images": "Bilder", "columns.item": "Artikelnr",
        "columns.title": "Bezeichnung", "columns.description": "Beschreibung", "columns.categories": ["Warengruppe"],
        "columns.numbers": ["Preis", "Verkäufe"], "columns.dates": ["Im Sortiment seit"], "columns.user": "Kundennr",
        "columns.timestamp": "Bestelldatum", "columns.rating": None, "clean.separators": [","],
        "items_format.delimiter": ";", "items_format.encoding": "windows-1252", "items_format.decimal": ",",
        "items_format.time": "%d.%m.%Y", "interactions_format.time": "%d.%m.%Y %H:%M",
        "interactions_format.delimiter": ";", "train.batch": 16,
    },
    "dump": {
        "items": "products.jsonl.gz", "interactions": "reviews.jsonl", "images": "photos", "columns.item": "asin",
        "columns.title": "title", "columns.description": "description", "columns.categories": ["categories"],
        "columns.numbers": ["price", "rating_number"], "columns.user": "user_id", "columns.timestamp": "timestamp",
        "columns.rating": "rating", "clean.min_rating": 4, "clean.known_later": ["rating_number"],
        "interactions_format.time": "ms",
    },
    "parquet": {
        "items": "movies.parquet", "interactions": "watched.parquet", "images": None, "columns.item": "movie_id",
        "columns.title": "name", "columns.description": "plot", "columns.categories": ["genres"],
        "columns.numbers": ["year", "runtime"], "columns.user": "user", "columns.timestamp": None,
        "splits.leave_one_out.held_out": "random", "model.vision": "none",
    },
}  # fmt: skip


@pytest.mark.parametrize("name", EXPECTED)
def test_foreign_data(tmp_path: Path, name: str) -> None:
    root = getattr(foreign, name)(tmp_path / name)
    found = report.make(root, TREE, {})
    assert found.is_ready and guessed(found).items() >= EXPECTED[name].items()
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    written = patched(text, found.guess.settings)
    assert params._tree(written) == report.merged(TREE, found.guess)
    comments = [line for line in written.splitlines() if line.strip().startswith("# guessed: ")]
    others = [line for line in written.splitlines() if line not in comments]
    changed = [pair for pair in zip(text.splitlines(), others, strict=True) if pair[0] != pair[1]]
    assert changed and all(old.partition(":")[0] == new.partition(":")[0] for old, new in changed)
    assert len(comments) >= len(changed) - 2, "the user sees why"


def test_enormous_cells_impossible_times_and_repeated_ids(tmp_path: Path) -> None:
    table = items(title=["x" * 300_000, *(f"thing {n} of all" for n in range(ITEMS - 1))])
    table.loc[1, "item_id"] = "i0"
    times = log()
    times.loc[0, "timestamp"] = 9_999_999_999_999_999
    found = check(tmp_path, items_csv=table, log_csv=times)
    assert found.is_ready and found.outcome is not None
    assert {"timestamp_after_2099", "duplicate_id", "unknown_item"} <= {
        lost.reason for lost in found.outcome.lost
    }
