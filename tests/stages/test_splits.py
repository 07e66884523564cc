"""splits as a script: its tables agree with each other, with its report, and with every order of the rows."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from fusionrec import files
from fusionrec.data.memberships import KINDS
from fusionrec.data.split_labels import PARTS

from .workspace import ROOT, run

USERS, ITEMS = 60, 40
OUTPUTS = ("data/splits", "metrics", "plots")


def build(folder: Path, strategy: str, shuffle: bool = False, **options: Any) -> Path:
    """Params and tables; items i00 and i01, i02 and i03, ... look alike; i00 and i20, ... have nearly the same text."""
    tree = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    tree["splits"] |= {"strategy": strategy, **options}
    tree["splits"]["mixed"]["cold_items"] = 0.3
    (folder / "params.yaml").write_text(yaml.safe_dump(tree), encoding="utf-8")
    ids = [f"i{item:02}" for item in range(ITEMS)]
    texts = [" ".join(f"w{item % 20}.{word}" for word in range(20)) for item in range(ITEMS)]
    items = pd.DataFrame({"item_id": ids, "title": "t", "text": texts, "category_tag": [["a"], ["b"]] * 20})
    items.loc[20:, "text"] += " again"
    files.write_table(folder / "data/clean/items.parquet", items.assign(number_year=np.arange(ITEMS) + 1.0))
    rng = np.random.default_rng(0)
    pairs = np.sort(rng.permutation(USERS * ITEMS)[:900])
    log = pd.DataFrame(
        {
            "user_id": pd.Categorical([f"u{pair // ITEMS:02}" for pair in pairs]),
            "item_id": pd.Categorical([ids[pair % ITEMS] for pair in pairs]),
            "timestamp": rng.integers(1_500_000_000, 1_600_000_000, 900),
        }
    )
    if shuffle:
        log = log.sample(frac=1, random_state=1).astype({"user_id": "str"})
    files.write_table(folder / "data/clean/interactions.parquet", log)
    manifest = pd.DataFrame({"item_id": ids, "status": ["ok"] * (ITEMS - 1) + ["missing"]})
    first = pd.Series(ids).where(np.arange(ITEMS) % 2 == 0).ffill()
    manifest["near_duplicate_of"] = first.where(first != manifest["item_id"])
    files.write_table(folder / "data/images/manifest.parquet", manifest)
    return folder


def outputs(folder: Path) -> dict[str, bytes]:
    paths = [path for name in OUTPUTS for path in (folder / name).rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


@pytest.fixture(scope="module", params=["leave_one_out", "temporal", "mixed"])
def done(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = build(tmp_path_factory.mktemp(request.param), request.param)
    run(folder, "splits")
    return folder


def test_tables_and_report_agree(done: Path) -> None:
    parts = {name: files.read_table(done / f"data/splits/{name}.parquet") for name in PARTS}
    users = files.read_table(done / "data/splits/users.parquet")
    items = files.read_table(done / "data/splits/items.parquet")
    counts = files.read_json(done / "metrics/splits.json")
    assert sum(len(part) for part in parts.values()) == counts["interactions"] == 900
    assert [counts[name]["interactions"] for name in PARTS] == [len(part) for part in parts.values()]
    for table, column in ((users, "user"), (items, "item")):
        chosen = parts["train"][column].value_counts().reindex(range(len(table)), fill_value=0)
        assert table["train_interactions"].tolist() == chosen.tolist()
        assert (table["cold"] == (table["train_interactions"] == 0)).all()
        assert counts[f"{column}s_cold"] == table["cold"].sum()
    assert counts["items_tail"] == items["tail"].sum() > 0 and not (items["tail"] & items["cold"]).any()
    for name in ("val", "test"):
        part = parts[name]
        cold = users["cold"].to_numpy()[part["user"]] + 2 * items["cold"].to_numpy()[part["item"]]
        assert part["kind"].tolist() == [KINDS[kind] for kind in cold]
        assert part["kind"].cat.categories.tolist() == list(KINDS)
    for name in ("train", "fold_in"):
        assert parts[name].columns.tolist() == ["user", "item", "timestamp"]


def test_ids_and_times_are_those_of_the_clean_log(done: Path) -> None:
    users = files.read_table(done / "data/splits/users.parquet")["user_id"].to_numpy()
    items = files.read_table(done / "data/splits/items.parquet")["item_id"].to_numpy()
    log = pd.concat([files.read_table(done / f"data/splits/{name}.parquet") for name in PARTS])
    split = zip(users[log["user"]], items[log["item"]], log["timestamp"], strict=True)
    clean = files.read_table(done / "data/clean/interactions.parquet").itertuples(index=False, name=None)
    assert sorted(split) == sorted(clean)


def test_cold_items_near_a_train_item_are_reported(done: Path) -> None:
    items = files.read_table(done / "data/splits/items.parquet")
    counts = files.read_json(done / "metrics/splits.json")
    cold = items["cold"].to_numpy()
    picture = cold & ~cold.reshape(-1, 2)[:, ::-1].ravel()
    text = cold & ~cold.reshape(2, -1)[::-1].ravel()
    ways = {
        "": ("near_duplicate_in_train", picture | text),
        "_by_picture": ("near_picture_in_train", picture),
        "_by_text": ("near_text_in_train", text),
    }
    chosen = files.read_table(done / "data/splits/test.parquet")["item"]
    for how, (column, expected) in ways.items():
        assert items[column].tolist() == expected.tolist()
        assert counts[f"items_cold_near_train{how}"] == expected.sum()
        assert counts["test"][f"on_items_near_train{how}"] == expected[chosen].sum()
    if done.name.startswith("mixed"):
        assert (picture & ~text).any() and (text & ~picture).any(), "the strategy with cold items"


def test_cuts_are_timestamps(done: Path) -> None:
    counts = files.read_json(done / "metrics/splits.json")
    assert ("val_from" in counts) == (done.name.startswith("temporal"))
    if "val_from" in counts:
        first = [files.read_table(done / f"data/splits/{name}.parquet")["timestamp"].min() for name in PARTS]
        assert first[1:3] == [counts["val_from"], counts["test_from"]]


def test_another_order_of_rows_gives_the_same_bytes(done: Path, tmp_path: Path) -> None:
    strategy = done.name.rstrip("0123456789")
    other = build(tmp_path, strategy, shuffle=True)
    run(other, "splits", hash_seed=7)
    assert outputs(other) == outputs(done)
    assert {"plots/long_tail.png", "plots/time.png", "metrics/splits.json"} < set(outputs(done))


def test_an_empty_part_ends_with_one_line_and_writes_nothing(tmp_path: Path) -> None:
    build(tmp_path, "leave_one_out", min_interactions=99)
    error = run(tmp_path, "splits", fails=True)
    assert error.startswith("error: splits.strategy=leave_one_out with splits.min_interactions=99")
    assert error.count("\n") == 1 and outputs(tmp_path) == {}
