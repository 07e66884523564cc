"""Draws plots as PNG. Size and metadata are fixed, so the same table gives the same bytes."""

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
BAR = 0.26  # height of a bar, in inches


def write_table(table: pd.DataFrame, path: Path | str) -> None:
    """Write the table of a plot as CSV."""
    files.write_text(path, table.to_csv(index=False, lineterminator="\n"))


def lines(table: pd.DataFrame, labels: tuple[str, str], path: Path | str, marks: bool = False) -> None:
    """Draw a line for each series, with its confidence interval as a band if the table has one.

    Args:
        table: its first three columns are x, series and y; low and high are optional.
        labels: labels of the axes, horizontal first.
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
    axes.set(xlabel=labels[0], ylabel=labels[1], ylim=(0, None))
    if table.empty:
        _mark_empty(axes)
    elif marks:
        axes.set_xticks(sorted(set(table[x])))
    elif table[x].dtype.kind == "i":
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _legend(axes)
    files.write_figure(path, figure)


def tradeoff(table: pd.DataFrame, x: str, labels: tuple[str, str], path: Path | str) -> None:
    """Draw accuracy against another metric: a line for each method; its points are labelled with the strength.

    Args:
        table: series, strength, accuracy, and `x`.
        x: name of the column on the horizontal axis.
        labels: labels of the axes, horizontal first.
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
        _mark_empty(axes)
    _legend(axes)
    files.write_figure(path, figure)


def bars(table: pd.DataFrame, label: str, path: Path | str) -> None:
    """Draw horizontal bars with confidence intervals, labelled with the number of users if the table has it.

    Args:
        table: bar (the label), value, low, high (NaN without interval, which the label says), and optionally users.
        label: label of the horizontal axis.
        path: a .png file.
    """
    figure, axes = _figure(height=1 + BAR * max(len(table), 4))
    if table.empty:
        _mark_empty(axes)
        axes.set(xlabel=label)
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
    axes.set(yticks=position, yticklabels=names, xlabel=label)
    axes.tick_params(axis="y", labelsize=8)
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


def _mark_empty(axes: "Axes") -> None:
    """Write "nothing to show" in the middle of empty axes."""
    axes.text(
        0.5, 0.5, "nothing to show", transform=axes.transAxes, ha="center", va="center", color="#6d6a64"
    )
    axes.set(xticks=[], yticks=[])
    axes.grid(visible=False)


def _legend(axes: "Axes") -> None:
    """Draw the legend beside the axes, where it hides no line."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.01, 0.5))
