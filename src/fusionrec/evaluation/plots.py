"""Plots as PNG: fixed size and metadata, so that the same figures give the same bytes."""

from pathlib import Path

import pandas as pd

from fusionrec import files

COLOURS = {"model": "#c8442c", "popularity": "#1f6fb2", "random": "#8a8a8a", "oracle": "#2f7d3b"}


def at_k(table: pd.DataFrame, metric: str, path: Path | str) -> None:
    """Lines of `metric` against the cut-off k, one a recommender.

    Args:
        table: column k, and a column each recommender.
        metric: the label of the vertical axis.
        path: a .png file.
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6.4, 4), dpi=120, layout="constrained")
    for name in table.columns.drop("k"):
        axes.plot(table["k"], table[name], marker="o", label=name, color=COLOURS.get(name))
    axes.set(xlabel="k", ylabel=f"{metric}@k", xticks=table["k"], ylim=(0, None))
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    files.write_figure(path, figure)
