"""Colour layouts: they survive what happens to a picture on its way, and tell hues apart."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageEnhance

from fusionrec.data.colour_layout import colour_layout, points, to_bytes

NEAR = 0.25  # the parameter's value
layouts = arrays(np.uint8, (3, 32))


def photo(seed: int = 0, size: tuple[int, int] = (300, 240)) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (7, 9, 3), np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def turned(image: Image.Image, degrees: int) -> Image.Image:
    """With all hues rotated."""
    hue, saturation, value = image.convert("HSV").split()
    hue = hue.point(lambda level: (level + round(degrees * 256 / 360)) % 256)
    return Image.merge("HSV", (hue, saturation, value)).convert("RGB")


def jpeg(image: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer)


def apart(one: Image.Image, other: Image.Image) -> float:
    at = points(to_bytes([colour_layout(one), colour_layout(other)]))
    return float(np.linalg.norm(at[0] - at[1]))


def test_by_hand() -> None:
    image = Image.new("RGB", (100, 60), "white")
    image.paste((255, 0, 0), (0, 0, 25, 15))
    chroma = to_bytes([colour_layout(image)]).reshape(4, 4, 2)
    assert chroma[0, 0].tolist() == [84, 255], "Cb and Cr of pure red, cut to whole levels"
    assert (chroma.reshape(16, 2)[1:] == 128).all(), "white has none"


def test_the_distance_is_the_relative_change_of_chroma() -> None:
    strong = np.full((2, 32), 128, np.uint8)
    strong[0, ::2] += 100
    strong[1, ::2] += 110
    one, other = points(strong)
    assert np.linalg.norm(one - other) == pytest.approx(np.log(1.1), rel=0.02), "only the length changes"
    strong[1, ::2], strong[1, 1::2] = 128, 128 + 100
    one, other = points(strong)
    assert np.linalg.norm(one - other) == pytest.approx(np.sqrt(2), rel=0.02), "a right angle"


@pytest.mark.parametrize(
    "change",
    [
        *(lambda image, q=quality: jpeg(image, q) for quality in (40, 60, 85)),
        lambda image: image.resize((150, 120), Image.Resampling.LANCZOS),
        lambda image: image.resize((450, 360), Image.Resampling.BICUBIC),
        lambda image: image.crop((3, 2, 297, 238)),
        lambda image: image.crop((0, 0, 294, 235)),
        lambda image: ImageEnhance.Brightness(image).enhance(0.9),
        lambda image: ImageEnhance.Brightness(image).enhance(1.06),
        lambda image: jpeg(image.crop((3, 2, 297, 238)).resize((200, 160)), 50),
    ],
)
def test_variants_of_a_picture_keep_their_colours(change: Callable[[Image.Image], Image.Image]) -> None:
    for seed in range(10):
        assert apart(photo(seed), change(photo(seed))) <= NEAR


@pytest.mark.parametrize("degrees", [30, -30, 60, 120, 180])
def test_other_hues_are_other_colours(degrees: int) -> None:
    for seed in range(10):
        assert apart(photo(seed), turned(photo(seed), degrees)) > NEAR


def test_a_garment_in_another_colour_on_a_white_ground() -> None:
    shirts = []
    for colour in ("orange", "purple", "#ff9c00"):
        image = Image.new("RGB", (300, 300), "white")
        image.paste(colour, (90, 60, 210, 240))
        shirts.append(image)
    assert apart(shirts[0], shirts[1]) > NEAR > apart(shirts[0], shirts[2])


def test_grey_pictures_have_no_colour_in_either_mode() -> None:
    grey = photo().convert("L")
    assert colour_layout(grey) == colour_layout(grey.convert("RGB")) == "80" * 32
    assert apart(grey, photo()) > NEAR > apart(grey, jpeg(grey.convert("RGB"), 40))
    tinted = Image.merge("RGB", (grey, grey, grey.point(lambda level: max(level - 3, 0))))
    assert apart(grey, tinted) <= NEAR, "hardly to be seen"


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (3, 5)])
def test_any_size_will_do(size: tuple[int, int]) -> None:
    assert len(colour_layout(photo(size=size))) == 64


def test_none_and_many_layouts() -> None:
    assert to_bytes([]).shape == (0, 32) and points(to_bytes([])).shape == (0, 34)
    assert to_bytes(["00" * 32, "ff" * 32]).tolist() == [[0] * 32, [255] * 32]


@given(layouts)
def test_the_distance_is_a_metric(three: np.ndarray) -> None:
    at = points(three)
    first, second, third = (float(np.linalg.norm(at[i] - at[j])) for i, j in ((0, 1), (1, 2), (0, 2)))
    assert np.isfinite(at).all() and third <= first + second + 1e-12
    assert (first == 0) == (three[0] == three[1]).all()
    assert max(first, second, third) < 4, "the largest value that the parameter can have"
