"""Vectors averaged over an input and augmented views of it.

Test-time augmentation: Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep convolutional
neural networks", NeurIPS 2012.
"""

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image

from fusionrec.encoders import augment, pixels
from fusionrec.encoders.options import Cache
from fusionrec.encoders.pooling import unit

if TYPE_CHECKING:
    from fusionrec.encoders.recipe import Encoder

Change = Callable[[Any, Cache, int], Any]


class MeanOfViews:
    """An encoder, made of another.

    The original and its views go through the other encoder in one batch of `1 + views` times as many inputs,
    padded alike, so that a vector stays a function of its input alone.

    Args:
        encoder: the other one.
        change: `of_picture` or `of_text`.
        options: number of views, seed and strengths.
        normalize: whether vectors get length 1.
    """

    def __init__(self, encoder: "Encoder", change: Change, options: Cache, normalize: bool):
        self.encoder, self.change, self.options, self.normalize = encoder, change, options, normalize
        self.width, self.token_width = encoder.width, encoder.token_width

    def views(self, original: Any) -> list[Any]:
        """The original and its `views` changed ones."""
        numbers = range(1, self.options.views + 1)
        return [original, *(self.change(original, self.options, number) for number in numbers)]

    def prepare(self, inputs: list[Any]) -> dict[str, torch.Tensor]:
        """n pictures or texts to a batch of n * (1 + `views`), one input's views side by side."""
        return self.encoder.prepare([view for original in inputs for view in self.views(original)])

    def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """A batch of `prepare` to float32 [n, width] on the CPU, the means over 1 + `views` vectors."""
        vectors = self.encoder.forward(batch)
        mean = vectors.double().unflatten(0, (-1, 1 + self.options.views)).mean(1)
        return unit(mean) if self.normalize else mean.float()

    def encode(self, inputs: list[Any]) -> torch.Tensor:
        """n pictures or texts to float32 [n, width] on the CPU."""
        return self.forward(self.prepare(inputs))

    def padded(self, text: str) -> int:
        """The length to which the views of a text are padded: that of the longest."""
        return max(map(self.encoder.padded, self.views(text)))


def of_picture(blob: bytes, options: Cache, view: int) -> Image.Image:
    """View number `view` of the picture in a file (JPEG, PNG, WebP)."""
    return augment.picture(pixels.decode(blob), options.vision, generator(options.seed, blob, view))


def of_text(text: str, options: Cache, view: int) -> str:
    """View number `view` of a text."""
    return augment.text(text, options.language, generator(options.seed, text.encode(), view))


def generator(seed: int, content: bytes, view: int) -> np.random.Generator:
    """Random numbers for one view of one input: they depend on nothing but these three."""
    digest = hashlib.sha256(f"{seed}/{view}/".encode() + content).digest()
    return np.random.default_rng(int.from_bytes(digest, "big"))
