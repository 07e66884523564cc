"""What a review says, from two sides that are made by hand."""

from typing import Any

import pandas as pd
import pytest

from fusionrec.evaluation.revisions import PER_USER
from fusionrec.review import evidence, report, sides
from fusionrec.review.evidence import Tables
from fusionrec.review.sides import Side


def side(name: str, **params: Any) -> Side:
    metrics = {"headline": ["ndcg@10"]} | params
    out = {"path": "data/metrics", "md5": f"{name}.dir"}
    stage = {"deps": [{"path": "data/metrics/x", "md5": "1"}, {"path": "src/a.py", "md5": name}], "outs": [out],
             "params": {"params.yaml": {"metrics": metrics}}}  # fmt: skip
    return Side(name, {"metrics": metrics}, {"metrics": stage}, {})


def given(monkeypatch: pytest.MonkeyPatch, a: list[float], b: list[float]) -> report.Review:
    def tables(_a: Side, _b: Side, path: str) -> Tables | None:
        first, second = (
            pd.DataFrame({"user_id": map(str, range(len(x))), "recommender": "model", "ndcg@10": x})
            for x in (a, b)
        )
        return Tables(first, second, []) if path == PER_USER else None

    monkeypatch.setattr(evidence, "tables", tables)
    return report.build(side("a"), side("b"), seed=1)


@pytest.mark.parametrize(
    ("move", "said"),
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
def test_verdicts(monkeypatch: pytest.MonkeyPatch, move: Any, said: str) -> None:
    values = [0.5] * 60
    found = given(monkeypatch, values, [x + move(n) for n, x in enumerate(values)])
    assert found.verdicts == [said]


def test_what_no_stage_writes_is_a_source() -> None:
    found = side("a")
    assert found.sources == {"src/a.py": "a"} and found.outs == {"data/metrics": "a.dir"}


def test_a_lock_that_is_behind_its_parameters() -> None:
    behind = side("a")
    assert not sides.stale(behind)
    behind.params["metrics"]["headline"] = ["ndcg@10"]
    assert not sides.stale(behind)
    assert sides.stale(behind._replace(params={"metrics": {}})) == ["metrics"]


def test_another_task_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "tables", lambda *_: None)
    found = report.build(side("a", protocol="strict"), side("b", protocol="mmrec"), seed=1)
    assert found.warnings == [
        "The two were not asked the same (metrics.protocol), so that differences are not those of the model alone."
    ]
    assert found.verdicts == ["The metrics of all users are the same."]
    assert [section.title for section in found.sections + found.details] == ["Parameters", "Code and input"]


def test_long_tables_are_cut() -> None:
    found = report._section("x", ["y"], 1, ([str(n)] for n in range(report.ROWS + 3)))
    assert len(found.rows) == report.ROWS and found.notes == ["And 3 more."]
