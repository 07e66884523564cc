"""The sentences and tables of a review of two revisions that are made by hand."""

import hashlib
from typing import Any

import pandas as pd
import pytest

from fusionrec import code
from fusionrec.review import evidence, revision, section, summary
from fusionrec.review.evidence import Tables
from fusionrec.review.revision import Side
from fusionrec.review.revision_files import PER_USER


def side(name: str, **params: Any) -> Side:
    metrics = {"headline": ["ndcg@10"]} | params
    out = {"path": "data/metrics", "md5": f"{name}.dir"}
    stage = {"deps": [{"path": "data/metrics/x", "md5": "1"}, {"path": "src/a.py", "md5": name}], "outs": [out],
             "params": {"params.yaml": {"metrics": metrics}}}  # fmt: skip
    return Side(name, {"metrics": metrics}, {"metrics": stage}, {}, {})


def given(monkeypatch: pytest.MonkeyPatch, a: list[float], b: list[float]) -> summary.Review:
    def tables(_a: list[Side], _b: list[Side], path: str) -> Tables | None:
        first, second = (
            pd.DataFrame({"user_id": map(str, range(len(x))), "recommender": "model", "ndcg@10": x})
            for x in (a, b)
        )
        return Tables([first], [second], []) if path == PER_USER else None

    monkeypatch.setattr(evidence, "tables", tables)
    return summary.build([side("a")], [side("b")])


@pytest.mark.parametrize(
    ("move", "verdict"),
    [
        (
            lambda n: 0.2 + n % 3 / 100,
            "ndcg@10 is higher: 0.5000 in a, 0.7100 in b, so these two trained models differ; their recipes may not.",
        ),
        (
            lambda n: -0.2 - n % 3 / 100,
            "ndcg@10 is lower: 0.5000 in a, 0.2900 in b, so these two trained models differ; their recipes may not.",
        ),
        (
            lambda n: 0.1 * (-1) ** n + 0.001,
            "ndcg@10 is higher: 0.5000 in a, 0.5010 in b, which may be chance.",
        ),
        (lambda n: 0.0, "No headline metric differs for any of 60 users."),
    ],
)
def test_verdicts(monkeypatch: pytest.MonkeyPatch, move: Any, verdict: str) -> None:
    values = [0.5] * 60
    review = given(monkeypatch, values, [x + move(n) for n, x in enumerate(values)])
    assert review.verdicts == [verdict]


def test_what_no_stage_writes_is_a_source() -> None:
    one = side("a")
    assert one.sources == {"src/a.py": "a"} and one.outs == {"data/metrics": "a.dir"}


def test_a_lock_that_is_behind_its_parameters() -> None:
    behind = side("a")
    assert not revision.stale(behind)
    behind.params["metrics"]["headline"] = ["ndcg@10"]
    assert not revision.stale(behind)
    assert revision.stale(behind._replace(params={"metrics": {}})) == ["metrics"]


def test_another_task_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "tables", lambda *_: None)
    review = summary.build([side("a", protocol="strict")], [side("b", protocol="mmrec")])
    assert review.warnings == [
        "The two had different tasks (metrics.protocol), so differences are not due to the model alone."
    ]
    assert review.verdicts == ["The metrics of all users are the same."]
    assert [section.title for section in review.sections + review.details] == ["Parameters", "Code and input"]


def test_long_tables_are_cut() -> None:
    cut = section.section("x", ["y"], 1, ([str(n)] for n in range(section.ROWS + 3)))
    assert len(cut.rows) == section.ROWS and cut.notes == ["And 3 more."]


def with_code(name: str, **digests: str) -> Side:
    """A side whose stages run code with these hashes."""
    stages = {
        stage: {"deps": [{"path": f"data/code/{stage}", "md5": digest}]} for stage, digest in digests.items()
    }
    return Side(name, {}, stages | {"code": {"outs": [{"path": "data/code", "md5": "x.dir"}]}}, {}, {})


def test_files_of_code_that_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = with_code("a", raw="1", model="2"), with_code("b", raw="1", model="3")
    assert a.code == {"raw": "1", "model": "2"} and a.sources == {}
    listings = {"a": b"d1  src/loss.py\nd2  src/old.py\n", "b": b"d9  src/loss.py\nd3  src/new name.py\n"}

    def fetch(side: Side, path: str) -> bytes | None:
        assert path == "data/code/model", "the others are the same"
        return listings.get(side.name)

    monkeypatch.setattr(revision, "fetch", fetch)
    rows = summary._sources(a, b).rows
    assert rows == [["src/loss.py", "changed"], ["src/new name.py", "added"], ["src/old.py", "removed"]]
    assert not evidence.code(a, a)
    listings.pop("a")
    assert summary._sources(a, b).rows == [["the code of model", "changed"]]


def test_code_of_the_workspace_that_dvc_lock_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    here = {"raw": {"stages/raw.py": "d1"}, "model": {"stages/model.py": "d2"}}
    monkeypatch.setattr(code, "stages", lambda root: here)
    digests = {stage: hashlib.md5(code.listing(files).encode()).hexdigest() for stage, files in here.items()}
    assert revision.stale(with_code("workspace", **digests)) == []
    assert revision.stale(with_code("workspace", **digests | {"raw": "0"})) == ["the code of raw"]
    assert revision.stale(with_code("HEAD", **digests | {"raw": "0"})) == []
