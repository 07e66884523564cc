"""Your own files: columns are mapped, values stay strings, pictures are listed, errors say where."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from fusionrec import params
from fusionrec.data.sources import files
from fusionrec.errors import UserError

from .options import EXTENSIONS, SHARED, own, rows

ITEMS = 'item_id,title,description,genres,year,day\n01,One,,A|B,1999,1999-01-02\n2,Two,"x,\ny",A,NA,\n'
LOG = "user_id,item_id,timestamp,rating\nu,01,5,4\nv,2,2020-01-01,\n"
COLUMNS: dict[str, Any] = {
    "item": "item_id", "title": "title", "description": "description", "categories": ["genres"],
    "numbers": ["year"], "dates": [], "user": "user_id", "timestamp": "timestamp", "rating": "rating",
    "interactions_item": None, "split": None, "image": None,
}  # fmt: skip


def options(**columns: Any) -> files.Options:
    names = {"items": "items.csv", "interactions": "interactions.csv", "images": "images"}
    return own("files", **names, columns=COLUMNS | columns)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    root = tmp_path / "data"
    (root / "images").mkdir(parents=True)
    (root / "items.csv").write_text(ITEMS, encoding="utf-8")
    (root / "interactions.csv").write_text(LOG, encoding="utf-8")
    for name in ("2.PNG", "01.jpg", "2.gif"):
        (root / "images" / name).write_bytes(name.encode())
    return root


def test_values_are_strings_as_written_and_null_where_there_is_nothing(data: Path) -> None:
    dataset = files.read(data, EXTENSIONS, options(dates=["day"]))
    assert rows(dataset.items) == {
        "row": [1, 2], "item_id": ["01", "2"], "title": ["One", "Two"], "description": [None, "x,\ny"],
        "category_genres": ["A|B", "A"], "number_year": ["1999", "NA"], "date_day": ["1999-01-02", None],
    }  # fmt: skip
    assert rows(dataset.interactions) == {
        "row": [1, 2], "user_id": ["u", "v"], "item_id": ["01", "2"], "timestamp": ["5", "2020-01-01"],
        "rating": ["4", None],
    }  # fmt: skip
    assert list(dataset.pictures) == [("01.jpg", b"01.jpg"), ("2.PNG", b"2.PNG")]
    assert list(dataset.pictures), "pictures can be read again"
    assert dataset.rejected["reason"].tolist() == ["unknown_suffix"] and dataset.truth is None


def test_a_log_without_times(data: Path) -> None:
    log = files.read(data, EXTENSIONS, options(timestamp=None)).interactions
    assert list(log) == ["row", "user_id", "item_id", "rating"]


def test_extensions_are_a_parameter(data: Path) -> None:
    dataset = files.read(data, [".gif"], options())
    assert [name for name, _ in dataset.pictures] == ["2.gif"]
    assert dataset.rejected["value"].tolist() == ["01.jpg", "2.PNG"]


def test_columns_that_are_switched_off(data: Path) -> None:
    dataset = files.read(
        data, EXTENSIONS, options(title=None, description=None, rating=None, categories=[], numbers=[])
    )
    assert list(dataset.items) == ["row", "item_id", "title", "description"]
    assert dataset.items["title"].isna().all() and "rating" not in dataset.interactions


@pytest.mark.parametrize(
    ("name", "value", "parameter"),
    [("title", "name", "title"), ("numbers", ["age"], "numbers"), ("dates", ["when"], "dates"),
     ("user", "who", "user")],
)  # fmt: skip
def test_a_missing_column_names_its_parameter(data: Path, name: str, value: Any, parameter: str) -> None:
    with pytest.raises(UserError, match=rf"no column .*; set raw\.files\.columns\.{parameter} to one of: "):
        files.read(data, EXTENSIONS, options(**{name: value}))


def test_what_is_missing_is_named(data: Path) -> None:
    with pytest.raises(UserError, match=r"raw\.input"):
        files.read(data / "nowhere", EXTENSIONS, options())
    (data / "images").rename(data / "pictures")
    with pytest.raises(UserError, match=r"images: not found; set raw\.files\.images"):
        files.read(data, EXTENSIONS, options())
    (data / "images").touch()
    with pytest.raises(UserError, match=r"images: cannot be listed"):
        files.read(data, EXTENSIONS, options())


def test_all_that_is_missing_is_told_at_once(data: Path) -> None:
    (data / "interactions.csv").unlink()
    (data / "images").rename(data / "pictures")
    with pytest.raises(UserError) as problem:
        files.read(data, EXTENSIONS, options(item="sku", description="about"))
    items, log, images = str(problem.value).splitlines()
    assert "items.csv: no column 'sku'; set raw.files.columns.item" in items
    assert items.endswith("; likewise 'about' (raw.files.columns.description)")
    assert log.endswith("interactions.csv: not found; set raw.files.interactions")
    assert images.endswith("images: not found; set raw.files.images")


@pytest.mark.parametrize("name", ["items.jsonl", "items.parquet"])
def test_columns_of_all_files_are_checked_before_rows_are_read(data: Path, name: str) -> None:
    table = pd.DataFrame({"id": ["1"]})
    if name.endswith("jsonl"):
        table.to_json(data / name, orient="records", lines=True)
    else:
        table.to_parquet(data / name)
    own_files = options(user="who").model_copy(update={"items": name})
    with pytest.raises(UserError) as problem:
        files.read(data, EXTENSIONS, own_files)
    assert [line.count("no column") for line in str(problem.value).splitlines()] == [1, 1]


def test_real_posters() -> None:
    source = SHARED / "movielens-100k-posters"
    if not source.is_dir():
        pytest.skip("needs the MovieLens posters in ../shared/data")
    dataset = files.read(source, EXTENSIONS, options(dates=["release_date"]))
    assert (len(dataset.items), len(dataset.interactions), dataset.rejected.empty) == (1438, 99097, True)
    assert dataset.items["description"].isna().sum() == 1
    assert dataset.items["date_release_date"].iloc[0] == "01-Jan-1995"
    assert next(iter(dataset.pictures))[0] == "1.jpg"


def test_a_shop_export_in_its_own_notation(data: Path) -> None:
    items = "Nr;Titel;Preis;Seit\n1;Müller;1.299,50;31.12.2019\n2;Öl;12;\n"
    (data / "items.csv").write_text(items, encoding="windows-1252")
    (data / "log.tsv").write_text("Kunde\tArtikel\tWann\nx\t1\t1577836800000\n", encoding="utf-8")
    form = {"delimiter": ";", "encoding": "windows-1252", "decimal": ",", "time": "%d.%m.%Y"}
    columns: dict[str, Any] = {
        "item": "Nr", "title": "Titel", "description": None, "categories": [], "numbers": ["Preis"], "dates": ["Seit"],
        "interactions_item": "Artikel", "user": "Kunde", "timestamp": "Wann", "rating": None, "split": None,
        "image": None,
    }  # fmt: skip
    log = {"delimiter": "\t", "encoding": "utf-8", "decimal": ".", "time": "ms"}
    names = {"items": "items.csv", "interactions": "log.tsv", "images": None}
    dataset = files.read(
        data, EXTENSIONS, own("files", **names, items_format=form, interactions_format=log, columns=columns)
    )
    assert rows(dataset.items) == {
        "row": [1, 2], "item_id": ["1", "2"], "title": ["Müller", "Öl"], "number_Preis": ["1299.50", "12"],
        "date_Seit": ["2019-12-31T00:00:00Z", None], "description": [None, None],
    }  # fmt: skip
    assert rows(dataset.interactions) == {
        "row": [1], "user_id": ["x"], "item_id": ["1"], "timestamp": ["1577836800"],
    }  # fmt: skip
    assert list(dataset.pictures) == [], "no folder of pictures"


def test_pictures_that_a_column_names(data: Path) -> None:
    (data / "images/deep").mkdir()
    (data / "images/deep/a b.png").write_bytes(b"deep")
    table = "item_id,title,description,genres,year,photo\n" + "".join(
        f"{item},T,,A,1,{path}\n" for item, path in [("01", "deep/a b.png"), ("2", "deep/a b.png"), ("3", "")]
    )
    (data / "items.csv").write_text(table, encoding="utf-8")
    dataset = files.read(data, EXTENSIONS, options(image="photo"))
    assert [*dataset.pictures] == [("01.png", b"deep"), ("2.png", b"deep")] and "image" not in dataset.items
    unnamed = dataset.rejected[dataset.rejected["table"] == "pictures"]
    assert sorted(zip(unnamed["value"], unnamed["reason"], strict=True)) == [
        ("01.jpg", "unknown_item"), ("2.PNG", "unknown_item"), ("2.gif", "unknown_item"),
    ]  # fmt: skip
    nowhere = options(image="photo").model_copy(update={"images": None})
    with pytest.raises(UserError, match=r"raw\.files\.images is null; set it to the folder"):
        files.read(data, EXTENSIONS, nowhere)


def test_a_file_for_each_part(data: Path) -> None:
    head = "user_id,item_id,timestamp,rating\n"
    swallowed = 'v,01,5,"4\nw,2,5,4"\n'  # line 3 is a row that a quote of line 2 swallows
    (data / "train.csv").write_text(f"{head}{swallowed}u,01,5,4\n", encoding="utf-8")
    (data / "test.csv").write_text(f"{head}u,2,6,4\nw,2,6,4\n", encoding="utf-8")
    names = {"train": "train.csv", "test": "test.csv"}
    chosen = options().model_copy(update={"interactions": names})
    dataset = files.read(data, EXTENSIONS, chosen)
    assert rows(dataset.interactions) == {
        "row": [2, 3, 4], "user_id": ["u", "u", "w"], "item_id": ["01", "2", "2"], "timestamp": ["5", "6", "6"],
        "rating": ["4", "4", "4"], "split": ["train", "test", "test"],
    }  # fmt: skip
    assert {str(dataset.interactions[name].dtype) for name in ("user_id", "item_id", "split")} == {"category"}
    refused = dataset.rejected[dataset.rejected["table"] == "interactions"]
    assert refused["row"].tolist() == [1, 1] and set(refused["reason"]) == {"swallowed_by_a_quote"}
    column = files.read(data, EXTENSIONS, options(split="rating")).interactions
    assert column["split"].tolist()[0] == "4"


def test_models_that_were_saved_before_read_plain_files() -> None:
    saved = {"items": "a.csv", "interactions": "b.csv", "images": "images", "columns": {
        key: value for key, value in COLUMNS.items() if key not in ("interactions_item", "split", "image")
    }}  # fmt: skip
    completed = files.Options.model_validate(params.complete(files.Options, saved))
    assert completed.items_format.delimiter == "," and completed.columns.split is None


def test_without_a_table_the_items_are_those_of_the_interactions(data: Path) -> None:
    (data / "log.inter").write_text(
        "userID\titemID\tx_label\n1\t10\t0\n1\t9\t1\n2\tx\t2\n2\t10\t0\n", encoding="utf-8"
    )
    names: dict[str, Any] = {"items": None, "interactions": "log.inter", "images": None}
    columns = COLUMNS | {
        "user": "userID",
        "item": "itemID",
        "split": "x_label",
        "timestamp": None,
        "rating": None,
    }
    form = {"delimiter": "\t", "encoding": "utf-8", "decimal": ".", "time": None}
    dataset = files.read(data, EXTENSIONS, own("files", **names, columns=columns, interactions_format=form))
    assert rows(dataset.items) == {
        "row": [1, 2, 3], "item_id": ["9", "10", "x"], "title": [None] * 3, "description": [None] * 3,
    }  # fmt: skip
    assert not dataset.has_items_table and files.read(data, EXTENSIONS, options()).has_items_table
    assert rows(dataset.interactions)["split"] == ["0", "1", "2", "0"]
