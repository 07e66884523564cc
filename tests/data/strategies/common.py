"""Small logs, the labels that a strategy gives them, and leaks that its proof must find."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import strategies as st

from fusionrec import params
from fusionrec.data import leakage, strategies
from fusionrec.data.split_labels import Log
from fusionrec.data.strategies import Given, Splits
from fusionrec.errors import ProofError

ROOT = Path(__file__).resolve().parents[3]
Row = tuple[int, int, int]
Harm = Callable[[np.ndarray], None]
ITEMS = pd.DataFrame(
    {
        "item_id": [f"i{item:02}" for item in range(20)],
        "title": "a title",
        "category_tag": [["b", "a"], ["a", "b"], ["a"], []] * 5,
        "number_year": [np.nan, *range(1, 20)],
    }
)


def options(strategy: str, own: dict[str, Any] | None = None, **shared: Any) -> Splits:
    """As in params.yaml, except for fractions of 0.2, and for changes of a strategy's own and shared parameters."""
    tree = params.read(ROOT / "params.yaml")["splits"]
    tree = tree | {"strategy": strategy, "val_fraction": 0.2, "test_fraction": 0.2} | shared
    changed = {strategy: tree.get(strategy, {}) | own} if own else {}
    return Splits.model_validate(tree | changed)


def given(log: Log, strategy: str, own: dict[str, Any] | None = None, **shared: Any) -> Given[Any]:
    chosen = options(strategy, own, **shared)
    return Given(log, ITEMS, chosen, chosen.own(strategy))


def labels(
    log: Log, strategy: str, own: dict[str, Any] | None = None, seed: int = 1, **shared: Any
) -> np.ndarray:
    """The labels of a log, after the proof that holds for every strategy."""
    loaded = strategies.load(strategy)
    split = loaded.label(given(log, strategy, own, **shared), rng(seed))
    leakage.check(split, log, loaded.folds_in)
    return split


def assert_leak_is_found(strategy: str, harm: Harm, message: str, own: dict[str, Any] | None = None) -> None:
    """Good labels of `LOG` pass the strategy's proof; after `harm` they fail with `message`."""
    loaded, task = strategies.load(strategy), given(LOG, strategy, own)
    split = loaded.label(task, rng())
    loaded.check(split, task)
    harm(split)
    with pytest.raises(ProofError, match=message):
        loaded.check(split, task)


def log(rows: list[Row]) -> Log:
    """In canonical order."""
    user, item, timestamp = zip(*sorted(rows, key=lambda row: (row[0], row[2], row[1])), strict=True)
    return Log(np.array(user, np.int32), np.array(item, np.int32), np.array(timestamp, np.int64))


def grid(users: int, items: int) -> Log:
    """Every user interacted with every item, one item a second."""
    return log([(user, item, item) for user in range(users) for item in range(items)])


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def part(whole: Log, split: np.ndarray, label: int) -> list[Row]:
    """The rows of a part."""
    chosen = split == label
    return list(zip(*(column[chosen].tolist() for column in whole[:3]), strict=True))


def first(split: np.ndarray, label: int) -> int:
    """The position of the first interaction of a part."""
    return int(np.flatnonzero(split == label)[0])


def relabel(label: int, becomes: int) -> Harm:
    """The first interaction of one part gets another label."""

    def harm(split: np.ndarray) -> None:
        split[first(split, label)] = becomes

    return harm


LOG = grid(20, 20)
LOGS = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 9), st.integers(0, 20)),
    unique_by=lambda row: row[:2],
    min_size=3,
).map(log)
FRACTIONS = st.tuples(st.floats(0.01, 0.49), st.floats(0.01, 0.49))
