"""Plots of vectors: correct positions, the same bytes, and no title or label can break them."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

from fusionrec import files
from fusionrec.data.encoder_vectors import EncoderVectors
from fusionrec.encoders import neighbour_plots

HOSTILE = ["", "\x00\x1b[31m\n", "名前 🦊", "\ud800", r"$\frac{$", "$x$", "_a", "\u202etxt", "a" * 10_000_000]
COLOURS = ["red", "lime", "blue", "yellow", "cyan", "magenta", "orange", "teal"]
OFF = EncoderVectors(np.zeros((4, 0), np.float32), np.zeros(4, bool))


def circle(items: int, absent: tuple[int, ...] = ()) -> EncoderVectors:
    """Item i points to i degrees: the nearest ones are those beside it."""
    angle = np.radians(np.arange(items))
    present = ~np.isin(np.arange(items), absent)
    return EncoderVectors(np.c_[np.cos(angle), np.sin(angle)].astype(np.float32) * present[:, None], present)


def catalogue(folder: Path, colours: list[str]) -> pd.DataFrame:
    """A manifest with a plain picture an item, wide and high ones in turn."""
    rows = []
    with files.ShardWriter(folder) as shards:
        for number, colour in enumerate(colours):
            buffer = io.BytesIO()
            Image.new("RGB", (300, 200) if number % 2 else (90, 180), colour).save(buffer, "PNG")
            rows.append((f"i{number}", "ok", *shards.add(f"{number}.png", buffer.getvalue())))
    return pd.DataFrame(rows, columns=["item_id", "status", *files.Member._fields])


def middle(page: Image.Image, row: int, column: int) -> object:
    step = neighbour_plots.EDGE + neighbour_plots.GAP
    x = neighbour_plots.GAP + column * step + neighbour_plots.EDGE // 2
    return page.getpixel(
        (x, neighbour_plots.HEAD + row * (step + neighbour_plots.CAPTION) + neighbour_plots.EDGE // 2)
    )


def test_each_picture_stands_beside_its_nearest(tmp_path: Path) -> None:
    manifest = catalogue(tmp_path, COLOURS)
    neighbour_plots.of_pictures(tmp_path / "plots" / "a.png", circle(8, absent=(3,)), manifest, tmp_path)
    page = Image.open(tmp_path / "plots" / "a.png").convert("RGB")
    near = [[0, 1, 2, 4, 5, 6], [1, 0, 2, 4, 5, 6], [2, 1, 0, 4, 5, 6], [4, 5, 2, 6, 1, 7]]
    for row, items in enumerate(near):
        for column, item in enumerate(items):
            expected = Image.new("RGB", (1, 1), COLOURS[item]).getpixel((0, 0))
            assert np.allclose(np.array(middle(page, row, column)), np.array(expected), atol=8), (row, column)
    assert page.height == neighbour_plots.HEAD + 7 * (
        neighbour_plots.EDGE + neighbour_plots.CAPTION + neighbour_plots.GAP
    )


def test_a_small_catalogue_has_fewer_neighbours(tmp_path: Path) -> None:
    manifest = catalogue(tmp_path, COLOURS[:3])
    neighbour_plots.of_pictures(tmp_path / "a.png", circle(3), manifest, tmp_path)
    page = Image.open(tmp_path / "a.png").convert("RGB")
    assert [middle(page, 0, column) == (255, 255, 255) for column in range(6)] == [False] * 3 + [True] * 3


def test_the_same_features_give_the_same_bytes_whatever_the_style(tmp_path: Path) -> None:
    manifest = catalogue(tmp_path, COLOURS)

    def drawn() -> list[bytes]:
        neighbour_plots.of_pictures(tmp_path / "a.png", circle(8), manifest, tmp_path)
        neighbour_plots.of_texts(tmp_path / "b.png", circle(8), COLOURS)
        neighbour_plots.catalogue_map(tmp_path / "c.png", circle(8), COLOURS)
        return [(tmp_path / f"{name}.png").read_bytes() for name in "abc"]

    first = drawn()
    with mpl.rc_context({"font.family": "serif", "font.size": 30, "axes.facecolor": "red", "savefig.dpi": 7}):
        assert drawn() == first
    assert all(b"tEXt" not in blob and b"tIME" not in blob for blob in first)


def test_any_title_and_label_can_be_drawn(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        neighbour_plots.of_texts(tmp_path / "a.png", circle(len(HOSTILE)), HOSTILE)
        for label in HOSTILE:
            neighbour_plots.catalogue_map(tmp_path / "b.png", circle(4), [label, label, None, "a"])


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.texts]


@contextmanager
def kept(*_: object) -> Iterator[Figure]:
    """In place of `neighbour_plots._page`: the figure stays, and nothing is written."""
    figure = Figure()
    figures.append(figure)
    yield figure


figures: list[Figure] = []


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    figures.clear()
    monkeypatch.setattr(neighbour_plots, "_page", kept)
    return figures


def test_a_table_of_titles(drawn: list[Figure]) -> None:
    titles = [
        "one",
        "two\n",
        "",
        "a title much too long for its three short lines, and so it ends in dots",
        "$x$",
    ]
    neighbour_plots.of_texts("unused", circle(5), titles)
    long = "a title much too\nlong for its three\nshort lines, and …"
    first = ["one", "median 1.00", "two", "1.00", "(no title)", "1.00", long, "1.00", "$x$", "1.00"]
    assert texts(drawn[0])[2:12] == first
    assert texts(drawn[0])[:2] == ["title", "nearest by cosine; the median is over all items"]


def test_cosines_stand_below_the_items(drawn: list[Figure]) -> None:
    matrix = np.array([[1, 0], [1, 1], [0, 1], [-1, 0]], np.float32)
    neighbour_plots.of_texts("unused", EncoderVectors(matrix, np.ones(4, bool)), list("abcd"))
    assert texts(drawn[0])[2:10] == ["a", "median 0.00", "b", "0.71", "c", "0.00", "d", "-1.00"]


def test_the_most_frequent_labels_get_a_colour(drawn: list[Figure]) -> None:
    labels = [*"hgfedcba", *"ab", None, "", "x"]
    neighbour_plots.catalogue_map("unused", circle(13, absent=(12,)), labels)
    (legend,) = drawn[0].legends
    named = [text.get_text() for text in legend.get_texts()]
    assert named == ["2  a", "2  b", "1  c", "1  d", "1  e", "1  f", "1  g", "3  other"]
    (axes,) = drawn[0].axes
    grey, coloured = axes.collections
    assert len(np.asarray(grey.get_offsets())) == 3 and len(np.asarray(coloured.get_offsets())) == 9
    assert axes.get_title() == "Vectors of 12 items, in a plane that holds 100.0% of their variance"


def test_labels_have_the_same_colours_on_the_maps_of_both_modalities(drawn: list[Figure]) -> None:
    labels = [*"bbb", *"aa", "c", "c"]
    for absent in [(), (0, 1, 5, 6)]:
        neighbour_plots.catalogue_map("unused", circle(7, absent), labels)
    first, second = ({line.get_label(): line.get_color() for line in one.axes[0].lines} for one in drawn)
    assert list(first) == ["3  b", "2  a", "2  c"] and list(second) == ["1  b", "2  a"]
    assert list(first.values())[:2] == list(second.values())


def test_a_large_dot_is_the_mean_of_its_label(drawn: list[Figure]) -> None:
    neighbour_plots.catalogue_map("unused", circle(6), ["a", "b", "a", "b", "a", "b"])
    (axes,) = drawn[0].axes
    dots = np.asarray(axes.collections[1].get_offsets())
    for start, large in enumerate(axes.lines):
        np.testing.assert_allclose(np.asarray(large.get_xydata())[0], dots[start::2].mean(0))


@pytest.mark.parametrize("labels", [[None] * 4, ["a"] * 4])
def test_labels_may_be_all_absent_or_all_the_same(labels: list[str | None], tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        neighbour_plots.catalogue_map(tmp_path / "a.png", circle(4), labels)
    assert Image.open(tmp_path / "a.png").size == (960, 640)


@pytest.mark.parametrize(
    ("features", "reason"),
    [(OFF, "none are cached"), (circle(4, (0, 1, 2)), "fewer than two items have one"), (circle(0), "fewer")],
)
def test_with_nothing_to_see_a_small_page_says_why(
    features: EncoderVectors, reason: str, drawn: list[Figure], tmp_path: Path
) -> None:
    names = list("abcd")[: len(features.present)]
    neighbour_plots.of_pictures("unused", features, pd.DataFrame(), tmp_path)
    neighbour_plots.of_texts("unused", features, names)
    neighbour_plots.catalogue_map("unused", features, names)
    assert all(texts(figure)[0].startswith(f"No vectors: {reason}") for figure in drawn) and len(drawn) == 3


def test_the_small_page_is_written(tmp_path: Path) -> None:
    neighbour_plots.of_texts(tmp_path / "a.png", OFF, list("abcd"))
    page = Image.open(tmp_path / "a.png")
    assert page.size == (480, 60) and np.asarray(page.convert("L")).std() > 0
