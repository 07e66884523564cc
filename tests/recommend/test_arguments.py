"""What callers of the API pass."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fusionrec.api import FusionRec
from fusionrec.data import images
from fusionrec.errors import UserError
from fusionrec.recommend import arguments

REFUSED: list[tuple[Callable[[Any], object], str]] = [
    (
        lambda shop: shop.recommend("u00022"),
        r"user_ids: needs a list of ids, not 'u00022'; write \['u00022'\]",
    ),
    (lambda shop: shop.recommend(b"u0"), "user_ids: needs a list"),
    (lambda shop: shop.recommend(None), "user_ids: needs a list"),
    (lambda shop: shop.recommend([1]), r"user_ids: ids are strings, not 1 \(int\)"),
    (lambda shop: shop.recommend(["u0"], histories={"u0": "i01"}), r"histories\['u0'\]: needs a list"),
    (lambda shop: shop.recommend(["u0"], histories={"u0": [None]}), r"histories\['u0'\]: ids are strings"),
    (lambda shop: shop.recommend(["u0"], histories=["i01"]), "histories: needs a mapping"),
    (lambda shop: shop.recommend(["u0"], histories={3: ["i01"]}), "histories: ids are strings"),
    (lambda shop: shop.recommend(["u0"], 0), "k: must be a whole number of at least 1, not 0"),
    (lambda shop: shop.recommend(["u0"], -1), "k: must be a whole number of at least 1, not -1"),
    (lambda shop: shop.recommend(["u0"], 2.5), "k: must be"),
    (lambda shop: shop.recommend(["u0"], True), "k: must be"),
    (lambda shop: shop.recommend(["u0"], "3"), "k: must be"),
    (lambda shop: shop.recommend(["u0"], float("nan")), "k: must be"),
    (lambda shop: shop.recommend(["u0"], exclude="i01"), "exclude: needs a list"),
    (
        lambda shop: shop.recommend(["u0"], category_limits={"genres": 0}),
        r"category_limits\['genres'\]: must be",
    ),
    (lambda shop: shop.recommend(["u0"], category_limits=["genres"]), "category_limits: needs a mapping"),
    (lambda shop: shop.similar_items("i01"), "item_ids: needs a list"),
    (lambda shop: shop.similar_items(["i01"], 0), "k: must be"),
    (lambda shop: shop.score_new_item(text=3), r"text: must be text, not 3 \(int\)"),
    (lambda shop: shop.score_new_item(title=None), "title: must be text"),
    (lambda shop: shop.score_new_item(text="\ud800"), "text: is not valid text"),
    (lambda shop: shop.score_new_item(text="a", users="u0"), "user_ids: needs a list"),
    (
        lambda shop: shop.score_new_item(numbers={"year": "abc"}),
        r"numbers\['year'\]: must be a finite .* not 'abc'",
    ),
    (lambda shop: shop.score_new_item(numbers={"year": None}), "must be a finite number, not None"),
    (lambda shop: shop.score_new_item(numbers={"year": 10**400}), "must be a finite number, not 1000"),
    (lambda shop: shop.score_new_item(numbers={"year": 10**5000}), "must be a finite number, not a int"),
    (lambda shop: shop.score_new_item(numbers={"year": float("nan")}), "must be a finite number, not nan"),
    (lambda shop: shop.score_new_item(numbers=[1]), "numbers: needs a mapping"),
    (lambda shop: shop.score_new_item(categories={"genres": 3}), r"categories\['genres'\]: needs a list"),
    (
        lambda shop: shop.score_new_item(categories={"genres": [3]}),
        r"categories\['genres'\]: ids are strings, not 3",
    ),
    (
        lambda shop: shop.score_new_item(np.zeros((4, 4, 3))),
        "image: must be a path, .* not ndarray",
    ),
    (lambda shop: shop.score_new_item("a\0b.jpg"), "a b.jpg: cannot be read"),
    (lambda shop: shop.score_new_item("x" * 100_000), "cannot be read"),
    (lambda shop: shop.score_new_item(b""), "image: empty_file"),
    (lambda shop: shop.score_new_item(bytearray(b"no picture")), "image: not_jpeg_png_webp"),
    (lambda shop: shop.score_new_item(Image.new("F", (64, 64))), "a picture of mode F cannot be used"),
    (lambda shop: shop.score_new_item(Image.new("LAB", (64, 64))), "a picture of mode LAB cannot be used"),
]


def test_what_is_refused(open_shop: FusionRec) -> None:
    for call, message in REFUSED:
        with pytest.raises(UserError, match=message) as error:
            call(open_shop)
        assert len(str(error.value)) < 400


def test_what_is_taken(open_shop: FusionRec) -> None:
    users, k, exclude = np.array(["u0", "u1"]), np.int64(2), (one for one in ["i05"])
    table = open_shop.recommend(users, k, exclude=exclude)  # type: ignore[arg-type]
    assert table["user_id"].tolist() == ["u0"] * 2 + ["u1"] * 2
    everything = open_shop.recommend(("u0",), 10**400)
    assert len(everything) == len(open_shop.recommend(["u0"], len(open_shop.engine.item_ids)))
    assert len(open_shop.similar_items(["i05"], 10**9)) < len(open_shop.engine.item_ids)
    assert open_shop.recommend([], 3).empty


RED: dict[str, Any] = {
    "YCbCr": (76, 85, 255),
    "HSV": (0, 255, 255),
    "CMYK": (0, 255, 255, 0),
    "RGBa": (255, 0, 0, 255),
}
MODES = [*RED, "RGB", "RGBA", "L", "1", "P", "LA", "PA", "La", "I;16"]


@pytest.mark.parametrize("mode", MODES)
def test_modes_of_pictures(mode: str) -> None:
    """The colour that a picture shows is the one that is encoded: red, or black where the mode has no red."""
    coloured = mode in RED or mode in ("RGB", "RGBA")
    given = arguments.picture(Image.new(mode, (64, 64), RED.get(mode, "red") if coloured else 0))
    assert given is not None and images.sniff(given[1]) == "png"
    with Image.open(io.BytesIO(given[1])) as read:
        shown = read.convert("RGBA").getpixel((5, 5))
    assert isinstance(shown, tuple) and np.allclose(shown[:3], (255, 0, 0) if coloured else 0, atol=3)


def test_paths_and_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"bytes")
    for given in (tmp_path / "a.png", str(tmp_path / "a.png")):
        assert arguments.picture(given) == (str(tmp_path / "a.png"), b"bytes")
    assert arguments.picture(memoryview(b"bytes")) == ("image", b"bytes") and arguments.picture(None) is None
    with pytest.raises(UserError, match="cannot be read"):
        arguments.picture(tmp_path)


def test_a_huge_file_is_refused_by_its_size(tmp_path: Path) -> None:
    with (tmp_path / "huge.png").open("wb") as file:
        file.truncate(5 << 29)  # sparse: it takes no space
    with pytest.raises(UserError, match=r"huge\.png: too large; a picture's file has at most 256 MiB"):
        arguments.picture(tmp_path / "huge.png")
