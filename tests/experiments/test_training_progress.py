"""Epoch metrics, read while they are written."""

from pathlib import Path

import pytest
from dvclive import Live

from fusionrec.experiments import training_progress


def test_what_dvclive_writes_is_read(tmp_path: Path) -> None:
    assert training_progress.curve(tmp_path, "ndcg@10") == []
    with Live(dir=str(tmp_path), dvcyaml=None, save_dvc_exp=False, report=None) as live:
        for value in (0.1, 0.3):
            live.log_metric("val/ndcg@10", value)
            live.next_step()
        assert training_progress.curve(tmp_path, "ndcg@10") == [0.1, 0.3]
        live.log_metric("best/val/ndcg@10", 0.3, plot=False)
    assert training_progress.best(tmp_path, "ndcg@10") == 0.3


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", []), ("st", []), ("step\tloss\n", []), ("step\tloss\n0\t0.25\n1\t0.", [0.25])],
)
def test_half_a_line_waits(tmp_path: Path, text: str, expected: list[float]) -> None:
    path = tmp_path / "plots/metrics/val/loss.tsv"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert training_progress.curve(tmp_path, "loss") == expected
