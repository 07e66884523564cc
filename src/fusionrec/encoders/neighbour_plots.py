"""Plots of an encoder's vectors as PNG: nearest neighbours of a few items, and a map of the catalogue.

The same vectors give the same bytes: nothing is random, sizes and style are fixed, and the font is the one that
comes with matplotlib. It has no Chinese characters and no emoji, which become boxes.
"""

import io
import textwrap
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from PIL import Image

from fusionrec import files
from fusionrec.data.encoder_vectors import EncoderVectors
from fusionrec.encoders import geometry

if TYPE_CHECKING:
    from matplotlib.figure import Figure

QUERIES, NEIGHBOURS = 8, 5
EDGE, GAP, HEAD, CAPTION = 120, 16, 36, 18  # pixels
LETTERS, LINES = 20, 3  # of a text in the plot
LONGEST = 1000  # characters of a text that are read
STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "text.parse_math": False,
}  # "$" does not start a formula
DPI = 100
COLOURS = 256  # of a whole page, which is stored with the metrics and should be small
SOFT, SHADE, OTHER = "#707070", "#f0f0f0", "#cccccc"
LABELS = ["#1f6fb2", "#e0a030", "#c8442c", "#2f7d3b", "#7b52ab", "#20a5a5", "#e377b4"]


def of_pictures(
    path: Path | str, features: EncoderVectors, manifest: pd.DataFrame, folder: Path | str
) -> None:
    """A few pictures, each with its nearest neighbours by cosine.

    Args:
        path: a .png file.
        features: picture vectors.
        manifest: row i is item i, with the fields of `files.Member` as columns.
        folder: holds the shards.
    """

    def put(figure: "Figure", item: int, x: int, y: int) -> None:
        (blob,) = files.read_members(folder, files.members(manifest.iloc[[item]]))
        picture = Image.open(io.BytesIO(blob)).convert("RGB")
        picture.thumbnail((EDGE, EDGE), Image.Resampling.LANCZOS)
        left, below = (EDGE - picture.width) // 2, (EDGE - picture.height) // 2
        figure.figimage(np.asarray(picture), x + left, y + below, origin="upper")

    _neighbours(path, "picture", features, (EDGE, EDGE), put)


def of_texts(path: Path | str, features: EncoderVectors, titles: Sequence[str]) -> None:
    """The titles of a few items, each with those of the items whose texts are nearest by cosine.

    Args:
        path: a .png file.
        features: text vectors.
        titles: one per item; long ones are cut.
    """
    width, height = 136, 46

    def put(figure: "Figure", item: int, x: int, y: int) -> None:
        title = _printable(titles[item]) or "(no title)"
        lines = textwrap.wrap(title, LETTERS, max_lines=LINES, placeholder=" …")
        _write(figure, x + width // 2, y + height // 2, "\n".join(lines), ha="center", va="center")

    _neighbours(path, "title", features, (width, height), put)


def _neighbours(
    path: Path | str,
    kind: str,
    features: EncoderVectors,
    cell: tuple[int, int],
    put: Callable[["Figure", int, int, int], None],
) -> None:
    """A table with one query per row.

    Args:
        path: a .png file.
        kind: what is shown.
        features: vectors of the catalogue.
        cell: width and height of an item, in pixels.
        put: draws an item into the cell whose lower left corner is at x and y.
    """
    from matplotlib.patches import Rectangle
    from matplotlib.transforms import IdentityTransform

    if _nothing(path, features):
        return
    neighbours = geometry.nearest(features, geometry.spread(features, QUERIES), NEIGHBOURS)
    across, down = cell[0] + GAP, cell[1] + CAPTION + GAP
    width, height = GAP + across * (1 + NEIGHBOURS), HEAD + down * len(neighbours.queries)
    with _page(path, width, height) as figure:
        figure.add_artist(
            Rectangle(
                (0, 0), GAP // 2 + across, height, color=SHADE, transform=IdentityTransform(), zorder=-1
            )
        )
        _write(figure, GAP + cell[0] // 2, height - HEAD // 2, kind, ha="center", va="center", weight="bold")
        heading = "nearest by cosine; the median is over all items"
        _write(figure, 2 * GAP + across, height - HEAD // 2, heading, va="center", weight="bold")
        for row, (query, items, cosines, median) in enumerate(zip(*neighbours, strict=True)):
            captions = [f"median {median:.2f}", *(f"{cosine:.2f}" for cosine in cosines)]
            for column, (item, caption) in enumerate(zip([query, *items], captions, strict=True)):
                x, y = GAP + across * column, height - HEAD - down * row - cell[1]
                put(figure, item, x, y)
                _write(figure, x + cell[0] // 2, y - 4, caption, ha="center", va="top", color=SOFT)


def catalogue_map(path: Path | str, features: EncoderVectors, labels: Sequence[str | None]) -> None:
    """One dot per item in the plane of `geometry.plane`, coloured by label; large dots are the means of labels.

    Args:
        path: a .png file.
        features: picture or text vectors.
        labels: one per item, or None; the most frequent labels get a colour of their own.
    """
    if _nothing(path, features):
        return
    # absent items are counted too, so that the maps of both modalities have the same colours
    counts = Counter(label for label in labels if label)
    frequent = sorted(counts, key=lambda label: (-counts[label], label))[: len(LABELS)]
    colours = dict(zip(frequent, LABELS, strict=False))
    points, shares = geometry.plane(features)
    x, y = points[features.present].T
    named = np.array(labels, object)[features.present]
    size = min(16.0, max(1.0, 20_000 / len(named)))
    with _page(path, 960, 640) as figure:
        figure.set_layout_engine("constrained")
        axes = figure.subplots()
        grey = np.array([label not in colours for label in named])
        axes.scatter(x[grey], y[grey], s=size, color=OTHER, linewidths=0)
        # in the order of the items, so that no label hides another
        axes.scatter(x[~grey], y[~grey], s=size, c=[colours[one] for one in named[~grey]], linewidths=0)
        for label, colour in colours.items():
            of = named == label
            if not of.any():
                continue
            mean, text = (x[of].mean(), y[of].mean()), f"{of.sum():,}  {_printable(label)[:LETTERS]}"
            axes.plot(*mean, "o", ms=11, mec="black", mew=1.5, color=colour, label=text)
        if grey.any():
            axes.plot([], [], "o", ms=11, color=OTHER, label=f"{grey.sum():,}  other")
        axes.set_title(
            f"Vectors of {len(named):,} items, in a plane that holds {shares.sum():.1%} of their variance"
        )
        axes.set(xlabel=f"first principal component: {shares[0]:.1%}", xticks=[], yticks=[])
        axes.set(ylabel=f"second principal component: {shares[1]:.1%}")
        axes.set_aspect("equal", "datalim")
        axes.spines[:].set_color(OTHER)
        figure.legend(loc="outside right center", frameon=False, labelspacing=1, title="large: their mean")


def _nothing(path: Path | str, features: EncoderVectors) -> bool:
    """Whether there is nothing to plot; then a small page that says so is written."""
    if min(features.matrix.shape[1], features.present.sum()) >= 2:
        return False
    with _page(path, 480, 60) as figure:
        reason = "fewer than two items have one" if features.matrix.shape[1] else "none are cached"
        _write(figure, 240, 30, f"No vectors: {reason}", ha="center", va="center")
    return True


@contextmanager
def _page(path: Path | str, width: int, height: int) -> Iterator["Figure"]:
    """A figure of `width` times `height` pixels, which becomes a PNG."""
    from matplotlib import style
    from matplotlib.figure import Figure

    with style.context(["default", STYLE]), warnings.catch_warnings(), files.replacing(path) as scratch:
        warnings.filterwarnings("ignore", "Glyph")  # about the boxes
        figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI)
        yield figure
        drawn = io.BytesIO()
        figure.savefig(drawn)
        page = Image.open(drawn).convert("RGB")
        page.quantize(COLOURS, dither=Image.Dither.NONE).save(scratch, "PNG")


def _write(figure: "Figure", x: int, y: int, text: str, **how: Any) -> None:
    """Text at a place in pixels."""
    from matplotlib.transforms import IdentityTransform

    figure.text(x, y, text, transform=IdentityTransform(), **how)


def _printable(text: str) -> str:
    """The beginning, on one line, without control characters and characters that cannot be encoded."""
    return "".join(letter for letter in " ".join(text[:LONGEST].split()) if letter.isprintable())
