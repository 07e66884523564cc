"""Plots as PNG, with a fixed size and no metadata that varies: the same table gives the same bytes."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    "consumed": "#202020",
    "recent_popularity": "#6db3e0",
    "item_knn": "#8e5bb0",
    "user_knn": "#d08fc9",
    "ease": "#d99a1c",
}
BAR = 0.26  # inches


def write_table(table: pd.DataFrame, path: Path | str) -> None:
    """The table behind a plot, as CSV."""
    files.write_text(path, table.to_csv(index=False, lineterminator="\n"))


def lines(table: pd.DataFrame, labels: tuple[str, str], path: Path | str, marks: bool = False) -> None:
    """A line for each series, with its interval as a band if there is one.

    Args:
        table: a horizontal column, series, a vertical column, and optionally low and high.
        labels: of the axes, horizontal first.
        path: a .png file.
        marks: whether to mark the points, and label the horizontal axis at these only.
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
    axes.set(xlabel=labels[0], ylabel=labels[1], ylim=(0, None))
    if table.empty:
        _say_empty(axes)
    elif marks:
        axes.set_xticks(sorted(set(table[x])))
    elif table[x].dtype.kind == "i":
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _legend(axes)
    files.write_figure(path, figure)


def tradeoff(table: pd.DataFrame, x: str, labels: tuple[str, str], path: Path | str) -> None:
    """Accuracy against another column: a line for each method through its strengths, which label the points.

    Args:
        table: series, strength, accuracy, and `x`.
        x: a column.
        labels: of the axes, horizontal first.
        path: a .png file.
    """
    figure, axes = _figure()
    for name, rows in table.groupby("series", sort=False):
        (line,) = axes.plot(rows[x], rows["accuracy"], marker="o", markersize=4, label=name)
        style: dict[str, Any] = {"textcoords": "offset points", "fontsize": 7, "color": line.get_color()}
        measured = rows.loc[rows["strength"] > 0, ["strength", x, "accuracy"]]
        for strength, right, up in measured.itertuples(index=False):
            axes.annotate(f"{strength:g}", (right, up), (3, 4), **style)
    axes.set(xlabel=labels[0], ylabel=labels[1])
    if table[["accuracy", x]].isna().any(axis=1).all():
        _say_empty(axes)
    _legend(axes)
    files.write_figure(path, figure)


def bars(table: pd.DataFrame, label: str, path: Path | str) -> None:
    """Horizontal bars with intervals, labelled with the number of users if it is known.

    Args:
        table: bar, value, low, high, and optionally users.
        label: of the horizontal axis.
        path: a .png file.
    """
    figure, axes = _figure(height=1 + BAR * max(len(table), 4))
    if table.empty:
        _say_empty(axes)
        axes.set(xlabel=label)
        files.write_figure(path, figure)
        return
    place = np.arange(len(table))[::-1]
    # the interval of a few users need not contain their mean
    spread = np.maximum([table["value"] - table["low"], table["high"] - table["value"]], 0)
    style = {"elinewidth": 1, "capsize": 2}
    axes.barh(place, table["value"], xerr=spread, color=COLOURS["model"], alpha=0.75, error_kw=style)
    names = table["bar"]
    if "users" in table:
        names = names + table["users"].map(" ({:,} users)".format)
    axes.axvline(0, color="#404040", linewidth=0.8)
    axes.set(yticks=place, yticklabels=names, xlabel=label)
    axes.tick_params(axis="y", labelsize=8)
    axes.grid(visible=False, axis="y")
    files.write_figure(path, figure)


def _figure(height: float = 4) -> tuple[Any, "Axes"]:
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6.4, height), dpi=120, layout="constrained")
    axes.grid(alpha=0.3)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _say_empty(axes: "Axes") -> None:
    """Say that there is nothing to show, in the middle of empty axes."""
    axes.text(
        0.5, 0.5, "nothing to show", transform=axes.transAxes, ha="center", va="center", color="#6d6a64"
    )
    axes.set(xticks=[], yticks=[])
    axes.grid(visible=False)


def _legend(axes: "Axes") -> None:
    """Beside the axes, so that it hides no line."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.01, 0.5))
