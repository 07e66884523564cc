"""Costs are noted, written beside the results, and read again."""

import json
from pathlib import Path

import pytest

from fusionrec import costs


def test_what_is_noted_is_written_and_collected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(costs, "_noted", {})
    with costs.timed("train"):
        sum(range(10**5))
    costs.note(weights=7)
    costs.write("model", 1.23456)
    found = costs.collected(tmp_path)
    assert found["model"]["weights"] == 7 and found["model"]["seconds"] == 1.235
    assert found["model"]["train_cpu"] >= 0 and found["model"]["train_seconds"] >= 0
    assert found["model"]["peak_mb"] > 1 and found["model"]["cpu"] > 0
    assert json.loads((tmp_path / "logs/costs/model.json").read_text(encoding="utf-8")) == found["model"]
    assert costs.collected(tmp_path / "nowhere") == {}


def test_a_folder_that_cannot_be_written_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "logs").write_text("a file", encoding="utf-8")
    costs.write("model", 1.0)
    assert costs.collected(tmp_path) == {}
