"""Plots are byte-for-byte reproducible for any data."""

from pathlib import Path

import numpy as np
import pytest

from fusionrec.data import memberships, split_plots


@pytest.mark.parametrize("counts", [[9, 5, 3, 1, 1, 0], [4], [2, 2]])
def test_long_tail_repeats(tmp_path: Path, counts: list[int]) -> None:
    items = np.array(counts)
    for name in ("a.png", "b.png"):
        split_plots.long_tail(items, items[::-1], memberships.tail(items, 0.2), tmp_path / name)
    blob = (tmp_path / "a.png").read_bytes()
    assert blob == (tmp_path / "b.png").read_bytes() and blob.startswith(b"\x89PNG")


@pytest.mark.parametrize("spread", [0, 1, 10**6])
def test_over_time_repeats_and_shows_the_cuts(tmp_path: Path, spread: int) -> None:
    timestamp = 1_600_000_000 + spread * np.arange(12)
    labels = np.repeat(np.array([0, 3, 1, 2], np.int8), 3)
    cuts = {"val_from": int(timestamp[6]), "test_from": int(timestamp[9])}
    for name, shown in (("a.png", cuts), ("b.png", cuts), ("without.png", {})):
        split_plots.over_time(timestamp, labels, shown, tmp_path / name)
    blob = (tmp_path / "a.png").read_bytes()
    assert blob == (tmp_path / "b.png").read_bytes() and blob.startswith(b"\x89PNG")
    assert blob != (tmp_path / "without.png").read_bytes()
