"""The benchmarks run; what they measure is seen only when they run at their full size."""

from collections.abc import Callable, Mapping

import pytest
from tests.benchmarks import rivals, training


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = {"USERS": 200, "ITEMS": 300, "INTERACTIONS": 8000, "WIDTHS": (12, 8)}
    for name, value in sizes.items():
        monkeypatch.setattr(training, name, value)


def run(ways: Mapping[str, Callable[[], object]]) -> None:
    for way in ways.values():
        way()


@pytest.mark.usefixtures("small")
def test_rivals() -> None:
    run(rivals.ways())


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("loss", ["bpr", "softmax"])
def test_training(loss: str) -> None:
    train, inputs = (
        training.generate(training.INTERACTIONS, training.USERS),
        training.content(training.WIDTHS),
    )
    parts = {
        "peer": training.peer(train, inputs),
        "ours": training.ours(train, inputs, "fp32", loss),
        "floor": training.floor(train, inputs, "fp32", loss),
    }
    run(parts)


@pytest.mark.usefixtures("small")
def test_evaluation_of_both_finds_the_same_share_of_held_out_items() -> None:
    """The peer ranks random vectors of its own, so only the range and the form can be compared."""
    train, inputs = (
        training.generate(training.INTERACTIONS, training.USERS),
        training.content(training.WIDTHS),
    )
    ways = rivals.evaluation(train, inputs)
    ours = next(way for name, way in ways.items() if name.startswith("evaluation") and "FusionRec" in name)()
    peer = next(way for name, way in ways.items() if name.startswith("evaluation") and "public" in name)()
    assert isinstance(ours, dict) and isinstance(peer, tuple)
    recall, ndcg = peer
    assert 0 < recall < 1 and 0 < ndcg < 1
    assert 0 < ours["recall@20"] < 1 and 0 < ours["ndcg@20"] < 1
