"""The record of a search."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from fusionrec import sections
from fusionrec.experiments import study
from fusionrec.sections import Params

ROOT = Path(__file__).resolve().parents[2]
SPACE = {
    "train.lr": {"kind": "float", "low": 0.0, "high": 1.0},
    "model.fusion.method": {"kind": "categorical", "choices": ["gated", "attention"]},
}


def options(startup: int = 2, warmup: int = 0, direction: str = "max") -> Params:
    tree: dict[str, Any] = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    tree["search"] |= {"startup": startup, "warmup": warmup, "space": SPACE}
    tree["train"]["direction"] = direction
    return sections.parse(tree)


def resume(folder: Path, p: Params) -> Any:
    return study.resume(folder / "study.sqlite3", p.search, p.train)


@pytest.mark.parametrize(("direction", "expected"), [("max", 0.7), ("min", 0.2)])
def test_the_best_by_the_direction_of_training(tmp_path: Path, direction: str, expected: float) -> None:
    p = options(direction=direction)
    search = resume(tmp_path, p)
    assert study.best(search) is None
    settings = {}
    for value in (0.2, 0.7, 0.5):
        trial, settings[value] = study.ask(search, p.search)
        search.tell(trial, value)
    best = study.best(resume(tmp_path, p))
    assert best is not None and best.value == expected and best.settings == settings[expected]


def test_what_was_interrupted_is_asked_for_again(tmp_path: Path) -> None:
    p = options()
    search = resume(tmp_path, p)
    done, _ = study.ask(search, p.search)
    search.tell(done, 0.5)
    _, interrupted = study.ask(search, p.search)
    again = resume(tmp_path, p)
    assert study.ended(again) == 1
    assert study.ask(again, p.search)[1] == interrupted
    assert study.ask(again, p.search)[1] != interrupted


def test_failures_count_and_interruptions_do_not(tmp_path: Path) -> None:
    p = options()
    search = resume(tmp_path, p)
    study.failed(search, study.ask(search, p.search)[0], "diverged")
    study.stopped(search, study.ask(search, p.search)[0])
    study.ask(search, p.search)
    assert study.ended(search) == 2
    search = resume(tmp_path, p)
    assert study.ended(search) == 2 and study.best(search) is None


def test_a_resumed_search_draws_other_points(tmp_path: Path) -> None:
    p = options(startup=100)
    drawn = []
    for _ in range(6):
        search = resume(tmp_path, p)
        trial, settings = study.ask(search, p.search)
        search.tell(trial, 0.5)
        drawn.append(tuple(settings))
    assert len(set(drawn)) == 6


def test_a_search_repeats(tmp_path: Path) -> None:
    p = options()
    runs: list[list[list[str]]] = []
    for name in ("first", "second"):
        search = resume(tmp_path / name, p)
        runs.append([])
        for number in range(6):
            trial, settings = study.ask(search, p.search)
            search.tell(trial, number % 3)
            runs[-1].append(settings)
    assert runs[0] == runs[1]


def test_worse_than_the_median_is_hopeless_after_startup_and_warm_up(tmp_path: Path) -> None:
    p = options(startup=2, warmup=2)
    search = resume(tmp_path, p)
    for level in (0.4, 0.6):
        trial, _ = study.ask(search, p.search)
        assert not study.hopeless(trial, [level, level, level, level], 0)
        search.tell(trial, level)
    good, _ = study.ask(search, p.search)
    assert not study.hopeless(good, [0.55, 0.55, 0.55, 0.55], 0)
    bad, _ = study.ask(search, p.search)
    assert not study.hopeless(bad, [], 0)
    assert not study.hopeless(bad, [0.1, 0.1], 0), "within warm-up"
    assert study.hopeless(bad, [0.1, 0.1, 0.1], 2)
    assert not study.hopeless(bad, [0.1, 0.1, 0.1], 3), "nothing new is no reason"


def test_trials_that_were_interrupted_are_given_out_once(tmp_path: Path) -> None:
    """SQLite does not lock a row that is about to be taken, and workers ask at the same time."""
    p = options()
    search = resume(tmp_path, p)
    for step in range(16):
        search.enqueue_trial({"train.lr": 0.1 + step / 100})
    together = threading.Barrier(4)

    def take(_: int) -> list[int]:
        together.wait()
        return [study.ask(search, p.search)[0].number for _ in range(4)]

    with ThreadPoolExecutor(4) as pool:
        taken = [number for several in pool.map(take, range(4)) for number in several]
    assert len(set(taken)) == len(taken) == 16


def test_the_first_trial_of_a_new_search_is_where_it_starts(tmp_path: Path) -> None:
    p, first = options(), {"train.lr": 0.25}
    search = study.resume(tmp_path / "study.sqlite3", p.search, p.train, first)
    trial, settings = study.ask(search, p.search)
    assert "train.lr=0.25" in settings and len(settings) == 2, "the other dimension is drawn"
    search.tell(trial, 0.5)
    again = study.resume(tmp_path / "study.sqlite3", p.search, p.train, first)
    assert "train.lr=0.25" not in study.ask(again, p.search)[1]
