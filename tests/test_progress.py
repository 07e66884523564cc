"""Lines of progress by hand, with a clock that the tests set."""

import doctest

import pytest

from fusionrec import progress
from fusionrec.progress import Lines, Sparing


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_examples() -> None:
    found = doctest.testmod(progress)
    assert found.attempted and not found.failed


def test_a_line_every_few_seconds_with_the_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    with Lines("images", "picture", 1200, clock) as bar:
        for _ in range(12):
            clock.now += 1
            bar.update(100)
    assert capsys.readouterr().err.splitlines() == [
        "images: 500 of 1,200 pictures, 7 s left",
        "images: 1,000 of 1,200 pictures, 2 s left",
    ]


def test_what_is_quick_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(progress.watched(iter("abc"), "letters", "letter")) == ["a", "b", "c"]
    printed = capsys.readouterr()
    assert printed.out == printed.err == ""


def test_lines_become_rare(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    bar = Lines("train", "epoch", 36_000, clock)
    for _ in range(36_000):
        clock.now += 1
        bar.update()
    lines = capsys.readouterr().err.splitlines()
    assert 60 + 60 < len(lines) < 500, "ten hours"
    assert lines[0] == "train: 5 of 36,000 epochs, 10 h 0 min left"


def test_without_a_total_there_is_the_time_so_far() -> None:
    bar = Lines("pictures", "picture", None, Clock())
    bar.update(1234)
    assert bar.line(240) == "pictures: 1,234 pictures, 4 min so far"


def test_what_was_done_before_does_not_make_the_rest_faster() -> None:
    bar = Lines("train", "epoch", 60, Clock())
    bar.initial += 40
    bar.update(50)
    bar.set_postfix({"train/loss": "0.5"})
    assert bar.line(20) == "train: 50 of 60 epochs, train/loss 0.5, 20 s left"


def test_a_new_start_counts_from_zero() -> None:
    clock = Clock()
    bar = Lines("encode", "item", None, clock)
    bar.update(7)
    clock.now += 50
    bar.reset(total=10)
    bar.update(5)
    assert bar.line(2) == "encode: 5 of 10 items, 2 s left"


def test_on_a_terminal_it_is_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(progress.bar("x", "item"), Lines)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with progress.bar("x", "item", 3) as bar:
        assert type(bar).__name__ == "tqdm"
        bar.initial += 1
        bar.update()


def test_a_slow_function_is_called_seldom() -> None:
    clock, calls = Clock(), list[int]()

    def slow(number: int) -> None:
        calls.append(number)
        clock.now += 1

    sparing = Sparing(slow, share=20, clock=clock)
    for number in range(1000):
        sparing(number)
        clock.now += 0.1
    assert calls[0] == 0
    spent = clock.now - 100
    assert 0.04 < len(calls) / spent <= 0.06, "a second each: a twentieth of the time"
