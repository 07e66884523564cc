"""The page of a training: what it says, that it reloads itself until the end, and that it loads nothing."""

import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from fusionrec import sections
from fusionrec.review import training_page
from fusionrec.review.changes import Change
from fusionrec.review.training_page import Shown, TrainingPage, page
from fusionrec.training.loop import Epoch

TRAIN = sections.load(Path(__file__).resolve().parents[2] / "params.yaml").train.model_copy(
    update={"epochs": 60, "patience": 5, "monitor": "ndcg@10", "direction": "max"}
)
VALUES = [0.1, 0.3, 0.2, float("nan"), 0.25]
EPOCHS = [
    Epoch(n, {"train/loss": 2 / n, "train/gradient_norm": 1.0, "val/ndcg@10": value, "weight/id": 0.5})
    for n, value in enumerate(VALUES, 1)
]
REFRESH = '<meta http-equiv="refresh"'


class Tags(HTMLParser):
    """All tags of a page with their attributes; fails if one is not closed."""

    EMPTY = ("meta", "polyline", "line")

    def __init__(self, text: str):
        super().__init__()
        self.open: list[str] = []
        self.all: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.all.append((tag, dict(attrs)))
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert tag in self.EMPTY or self.open.pop() == tag


def shown(**more: Any) -> Shown:
    return Shown("fusion", TRAIN, [], EPOCHS, time="12:00:00")._replace(**more)


def test_while_it_runs() -> None:
    text = page(shown(left=150.0))
    assert REFRESH in text and f'content="{training_page.REFRESH}"' in text
    for sentence in (
        "Epoch 5 of at most 60, at 12:00:00.",
        "Best is epoch 2: ndcg@10 0.3000 on validation.",
        "At most 2 min left.",
        "It ends earlier after 2 more epochs without a better one.",
    ):
        assert f"<li>{sentence}</li>" in text


def test_once_it_has_ended_it_no_longer_reloads() -> None:
    text = page(shown(left=150.0, end="It has ended."))
    assert REFRESH not in text and "<li>It has ended.</li>" in text and "left." not in text


def test_nothing_is_loaded_and_no_script_runs() -> None:
    tags = Tags(page(shown(changed=[Change("train.lr", 0.1, 0.2)])))
    names = {tag for tag, _ in tags.all}
    assert names.isdisjoint({"script", "link", "img", "iframe", "object", "a"})
    assert all({"src", "href"}.isdisjoint(attributes) for _, attributes in tags.all)


def test_lines_are_inside_their_chart_and_leave_out_what_is_not_finite() -> None:
    tags = Tags(page(shown()))
    lines = [attributes["points"] or "" for tag, attributes in tags.all if tag == "polyline"]
    assert [len(line.split()) for line in lines] == [4, 5, 5, 5], "validation, loss, weight, gradient"
    for x, y in (map(float, point.split(",")) for line in lines for point in line.split()):
        assert training_page.LEFT <= x <= training_page.WIDTH and 0 <= y <= training_page.HEIGHT
    first, best = (tuple(map(float, lines[0].split()[n].split(","))) for n in (0, 1))
    assert best[1] == training_page.EDGE and best[0] > first[0] and first[1] > best[1]


def test_a_long_training_has_short_lines() -> None:
    many = [Epoch(n, {"train/loss": 1.0, "val/ndcg@10": 1 / n}) for n in range(1, 3001)]
    text = page(shown(epochs=many))
    assert len(text) < 60_000
    (line, *_) = [attributes["points"] or "" for tag, attributes in Tags(text).all if tag == "polyline"]
    assert len(line.split()) <= training_page.POINTS + 1
    assert float(line.split()[-1].split(",")[0]) == training_page.WIDTH - training_page.EDGE, "the last epoch"


def test_names_and_values_are_escaped() -> None:
    evil = "<script>alert(1)</script>"
    text = page(shown(name=evil, changed=[Change(evil, evil, evil)], end=evil))
    assert evil not in text and "&lt;script&gt;" in text


def test_before_the_first_epoch() -> None:
    text = page(shown(epochs=[]))
    assert "Epoch 0 of at most 60" in text and REFRESH in text and "<svg" not in text


def test_it_is_written_after_each_epoch_and_says_how_it_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "params.yaml").write_text("train: {lr: 0.1}\n")
    identity = ["-c", "user.name=test", "-c", "user.email=test@localhost", "-c", "commit.gpgsign=false"]
    for command in (["init", "-q"], ["add", "-A"], [*identity, "commit", "-qm", "state"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    (tmp_path / "params.yaml").write_text("train: {lr: 0.2}\n")
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "logs/training.html"
    with (
        pytest.raises(KeyboardInterrupt),
        TrainingPage(path, "fusion", TRAIN) as shown,
    ):
        assert "Epoch 0" in path.read_text()
        shown.epochs(EPOCHS[:2], None)
        text = path.read_text()
        assert (
            "Epoch 2" in text
            and '<tr><td>train.lr</td><td class="n">0.1</td><td class="n">0.2</td></tr>' in text
        )
        raise KeyboardInterrupt
    assert "It was stopped: KeyboardInterrupt." in path.read_text() and REFRESH not in path.read_text()
    (tmp_path / "params.yaml").write_text("train: {lr: 0.1}\n")
    with TrainingPage(path, "fusion", TRAIN) as shown:
        shown.epochs(EPOCHS, 3.0)
    assert "It has ended." in path.read_text() and "differ from the commit" not in path.read_text()
