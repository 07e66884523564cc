"""What is shown of a training: each epoch, the time left, and epochs from before an interruption."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from fusionrec import files
from fusionrec.training import tracking
from fusionrec.training.loop import Epoch
from fusionrec.training.resume import Interrupted
from fusionrec.training.tracking import Tracker

from .conftest import TRAIN, updated

OPTIONS = updated(TRAIN, epochs=10, monitor="ndcg@10", wandb=None)
SLOW = 30.0  # seconds of an epoch


def epoch(number: int) -> Epoch:
    return Epoch(number, {"train/loss": 1 / number, "val/ndcg@10": number / 10})


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    now = [0.0]
    monkeypatch.setattr(tracking, "time", SimpleNamespace(monotonic=lambda: now[0]))
    yield now


def tracked(folder: Path, interrupted: Interrupted, clock: list[float]) -> list[tuple[int, float | None]]:
    """Five epochs; the number of epochs and the seconds left that are told after each."""
    told: list[tuple[int, float | None]] = []

    def watch(epochs: list[Epoch], left: float | None) -> None:
        told.append((len(epochs), left))

    with Tracker(
        folder / "curves", folder / "system", OPTIONS, OPTIONS.epochs, {}, interrupted, watch
    ) as tracker:
        for number in range(1, 6):
            clock[0] += 0.001 if number <= interrupted.epochs else SLOW
            tracker.epoch(epoch(number))
            assert files.read_json(folder / "curves/metrics.json")["val"]["ndcg@10"] == number / 10, "current"
    return told


def test_at_the_end_the_best_epoch_is_left(tmp_path: Path) -> None:
    watch = Interrupted(tmp_path / "state")
    with Tracker(
        tmp_path / "curves", tmp_path / "system", OPTIONS, OPTIONS.epochs, {}, watch, lambda *_: None
    ) as tracker:
        for number in range(1, 4):
            tracker.epoch(epoch(number))
        assert files.read_json(tmp_path / "curves/metrics.json")["train"]["loss"] == 1 / 3, "until then"
        tracker.best(epoch(2))
    assert files.read_json(tmp_path / "curves/metrics.json") == {
        "best": {"epoch": 2, "val": {"ndcg@10": 0.2}}
    }


def test_each_epoch_is_told_with_the_time_left(tmp_path: Path, clock: list[float]) -> None:
    told = tracked(tmp_path, Interrupted(tmp_path / "state"), clock)
    assert told == [(1, None), (2, 8 * SLOW), (3, 7 * SLOW), (4, 6 * SLOW), (5, 5 * SLOW)]


def test_epochs_before_an_interruption_say_nothing_of_the_time_left(
    tmp_path: Path, clock: list[float]
) -> None:
    interrupted = Interrupted(tmp_path / "state")
    interrupted.epochs = 3
    assert tracked(tmp_path, interrupted, clock) == [(4, 6 * SLOW), (5, 5 * SLOW)]
