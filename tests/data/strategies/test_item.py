"""item by hand."""

import numpy as np
import pytest

from fusionrec.data.split_labels import TEST, TRAIN, VAL

from .common import assert_leak_is_found, grid, labels, relabel


def test_holds_out_whole_items() -> None:
    split = labels(grid(4, 20), "item", val_fraction=0.1, test_fraction=0.2).reshape(4, 20)
    assert (split == split[0]).all() and np.bincount(split[0]).tolist() == [14, 2, 4]
    other = labels(grid(4, 20), "item", seed=2, val_fraction=0.1, test_fraction=0.2)
    assert (other.reshape(4, 20) != split).any()


@pytest.mark.parametrize(("label", "becomes"), [(TEST, TRAIN), (TEST, VAL), (VAL, TRAIN)])
def test_leaks_are_found(label: int, becomes: int) -> None:
    assert_leak_is_found("item", relabel(label, becomes), "no item is in two parts")
