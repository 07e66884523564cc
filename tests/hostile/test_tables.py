"""Bad tables from reading to cleaning: each bad row is rejected with its reason, or there is one clear error."""

import hashlib
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from fusionrec import params
from fusionrec.data import cleaning
from fusionrec.data.clean_options import Clean
from fusionrec.data.reading.dataset import Dataset
from fusionrec.data.sources import amazon, files
from fusionrec.errors import UserError

from . import tables_corpus as corpus

ROOT = Path(__file__).resolve().parents[2]
TREE = params.read(ROOT / "params.yaml")
AMAZON = {"reviews": "reviews.jsonl", "metadata": "meta.jsonl", "pictures": "none"}
OWN = {
    files: files.Options.model_validate(TREE["raw"]["files"]),
    amazon: amazon.Options.model_validate(TREE["raw"]["amazon"] | AMAZON),
}
CLEAN = Clean.model_validate(TREE["clean"] | {"min_user_interactions": 1})


def write(root: Path, files: dict[str, bytes], case: corpus.Case) -> None:
    (root / "images").mkdir(parents=True)
    for name, content in (files | case.files).items():
        (root / name).write_bytes(content)
    if case.arrange:
        case.arrange(root)


def contents(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        for path in folder.rglob("*")
    }


def rejected(data: Dataset, clean: cleaning.Cleaned) -> list[tuple[str, int, str]]:
    """What was rejected in either step."""
    both = pd.concat([table[["table", "row", "reason"]] for table in (data.rejected, clean.rejected)])
    return sorted((str(table), int(row), str(reason)) for table, row, reason in both.itertuples(index=False))


def check_sums(case: corpus.Case, data: Dataset, clean: cleaning.Cleaned) -> None:
    """Each row of the files is kept or rejected, exactly once."""
    early = Counter(data.rejected["table"])
    late = Counter(clean.rejected["table"])
    for name, raw, kept in [
        ("items", data.items, clean.items),
        ("interactions", data.interactions, clean.interactions),
    ]:
        extra = max([row for table, row, _ in case.rejected if table == name], default=corpus.ROWS)
        assert len(raw) + early[name] == len(kept) + early[name] + late[name] >= extra
        counts = clean.counts[name]
        assert counts["in"] == len(raw) and counts["kept"] == len(kept)
        reasons = {key: n for key, n in counts.items() if key.startswith("rejected_")}
        counted = Counter(clean.rejected.loc[clean.rejected["table"] == name, "reason"])
        assert reasons == {f"rejected_{reason}": n for reason, n in counted.items()}


def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reader: Any, good: dict[str, bytes], case: corpus.Case
) -> None:
    root, elsewhere = tmp_path / "data", tmp_path / "empty"
    write(root, good, case)
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    before = contents(tmp_path)
    if case.error:
        with pytest.raises(UserError, match=case.error) as problem:
            reader.read(root, TREE["raw"]["extensions"], OWN[reader])
        message = str(problem.value)
        assert message.isprintable() and len(message) < 1000 and re.search(r"\w\.(csv|jsonl)\b", message)
    else:
        data = reader.read(root, TREE["raw"]["extensions"], OWN[reader])
        assert list(data.pictures) == []
        clean = cleaning.clean(data.items, data.interactions, CLEAN)
        assert rejected(data, clean) == sorted(case.rejected)
        check_sums(case, data, clean)
        titles = clean.items.set_index("item_id")["title"]
        assert {item: titles.get(item) for item in case.titles} == case.titles
    assert contents(tmp_path) == before, "reading writes nothing"


@pytest.mark.parametrize("name", corpus.CSV)
def test_csv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    good = {"items.csv": corpus.GOOD_ITEMS.encode(), "interactions.csv": corpus.GOOD_LOG.encode()}
    run(tmp_path, monkeypatch, files, good, corpus.CSV[name])


@pytest.mark.parametrize("name", corpus.JSON_LINES)
def test_json_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    good = {"reviews.jsonl": corpus.lines(corpus.REVIEWS), "meta.jsonl": corpus.lines(corpus.META)}
    run(tmp_path, monkeypatch, amazon, good, corpus.JSON_LINES[name])


FAILING = """
import sys
sys.path.insert(0, {stages!r})
import raw
from fusionrec.errors import UserError
from fusionrec.data.reading import pictures

def fail(self):
    yield "i0.jpg", b"first"
    raise UserError("the second cannot be read")

pictures.Blobs.__iter__ = fail
raw.runtime.stage(raw.main)
"""


def test_nothing_is_half_written(tmp_path: Path) -> None:
    write(
        tmp_path / "mine",
        {"items.csv": corpus.GOOD_ITEMS.encode(), "interactions.csv": corpus.GOOD_LOG.encode()},
        corpus.Case({}),
    )
    tree = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    tree["raw"] |= {"source": "files", "input": "mine"}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(tree), encoding="utf-8")
    subprocess.run([sys.executable, ROOT / "stages/raw.py"], cwd=tmp_path, check=True, capture_output=True)
    before = contents(tmp_path)
    assert {"data/raw/tables/items.parquet", "data/raw/images/00000.tar"} <= before.keys()
    (tmp_path / "mine/items.csv").write_text(corpus.GOOD_ITEMS + "i9,new,,,\n", encoding="utf-8")
    before["mine/items.csv"] = contents(tmp_path)["mine/items.csv"]
    script = FAILING.format(stages=str(ROOT / "stages"))
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode and done.stderr.endswith("error: the second cannot be read\n")
    assert contents(tmp_path) == before, "both folders are the old ones"
