"""simple_random by hand."""

from typing import Any

import numpy as np

from .common import grid, labels


def test_takes_its_share_of_all() -> None:
    fractions: dict[str, Any] = {"val_fraction": 0.1, "test_fraction": 0.25}
    split = labels(grid(10, 10), "simple_random", **fractions)
    assert np.bincount(split).tolist() == [65, 10, 25]
    assert not (labels(grid(10, 10), "simple_random", seed=2, **fractions) == split).all()
