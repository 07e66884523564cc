"""Draws plots as PNG. Size and metadata are fixed, so the same table gives the same bytes."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from fusionrec import files

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {
    "model": "#c8442c",
    "popularity": "#1f6fb2",
    "random": "#8a8a8a",
    "oracle": "#2f7d3b",
    "learner": "#8fbf98",
    "consumed": "#202020",
    "recent_popularity": "#6db3e0",
    "item_knn": "#8e5bb0",
    "user_knn": "#d08fc9",
    "ease": "#d99a1c",
    "content_knn": "#58a89a",
    "ridge": "#9fb84c",
    "kernel_ridge": "#4d7a1f",
}
BAR = 0.26  # height of a bar, in inches
LETTER, LINE = 4.5, 8.0  # width and height of a small label's letter, in points
CORNERS = [(3, 3), (3, -11), (-16, 3), (-16, -11)]  # of a point, where its label may stand; in points


class Words(NamedTuple):
    """What is written on a plot: its title, and the labels of the horizontal and the vertical axis."""

    title: str
    x: str
    y: str


def write_table(table: pd.DataFrame, path: Path | str) -> None:
    """Write the table of a plot as CSV."""
    files.write_text(path, table.to_csv(index=False, lineterminator="\n"))


def lines(table: pd.DataFrame, words: Words, path: Path | str, marks: bool = False) -> None:
    """Draw a line for each series, with its confidence interval as a band if the table has one.

    Args:
        table: its first three columns are x, series and y; low and high are optional.
        words: title and labels of the axes.
        path: a .png file.
        marks: whether to mark the points, and label the horizontal axis only there.
    """
    from matplotlib.ticker import MaxNLocator

    figure, axes = _figure()
    x, _, y = table.columns[:3]
    for name, rows in table.groupby("series", sort=False):
        dashes, mark = "--" if name == "consumed" else "-", "o" if marks else None
        colour = COLOURS.get(str(name))
        (line,) = axes.plot(
            rows[x], rows[y], label=name, color=colour, linestyle=dashes, marker=mark, markersize=4
        )
        if "low" in table:
            axes.fill_between(
                rows[x], rows["low"], rows["high"], color=line.get_color(), alpha=0.15, linewidth=0
            )
    _write(axes, words)
    axes.set_ylim(0, None)
    if table.empty:
        _mark_empty(axes)
    elif marks:
        axes.set_xticks(sorted(set(table[x])))
    elif table[x].dtype.kind == "i":
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _legend(axes)
    files.write_figure(path, figure)


def tradeoff(table: pd.DataFrame, x: str, words: Words, path: Path | str) -> None:
    """Draw accuracy against another metric: a line for each method; its points are labelled with the strength.

    Args:
        table: series, strength, accuracy, and `x`.
        x: name of the column on the horizontal axis.
        words: title and labels of the axes.
        path: a .png file.
    """
    figure, axes = _figure()
    _write(axes, words)
    labels = []
    for name, rows in table.groupby("series", sort=False):
        (line,) = axes.plot(rows[x], rows["accuracy"], marker="o", markersize=4, label=name)
        measured = rows[(rows["strength"] > 0) & rows[["accuracy", x]].notna().all(axis=1)]
        for row in measured[[x, "accuracy", "strength"]].itertuples(index=False):
            labels.append(((row[0], row[1]), f"{row[2]:g}", line.get_color()))
    if table[["accuracy", x]].isna().any(axis=1).all():
        _mark_empty(axes)
    _legend(axes)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # the axes stay where they are
    points = _on_paper(axes, np.array([place for place, *_ in labels]))
    drawn = [_dots(_on_paper(axes, line.get_xydata())) for line in axes.lines]
    for (place, text, colour), corner in zip(
        labels, corners(points, np.vstack([points, *drawn])), strict=True
    ):
        axes.annotate(text, place, corner, textcoords="offset points", fontsize=7, color=colour)
    files.write_figure(path, figure)


def corners(points: np.ndarray, drawn: np.ndarray) -> list[tuple[int, int]]:
    """For each point the corner, one of `CORNERS`, at which its label hides least of what is drawn and labelled.

    Args:
        points: float64 [points, 2], in points of typography (1/72 inch), like `drawn`.
        drawn: float64 [n, 2], dots that should stay visible.
    """
    size = np.array([3 * LETTER, LINE])  # of a strength, such as 0.5
    low, high = drawn - 1, drawn + 1
    chosen = []
    for point in points:
        starts = point + np.array(CORNERS)
        shared = np.minimum(starts[:, None] + size, high) - np.maximum(starts[:, None], low)
        best = int(shared.clip(0).prod(axis=2).sum(axis=1).argmin())
        chosen.append(CORNERS[best])
        low, high = np.vstack([low, starts[best]]), np.vstack([high, starts[best] + size])
    return chosen


def _on_paper(axes: "Axes", places: Any) -> np.ndarray:
    """float64 [n, 2]: places of the axes in 1/72 inch."""
    dpi = axes.figure.dpi
    return np.asarray(axes.transData.transform(np.reshape(places, (-1, 2)))) * 72 / dpi


def _dots(path: np.ndarray) -> np.ndarray:
    """float64 [n, 2]: dots along a line, no more than a few points apart; what is not a number is left out."""
    path = path[np.isfinite(path).all(axis=1)]
    if not len(path):
        return path
    steps = np.linspace(0, len(path) - 1, 40 * len(path))
    return np.column_stack([np.interp(steps, np.arange(len(path)), column) for column in path.T])


def bars(table: pd.DataFrame, words: Words, path: Path | str) -> None:
    """Draw horizontal bars with confidence intervals, labelled with the number of users if the table has it.

    Args:
        table: bar (the label), value, low, high (NaN without interval, which the label says), and optionally users.
        words: title and labels of the axes.
        path: a .png file.
    """
    figure, axes = _figure(height=1.3 + BAR * max(len(table), 4))
    _write(axes, words)
    if table.empty:
        _mark_empty(axes)
        files.write_figure(path, figure)
        return
    position = np.arange(len(table))[::-1]
    spread = [table["value"] - table["low"], table["high"] - table["value"]]
    style = {"elinewidth": 1, "capsize": 2}
    axes.barh(position, table["value"], xerr=spread, color=COLOURS["model"], alpha=0.75, error_kw=style)
    names = table["bar"]
    if "users" in table:
        names = names + table["users"].map(" ({:,} users)".format)
    names = names + np.where(table["low"].isna(), ", no interval", "")
    axes.axvline(0, color="#404040", linewidth=0.8)
    axes.set(yticks=position, yticklabels=names)
    axes.tick_params(axis="y", labelsize=8)
    axes.locator_params(axis="x", nbins=6)
    axes.grid(visible=False, axis="y")
    files.write_figure(path, figure)


def _figure(height: float = 4) -> tuple[Any, "Axes"]:
    from matplotlib.figure import (
        Figure,  # without pyplot, which takes a second to import and keeps every figure
    )

    figure = Figure(figsize=(6.4, height), dpi=120, layout="constrained")
    axes = figure.subplots()
    axes.grid(alpha=0.3)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _write(axes: "Axes", words: Words) -> None:
    axes.set(xlabel=words.x, ylabel=words.y)
    axes.set_title(words.title, fontsize=10)


def _mark_empty(axes: "Axes") -> None:
    """Write "nothing to show" in the middle of empty axes."""
    axes.text(
        0.5, 0.5, "nothing to show", transform=axes.transAxes, ha="center", va="center", color="#6d6a64"
    )
    axes.set(xticks=[], yticks=[])
    axes.grid(visible=False)


def _legend(axes: "Axes") -> None:
    """Draw the legend of several lines beside the axes, where it hides none."""
    if len(axes.get_legend_handles_labels()[0]) > 1:
        axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.01, 0.5))
