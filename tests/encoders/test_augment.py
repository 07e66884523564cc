"""Each change does what its definition says; 0 switches it off; all randomness is the generator's."""

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fusionrec.encoders import augment
from fusionrec.encoders.options import PictureAugmentation, TextAugmentation

PICTURE_OFF: dict[str, Any] = dict(colour_jitter=0, random_crop=0, flip=0, rotation=0, blur=0)
PICTURE_ON: dict[str, Any] = dict(colour_jitter=0.2, random_crop=0.2, flip=0.5, rotation=10, blur=0.5)
SEEDS = range(200)


def view(image: Image.Image, seed: int = 0, **strengths: float) -> Image.Image:
    options = PictureAugmentation.model_validate(PICTURE_OFF | strengths)
    return augment.picture(image, options, np.random.default_rng(seed))


def pixels(image: Image.Image) -> np.ndarray:
    """float64 [height, width, 3]."""
    return np.asarray(image, np.float64)


def flat(colour: tuple[int, int, int], width: int = 8, height: int = 6) -> Image.Image:
    return Image.new("RGB", (width, height), colour)


@pytest.fixture
def noise() -> Image.Image:
    return Image.fromarray(np.random.default_rng(1).integers(0, 256, (220, 300, 3), np.uint8))


@pytest.fixture
def places() -> Image.Image:
    """200 x 100: red is the column, green is the row."""
    y, x = np.mgrid[:100, :200]
    return Image.fromarray(np.stack([x, y, 0 * x], axis=2).astype(np.uint8))


class TestPictures:
    @given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 2**32))
    @settings(deadline=None)
    def test_all_off_changes_nothing(self, width: int, height: int, seed: int) -> None:
        values = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
        assert np.array_equal(np.asarray(view(Image.fromarray(values), seed)), values)

    @pytest.mark.parametrize("name", PICTURE_ON)
    def test_each_strength_alone_has_an_effect(self, name: str, noise: Image.Image) -> None:
        seen = {view(noise, seed, **{name: PICTURE_ON[name]}).tobytes() for seed in range(10)}
        assert len(seen - {noise.tobytes()}) >= (1 if name == "flip" else 6)  # some radii are next to nothing

    def test_the_generator_decides_alone(self, noise: Image.Image) -> None:
        before = noise.tobytes()
        first, second, other = (view(noise, seed, **PICTURE_ON) for seed in (1, 1, 2))
        assert first.tobytes() == second.tobytes() != other.tobytes()
        assert noise.tobytes() == before and first.mode == "RGB"

    def test_a_strength_leaves_the_draws_of_the_others(self, places: Image.Image) -> None:
        plain = view(places, 3, random_crop=0.5)
        flipped = view(places, 3, random_crop=0.5, flip=1)
        assert flipped.size == plain.size and flipped.tobytes() != plain.tobytes()

    @pytest.mark.parametrize("edges", [(1, 1), (1, 50), (50, 1)])
    def test_the_smallest_pictures(self, edges: tuple[int, int]) -> None:
        found = view(Image.new("RGB", edges, "teal"), **(PICTURE_ON | {"random_crop": 0.99}))
        assert min(found.size) == 1

    def test_flip(self, noise: Image.Image) -> None:
        mirrored = pixels(noise)[:, ::-1]
        assert np.array_equal(pixels(view(noise, flip=1)), mirrored)
        flips = sum(np.array_equal(pixels(view(noise, seed, flip=0.25)), mirrored) for seed in SEEDS)
        assert 20 < flips < 80  # 50 expected, standard deviation 6

    def test_brightness(self) -> None:
        """Nothing else changes a flat grey picture."""
        found = [pixels(view(flat((100, 100, 100)), seed, colour_jitter=0.2)) for seed in SEEDS]
        assert all(np.ptp(values) == 0 for values in found)
        factors = [values.mean() / 100 for values in found]
        assert 0.79 <= min(factors) < 0.82 and 1.18 < max(factors) <= 1.2
        assert np.mean(factors) == pytest.approx(1, abs=0.03)

    def test_contrast(self) -> None:
        """It alone changes the ratio of the difference to the sum of two greys."""
        image = flat((60, 60, 60))
        image.paste((180, 180, 180), (0, 0, 4, 6))
        found = [np.unique(pixels(view(image, seed, colour_jitter=0.2))) for seed in SEEDS]
        factors = [2 * (light - dark) / (light + dark) for dark, light in found]
        assert 0.78 <= min(factors) < 0.82 and 1.18 < max(factors) <= 1.22

    def test_saturation(self) -> None:
        """On a flat picture contrast and saturation both scale the distance from grey."""
        factors = []
        for seed in SEEDS:
            red, green, blue = pixels(view(flat((150, 90, 90)), seed, colour_jitter=0.2))[0, 0]
            assert green == blue
            brightness = (0.299 * red + 0.701 * green) / (0.299 * 150 + 0.701 * 90)
            factors.append((red - green) / 60 / brightness)
        assert 0.6 <= min(factors) < 0.75 and 1.3 < max(factors) <= 1.48

    def test_random_crop(self, places: Image.Image) -> None:
        areas, shifts = [], []
        for seed in SEEDS:
            found = np.asarray(view(places, seed, random_crop=0.4))
            height, width = found.shape[:2]
            left, top = found[0, 0, :2].astype(int)
            assert np.array_equal(found, np.asarray(places)[top : top + height, left : left + width])
            assert abs(width - 2 * height) <= 1
            areas.append(width * height / 20_000)
            shifts.append([left / max(1, 200 - width), top / max(1, 100 - height)])
        assert 0.59 <= min(areas) < 0.63 and 0.97 < max(areas) <= 1
        assert np.mean(areas) == pytest.approx(0.8, abs=0.03)
        assert np.min(shifts) == 0 and np.max(shifts) == 1
        assert np.mean(shifts, axis=0) == pytest.approx(0.5, abs=0.1)

    def test_rotation(self) -> None:
        """A dot right of the centre goes up or down by the angle."""
        image = flat((0, 0, 0), 201, 201)
        image.paste((255, 255, 255), (168, 98, 173, 103))  # its middle is 70 pixels from the centre
        angles = []
        for seed in SEEDS:
            values = pixels(view(image, seed, rotation=30))[:, :, 0]
            y, x = np.average(np.mgrid[:201, :201].reshape(2, -1), axis=1, weights=values.ravel())
            angles.append(math.degrees(math.atan2(100 - y, x - 100)))
        assert -30.5 < min(angles) < -28 and 28 < max(angles) < 30.5
        assert np.mean(angles) == pytest.approx(0, abs=4)

    def test_corners_get_the_mean_colour(self) -> None:
        image = flat((10, 20, 30), 40, 20)
        image.paste((30, 60, 90), (20, 0, 40, 20))
        assert pixels(view(image, 5, rotation=90))[0, 0].tolist() == [20, 40, 60]

    @pytest.mark.parametrize("edge", [224, 448])
    def test_blur_is_measured_on_a_shorter_edge_of_224(self, edge: int) -> None:
        """A line becomes a bell; its standard deviation is the radius."""
        line = Image.new("RGB", (edge + 50, edge))
        line.paste((255, 255, 255), (edge // 2, 0, edge // 2 + 1, edge))
        place = np.arange(edge + 50) - edge // 2
        radii = []
        for seed in SEEDS:
            bell = pixels(view(line, seed, blur=4))[edge // 2, :, 0]
            assert np.array_equal(bell, bell[0] + bell)  # black stays black far away
            radii.append(math.sqrt(np.average(place**2, weights=bell)) * 224 / edge)
        assert min(radii) < 0.2 and 3.4 < max(radii) < 4.2
        assert np.mean(radii) == pytest.approx(2, abs=0.3)


def changed(text: str, seed: int = 0, **strengths: float) -> str:
    tree: dict[str, Any] = dict(random_delete=0, random_swap=0) | strengths
    options = TextAugmentation.model_validate(tree)
    return augment.text(text, options, np.random.default_rng(seed))


WORDS = [str(number) for number in range(10_000)]
words_of_a_text = st.lists(st.text("abß木é.", min_size=1, max_size=4), max_size=30)
fractions = st.floats(0, 0.999)
seeds = st.integers(0, 2**32)


class TestTexts:
    @given(words_of_a_text, seeds)
    def test_all_off_changes_nothing(self, words: list[str], seed: int) -> None:
        assert changed(" ".join(words), seed) == " ".join(words)

    @given(words_of_a_text, fractions, seeds)
    def test_deletion_keeps_the_order_and_at_least_one(
        self, words: list[str], share: float, seed: int
    ) -> None:
        found = changed(" ".join(words), seed, random_delete=share).split()
        rest = iter(words)
        assert all(word in rest for word in found), "not a subsequence"
        assert bool(found) == bool(words)

    @given(words_of_a_text, fractions, seeds)
    def test_swaps_keep_every_word(self, words: list[str], share: float, seed: int) -> None:
        assert Counter(changed(" ".join(words), seed, random_swap=share).split()) == Counter(words)

    @pytest.mark.parametrize("probability", [0.1, 0.5, 0.9])
    def test_share_of_deleted_words(self, probability: float) -> None:
        found = changed(" ".join(WORDS), random_delete=probability).split()
        assert len(found) == pytest.approx(10_000 * (1 - probability), abs=250)  # 5 standard deviations

    @pytest.mark.parametrize("probability", [0.1, 0.5])
    def test_share_of_swapped_words(self, probability: float) -> None:
        """A place stays if neither it (1 - p) nor any other that picks it (e^-p) is drawn."""
        found = changed(" ".join(WORDS), random_swap=probability).split()
        stayed = sum(a == b for a, b in zip(found, WORDS, strict=True))
        assert stayed == pytest.approx(10_000 * (1 - probability) * math.exp(-probability), abs=300)

    def test_the_last_word_is_drawn_among_all(self) -> None:
        kept = Counter(changed("a b c", seed, random_delete=0.999) for seed in range(300))
        assert kept.keys() == {"a", "b", "c"} and min(kept.values()) > 60

    def test_every_other_word_may_be_swapped_with(self) -> None:
        found = {changed("a b c", seed, random_swap=0.3) for seed in SEEDS}
        assert found == {"a b c", "b a c", "c b a", "a c b", "b c a", "c a b"}

    @pytest.mark.parametrize("text", ["", "fish", "一条红色的鱼在蓝色的水里游泳。"])
    def test_nothing_to_change(self, text: str) -> None:
        assert changed(text, random_delete=0.9, random_swap=0.9) == text

    def test_white_space_becomes_single_spaces(self) -> None:
        assert changed("  red\n\tfish ") == "red fish"

    def test_the_generator_decides_alone(self) -> None:
        text = " ".join(WORDS[:50])
        first, second, other = (changed(text, seed, random_delete=0.1, random_swap=0.1) for seed in (1, 1, 2))
        assert first == second != other
