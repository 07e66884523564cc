"""Means over views, which depend only on the seed, the content and their number."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fusionrec import sections
from fusionrec.encoders import views
from fusionrec.encoders.options import Cache, TextAugmentation

OPTIONS = sections.load(Path(__file__).resolve().parents[2] / "params.yaml").cache.model_copy(
    update={"seed": 1, "views": 2, "language": TextAugmentation(random_delete=0.3, random_swap=0.3)}
)
TEXT = "red fish swims where the blue bird flies and the green one sleeps"


def longer(text: str, options: Cache, view: int) -> str:
    return text + "x" * 3 * view


class Sides:
    """A text of n letters becomes [n, 1]; 10 letters pad it to 10, 11 to 20."""

    width, token_width = 2, 0

    def prepare(self, inputs: list[str]) -> dict[str, torch.Tensor]:
        return {"letters": torch.tensor([len(text) for text in inputs])}

    @torch.inference_mode()
    def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        return torch.stack([batch["letters"], torch.ones_like(batch["letters"])], 1).float()

    def encode(self, inputs: list[str]) -> torch.Tensor:
        return self.forward(self.prepare(inputs))

    def padded(self, text: str) -> int:
        return -(-len(text) // 10) * 10


def test_the_mean_by_hand() -> None:
    encoder = views.MeanOfViews(Sides(), longer, OPTIONS, normalize=False)
    found = encoder.encode(["", "four"])  # lengths 0, 3, 6 and 4, 7, 10
    assert found.dtype == torch.float32 and found.numpy().tolist() == [[3, 1], [7, 1]]
    assert encoder.width == 2


def test_length_one_again() -> None:
    encoder = views.MeanOfViews(Sides(), longer, OPTIONS, normalize=True)
    torch.testing.assert_close(encoder.encode([""]), torch.tensor([[3, 1]]) / 10**0.5)


def test_padded_like_the_longest_view() -> None:
    encoder = views.MeanOfViews(Sides(), longer, OPTIONS, normalize=False)
    assert [encoder.padded("x" * letters) for letters in (4, 5)] == [10, 20]


def jpeg() -> bytes:
    pixels = np.random.default_rng(1).integers(0, 256, (40, 60, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG")
    return buffer.getvalue()


def test_views_of_a_picture() -> None:
    blob = jpeg()
    other_seed = OPTIONS.model_copy(update={"seed": 2})
    cases = [(OPTIONS, 1), (OPTIONS, 2), (other_seed, 1)]
    found = [views.of_picture(blob, options, number).tobytes() for options, number in cases * 2]
    assert found[:3] == found[3:] and len(set(found)) == 3


def test_views_of_a_text() -> None:
    other_seed = OPTIONS.model_copy(update={"seed": 2})
    cases = [(OPTIONS, 1), (OPTIONS, 2), (other_seed, 1)]
    found = [views.of_text(TEXT, options, number) for options, number in cases * 2]
    assert found[:3] == found[3:] and len({TEXT, *found}) == 4


@pytest.mark.parametrize("other", [(2, b"a", 1), (1, b"b", 1), (1, b"a", 2), (1, b"1/a", 1), (11, b"a", 1)])
def test_other_seed_content_or_number_other_draws(other: tuple[int, bytes, int]) -> None:
    assert views.generator(1, b"a", 1).random() != views.generator(*other).random()


@given(st.integers(0), st.binary(), st.integers(0))
def test_draws_repeat(seed: int, content: bytes, view: int) -> None:
    one, two = (views.generator(seed, content, view).random(3) for _ in range(2))
    assert np.array_equal(one, two)
