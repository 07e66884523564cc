"""Perceptual hashes: the published algorithm, on what it can see."""

import os
import subprocess
import sys
from pathlib import Path

import imagehash
import numpy as np
import pytest
from PIL import Image, ImageEnhance

from fusionrec.data.perceptual_hash import MIN_ONES, perceptual_hash

SRC = Path(__file__).resolve().parents[2] / "src"


def photo(seed: int = 0, size: tuple[int, int] = (120, 90)) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (7, 9, 3), np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def apart(one: Image.Image, other: Image.Image) -> int:
    first, second = perceptual_hash(one), perceptual_hash(other)
    assert first is not None and second is not None
    return (int(first, 16) ^ int(second, 16)).bit_count()


def by_definition(image: Image.Image) -> str:
    """The hash from the cosine transform's formula, written out."""
    pixels = np.asarray(image.convert("L").resize((32, 32), Image.Resampling.LANCZOS), float)
    k, n = np.arange(8)[:, None], np.arange(32)
    cosines = np.cos(np.pi * k * (2 * n + 1) / 64)
    low = cosines @ pixels @ cosines.T
    bits = (low > np.median(low)).ravel()
    return f"{int(''.join(map(str, bits.astype(int))), 2):016x}"


@pytest.mark.parametrize("seed", range(20))
def test_it_is_the_published_hash_on_small_pictures(seed: int) -> None:
    image = photo(seed)
    assert perceptual_hash(image) == by_definition(image) == str(imagehash.phash(image))
    assert perceptual_hash(image.convert("L")) == perceptual_hash(image)


def test_alike_pictures_differ_in_few_bits_and_others_in_many() -> None:
    image = photo(size=(900, 700))
    assert apart(image, image.resize((300, 240))) <= 4
    assert apart(image, ImageEnhance.Contrast(image).enhance(0.8)) <= 4
    others = [apart(photo(one), photo(other)) for one in range(20) for other in range(one)]
    assert min(others) > 8 and 28 < np.mean(others) < 36


@pytest.mark.parametrize("colour", ["black", "white", "#123456"])
def test_a_single_colour_has_no_hash(colour: str) -> None:
    assert perceptual_hash(Image.new("RGB", (100, 70), colour)) is None


@pytest.mark.parametrize("vertical", [False, True])
def test_ramps_and_stripes_have_no_hash(vertical: bool) -> None:
    for line in (np.arange(128) * 2, np.repeat([10, 200, 90, 250], 32)):
        flat = np.tile(line.astype(np.uint8), (128, 1))
        assert perceptual_hash(Image.fromarray(flat.T if vertical else flat)) is None


def test_a_symmetric_picture_has_one() -> None:
    half = np.asarray(photo(size=(64, 128)).convert("L"))
    digits = perceptual_hash(Image.fromarray(np.hstack([half, half[:, ::-1]])))
    assert digits is not None and MIN_ONES <= int(digits, 16).bit_count() <= 32


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (64, 64), (127, 3000)])
def test_any_size_will_do(size: tuple[int, int]) -> None:
    digits = perceptual_hash(photo(size=size))
    assert digits is None or len(digits) == 16


def test_it_does_not_depend_on_the_instruction_set() -> None:
    script = (
        "from fusionrec.data.perceptual_hash import perceptual_hash as h; import numpy as np;"
        "from PIL import Image; r = np.random.default_rng(0);"
        "print([h(Image.fromarray(r.integers(0, 256, (9, 11), np.uint8)).resize((99, 80))) for _ in range(200)])"
    )
    old_cpu = {
        "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL",
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-AVX,-AVX512F",
    }
    results = [
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", script],
            env={"PYTHONPATH": str(SRC), "PATH": os.environ["PATH"], **pins},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for pins in ({}, old_cpu)
    ]
    assert results[0] == results[1] != ""
