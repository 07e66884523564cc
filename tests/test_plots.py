"""Plots say what they show, and their labels hide nothing."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from fusionrec import files, plots
from fusionrec.plots import Words

WORDS = Words("title", "across", "up")


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures, which are drawn but not written."""
    figures: list[Figure] = []

    def keep(_: Path | str, figure: Figure) -> None:
        figure.draw_without_rendering()
        figures.append(figure)

    monkeypatch.setattr(files, "write_figure", keep)
    return figures


def curves(*names: str) -> pd.DataFrame:
    rows = [(k, name, k / 10) for name in names for k in (1, 2, 3)]
    return pd.DataFrame(rows, columns=["k", "series", "ndcg"])


def bars(*values: float) -> pd.DataFrame:
    rows = [(f"item: kind {n}", 100, value, value - 0.1, value + 0.1) for n, value in enumerate(values)]
    return pd.DataFrame(rows, columns=["bar", "users", "value", "low", "high"])


def sweep(*points: tuple[str, float, float, float]) -> pd.DataFrame:
    return pd.DataFrame(points, columns=["series", "strength", "accuracy", "diversity"])


@pytest.mark.parametrize("empty", [False, True])
def test_each_has_a_title_and_labels_on_both_axes(drawn: list[Figure], empty: bool) -> None:
    plots.lines(curves() if empty else curves("a", "b"), WORDS, "unused")
    plots.bars(bars() if empty else bars(0.2, 0.3), WORDS, "unused")
    plots.tradeoff(sweep() if empty else sweep(("mmr", 0.5, 0.1, 0.9)), "diversity", WORDS, "unused")
    for figure in drawn:
        (axes,) = figure.axes
        assert (axes.get_title(), axes.get_xlabel(), axes.get_ylabel()) == WORDS


def test_a_single_line_needs_no_legend(drawn: list[Figure]) -> None:
    plots.lines(curves("loss"), WORDS, "unused")
    plots.lines(curves("loss", "bpr"), WORDS, "unused")
    assert [figure.axes[0].get_legend() is None for figure in drawn] == [True, False]


def boxes(texts: Iterable[Any]) -> np.ndarray:
    return np.array([text.get_window_extent().extents for text in texts])


def overlaps(one: np.ndarray, other: np.ndarray) -> float:
    """Pixels that two boxes (left, bottom, right, top) share."""
    shared = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    return float(shared.clip(0).prod())


def test_strengths_of_neighbouring_points_stand_apart(drawn: list[Figure]) -> None:
    """Two methods nearly agree: with one place for all labels they would hide each other."""
    near = [("a", 0.1, 0.5, 0.5), ("a", 0.9, 0.1, 0.9), ("b", 0.2, 0.501, 0.501), ("b", 0.8, 0.3, 0.2)]
    plots.tradeoff(sweep(*near, ("b", 0, 0.4, 0.4)), "diversity", WORDS, "unused")
    texts = drawn[0].axes[0].texts
    assert sorted(text.get_text() for text in texts) == ["0.1", "0.2", "0.8", "0.9"]
    measured = boxes(texts)
    shared = [overlaps(measured[i], measured[j]) for i in range(4) for j in range(i)]
    assert shared == [0] * 6


def test_points_without_a_value_are_left_out(drawn: list[Figure]) -> None:
    unknown = [("a", 0.1, 0.5, np.nan), ("b", 0, 0.5, 0.5), ("b", 0.2, np.nan, 0.5), ("b", 0.3, 0.4, 0.6)]
    plots.tradeoff(sweep(*unknown), "diversity", WORDS, "unused")
    assert [text.get_text() for text in drawn[0].axes[0].texts] == ["0.3"]


def test_a_label_goes_to_the_free_corner() -> None:
    alone, (x, y) = np.zeros((1, 2)), plots.CORNERS[0]
    assert plots.corners(alone, alone) == [(x, y)]
    for taken in range(len(plots.CORNERS)):
        hidden = [np.array(corner) + 4 for corner in plots.CORNERS[:taken]]
        assert plots.corners(alone, np.vstack([alone, *hidden])) == [plots.CORNERS[taken]]
    assert plots.corners(np.empty((0, 2)), np.empty((0, 2))) == []


def test_labels_of_one_place_go_to_different_corners() -> None:
    points = np.zeros((4, 2))
    assert sorted(plots.corners(points, points)) == sorted(plots.CORNERS)


def test_bars_are_named_with_their_users(drawn: list[Figure]) -> None:
    table = bars(0.2, 0.3).assign(low=[0.1, np.nan], high=[0.3, np.nan])
    plots.bars(table, WORDS, "unused")
    names = [label.get_text() for label in drawn[0].axes[0].get_yticklabels()]
    assert names == ["item: kind 0 (100 users)", "item: kind 1 (100 users), no interval"]


def test_the_same_table_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        plots.tradeoff(sweep(("a", 0.1, 0.5, 0.5), ("b", 0.2, 0.5, 0.5)), "diversity", WORDS, tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
