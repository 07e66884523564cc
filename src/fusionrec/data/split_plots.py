"""Plots of a log and its split as PNG, with fixed size and metadata: the same data give the same bytes."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fusionrec import files
from fusionrec.data.split_labels import PARTS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {"train": "#1f6fb2", "fold_in": "#8fbbe0", "val": "#e0a030", "test": "#c8442c"}
BARS = 100
DAY = 24 * 60 * 60  # matplotlib counts days since 1970


def long_tail(item_counts: np.ndarray, user_counts: np.ndarray, tail: np.ndarray, path: Path | str) -> None:
    """Train interactions of items and of users by rank, both axes logarithmic, with the border of the head.

    Args:
        item_counts: int64 [items].
        user_counts: int64 [users].
        tail: bool [items], which items are the tail.
        path: a .png file.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.6, 4), dpi=120, layout="constrained")
    figure.suptitle("Train interactions of each item and user, most frequent first", fontsize=11)
    left, right = figure.subplots(1, 2, sharey=True)
    ranked = _ranked(left, item_counts, "item")
    head = int(((item_counts > 0) & ~tail).sum())
    share = ranked[:head].sum() / max(ranked.sum(), 1)
    rank = np.arange(1, len(ranked) + 1)
    left.plot(rank[:head], ranked[:head], color="#1f6fb2", label=f"head: {head:,} items, {share:.1%}")
    # the tail starts where the head ends, so the line has no gap
    left.plot(
        rank[head - 1 :], ranked[head - 1 :], color="#c8442c",
        label=f"tail: {len(ranked) - head:,} items, {1 - share:.1%}",
    )  # fmt: skip
    left.axvline(head + 0.5, color="#404040", linestyle="--", linewidth=1)
    left.legend(frameon=False, loc="lower left")
    left.set_ylabel("train interactions")
    ranked = _ranked(right, user_counts, "user")
    right.plot(np.arange(1, len(ranked) + 1), ranked, color="#2f7d3b")
    files.write_figure(path, figure)


def _ranked(axes: "Axes", counts: np.ndarray, name: str) -> np.ndarray:
    """The counts above 0, largest first; labels the axes for them."""
    ranked = np.sort(counts[counts > 0])[::-1]
    cold = len(counts) - len(ranked)
    axes.set(xscale="log", yscale="log", xlabel=f"rank of the {name}")
    axes.set_title(f"{len(ranked):,} {name}s in train" + (f", {cold:,} cold" if cold else ""), fontsize=10)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    return ranked


def over_time(timestamp: np.ndarray, labels: np.ndarray, cuts: dict[str, int], path: Path | str) -> None:
    """Interactions over time as stacked bars, one colour per part.

    Args:
        timestamp: int64 [n], seconds since 1970.
        labels: int8 [n], positions in `PARTS`.
        cuts: {name: timestamp}, shown as lines; empty if the split has no cuts.
        path: a .png file.
    """
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.figure import Figure

    first, last = int(timestamp.min()), int(timestamp.max())
    width = (last - first) // BARS + 1
    bar = (timestamp - first) // width
    start = (first + width * np.arange(BARS)) / DAY
    figure = Figure(figsize=(9.6, 4), dpi=120, layout="constrained")
    axes = figure.subplots()
    bottom = np.zeros(BARS, np.int64)
    for name, colour in COLOURS.items():
        chosen = labels == PARTS.index(name)
        if chosen.any():
            height = np.bincount(bar[chosen], minlength=BARS)
            label = f"{name.replace('_', '-')} {int(chosen.sum()):,}"
            axes.bar(start, height, width / DAY, bottom, align="edge", color=colour, label=label)
            bottom += height
    for name, cut in cuts.items():
        axes.axvline(cut / DAY, color="#404040", linestyle="--", linewidth=1)
        text = f"{name.replace('_', ' ')}\n{np.datetime64(cut, 's').astype('datetime64[D]')}"
        # the two cuts can be close: the text of the first one is to its left
        shift, side = (-4, "right") if cut == min(cuts.values()) else (4, "left")
        axes.annotate(
            text, (cut / DAY, 1), (shift, -2), ("data", "axes fraction"), "offset points",
            ha=side, va="top", fontsize=8,
        )  # fmt: skip
    axes.set_ylim(0, bottom.max() * (1.15 if cuts else 1.02))
    if first == last:
        axes.set(xticks=[], xlabel="all interactions have the same time, or none")
    else:
        locator = AutoDateLocator()
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
        axes.set_xlabel("time (UTC)")
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.set_ylabel("interactions")
    axes.set_title("Interactions over time, by part of the split", fontsize=11)
    axes.grid(alpha=0.3, axis="y")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(frameon=False, loc="outside right center")
    files.write_figure(path, figure)
