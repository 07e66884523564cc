"""Plots are byte-for-byte reproducible for any data."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from fusionrec import files
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


def test_both_have_titles_and_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    figures: list[Figure] = []
    monkeypatch.setattr(files, "write_figure", lambda _, figure: figures.append(figure))
    counts = np.array([9, 5, 3, 1])
    split_plots.long_tail(counts, counts, memberships.tail(counts, 0.2), "unused")
    split_plots.over_time(10**9 + 10**6 * np.arange(4), np.array([0, 0, 1, 2], np.int8), {}, "unused")
    assert figures[0].get_suptitle() == "Train interactions of each item and user, most frequent first"
    assert [axes.get_xlabel() for axes in figures[0].axes] == ["rank of the item", "rank of the user"]
    (axes,) = figures[1].axes
    assert axes.get_title() == "Interactions over time, by part of the split"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("time (UTC)", "interactions")
