"""The sentences and tables of a review of two revisions that are made by hand."""

from typing import Any

import pandas as pd
import pytest

from fusionrec.review import evidence, revision, summary
from fusionrec.review.evidence import Tables
from fusionrec.review.revision import Side
from fusionrec.review.revision_files import PER_USER


def side(name: str, **params: Any) -> Side:
    metrics = {"headline": ["ndcg@10"]} | params
    out = {"path": "data/metrics", "md5": f"{name}.dir"}
    stage = {"deps": [{"path": "data/metrics/x", "md5": "1"}, {"path": "src/a.py", "md5": name}], "outs": [out],
             "params": {"params.yaml": {"metrics": metrics}}}  # fmt: skip
    return Side(name, {"metrics": metrics}, {"metrics": stage}, {})


def given(monkeypatch: pytest.MonkeyPatch, a: list[float], b: list[float]) -> summary.Review:
    def tables(_a: Side, _b: Side, path: str) -> Tables | None:
        first, second = (
            pd.DataFrame({"user_id": map(str, range(len(x))), "recommender": "model", "ndcg@10": x})
            for x in (a, b)
        )
        return Tables(first, second, []) if path == PER_USER else None

    monkeypatch.setattr(evidence, "tables", tables)
    return summary.build(side("a"), side("b"), seed=1)


@pytest.mark.parametrize(
    ("move", "verdict"),
    [
        (lambda n: 0.2 + n % 3 / 100, "ndcg@10 is higher: 0.5000 in a, 0.7100 in b, beyond chance."),
        (lambda n: -0.2 - n % 3 / 100, "ndcg@10 is lower: 0.5000 in a, 0.2900 in b, beyond chance."),
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
    review = summary.build(side("a", protocol="strict"), side("b", protocol="mmrec"), seed=1)
    assert review.warnings == [
        "The two had different tasks (metrics.protocol), so differences are not due to the model alone."
    ]
    assert review.verdicts == ["The metrics of all users are the same."]
    assert [section.title for section in review.sections + review.details] == ["Parameters", "Code and input"]


def test_long_tables_are_cut() -> None:
    section = summary._section("x", ["y"], 1, ([str(n)] for n in range(summary.ROWS + 3)))
    assert len(section.rows) == summary.ROWS and section.notes == ["And 3 more."]
