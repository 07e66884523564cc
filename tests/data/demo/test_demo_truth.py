"""The preference model: utilities by hand, and a round trip."""

from pathlib import Path

import numpy as np
import pytest

from fusionrec.data.demo import demo_truth

MODEL = demo_truth.Truth(
    ["u", "v"],
    ["a", "b", "c"],
    np.array([[1, 2], [3, 4]], np.float32),
    np.array([[1, 0], [0, 1], [1, 1]], np.float32),
    np.array([0.5, 0, -1], np.float32),
)


def test_utility_follows_the_order_of_the_ids() -> None:
    scores = demo_truth.utility(MODEL, ["v", "u"], ["c", "a"])
    assert scores.tolist() == [[3 + 4 - 1, 3 + 0.5], [1 + 2 - 1, 1 + 0.5]]
    assert scores.dtype == np.float32


def test_an_unknown_id_is_an_error() -> None:
    with pytest.raises(KeyError):
        demo_truth.utility(MODEL, ["w"], ["a"])


def test_round_trip(tmp_path: Path) -> None:
    assert demo_truth.read(tmp_path) is None
    demo_truth.write(tmp_path, MODEL)
    copy = demo_truth.read(tmp_path)
    assert copy is not None
    for mine, theirs in zip(MODEL, copy, strict=True):
        np.testing.assert_array_equal(mine, theirs)
