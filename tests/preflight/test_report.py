"""What is said before a run, and what is refused."""

from pathlib import Path
from typing import Any

import pytest

from fusionrec import params
from fusionrec.errors import UnsuitableDataError, UserError
from fusionrec.preflight import forecast, report
from fusionrec.preflight.machine import Machine
from fusionrec.preflight.sizes import Sizes
from fusionrec.trees import changed

TREE = params.read(Path(__file__).resolve().parents[2] / "params.yaml")
DEMO, LARGE = Sizes(40_000, 2_000, 1_200), Sizes(200_000_000, 30_000_000, 400_000)
LAPTOP, SERVER = Machine(8e9, 1e11, 2), Machine(1e12, 1e13, 64)


def after(sizes: Sizes, machine: Machine, **changes: Any) -> str:
    tree = changed(TREE, {name.replace("__", "."): value for name, value in changes.items()})
    return report.after("clean", tree, sizes, machine)


def test_a_small_run_needs_no_words() -> None:
    assert after(DEMO, LAPTOP) == ""


def test_a_long_run_is_announced_with_what_to_change() -> None:
    said = after(LARGE, SERVER).splitlines()
    assert said[0].startswith(
        "200,000,000 interactions, 30,000,000 users, 400,000 items; this machine has 1000 GB"
    )
    assert [line.split()[0] for line in said[1:3]] == ["stage", "splits"], "raw and clean are over"
    assert any(line.startswith("model takes days: run `fusionrec preset large`") for line in said)
    assert "data is too large for: user_knn, ease, ridge, kernel_ridge" in said[-1]


def test_what_cannot_fit_is_refused_with_what_to_change() -> None:
    with pytest.raises(
        UserError, match=r"stage splits: would need about .* GB .* this machine has 8; raise clean\."
    ):
        after(LARGE, LAPTOP)


def test_a_forecast_a_little_above_the_memory_is_said_and_not_refused() -> None:
    (one,) = [each for each in forecast.stages(TREE, LARGE) if each.stage == "splits"]
    tight = Machine(one.memory / report.MARGIN, 1e13, 2)
    report.check([one], tight)
    with pytest.raises(UserError):
        report.check([one], tight._replace(memory=tight.memory * 0.99))
    said = report.lines([one], LARGE, tight, TREE)
    assert any(line.startswith("splits needs more memory than there is") for line in said)


def test_a_model_that_is_too_large_is_refused() -> None:
    with pytest.raises(UnsuitableDataError, match="ease: takes at most 10,000 items"):
        after(LARGE, SERVER, model__name="ease")


def test_a_full_disk_is_noticed() -> None:
    said = report.lines(forecast.stages(TREE, LARGE), LARGE, SERVER._replace(disk=1e9), TREE)
    assert any("free disk" in line and "docs/scale.md" in line for line in said)
