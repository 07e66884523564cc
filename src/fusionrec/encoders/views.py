"""Vectors averaged over an input and augmented views of it.

Test-time augmentation: Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep convolutional
neural networks", NeurIPS 2012.
"""

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from PIL import Image

from fusionrec.encoders import augment, pixels
from fusionrec.encoders.encoder import Encoder
from fusionrec.encoders.options import Cache
from fusionrec.encoders.pooling import unit

Change = Callable[[Any, Cache, int], Any]


class MeanOfViews:
    """An encoder that averages the vectors of another one.

    The original and its views are encoded in one batch, `1 + views` times as large and with the same padding, so
    that a vector depends on its input only.

    Args:
        encoder: the other encoder.
        change: `of_picture` or `of_text`.
        options: number of views, seed and strengths of the changes.
        normalize: whether vectors are scaled to length 1.
    """

    def __init__(self, encoder: Encoder, change: Change, options: Cache, normalize: bool):
        self.encoder, self.change, self.options, self.normalize = encoder, change, options, normalize
        self.width, self.token_width = encoder.width, encoder.token_width

    def views(self, original: Any) -> list[Any]:
        """The original and its augmented views, 1 + `options.views` in all."""
        numbers = range(1, self.options.views + 1)
        return [original, *(self.change(original, self.options, number) for number in numbers)]

    def prepare(self, inputs: list[Any]) -> dict[str, torch.Tensor]:
        """n pictures or texts -> a batch of n * (1 + `options.views`); the views of an input are adjacent."""
        return self.encoder.prepare([view for original in inputs for view in self.views(original)])

    def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """The result of `prepare` -> float32 [n, width] on the CPU: means over 1 + `options.views` vectors."""
        vectors = self.encoder.forward(batch)
        mean = vectors.double().unflatten(0, (-1, 1 + self.options.views)).mean(1)
        return unit(mean) if self.normalize else mean.float()

    def encode(self, inputs: list[Any]) -> torch.Tensor:
        """n pictures or texts -> float32 [n, width] on the CPU."""
        return self.forward(self.prepare(inputs))

    def padded(self, text: str) -> int:
        """The number of tokens to which the views of a text are padded: the largest of them."""
        return max(map(self.encoder.padded, self.views(text)))


def of_picture(blob: bytes, options: Cache, view: int) -> Image.Image:
    """View number `view` of the picture in a file (JPEG, PNG, WebP)."""
    return augment.picture(pixels.decode(blob), options.vision, generator(options.seed, blob, view))


def of_text(text: str, options: Cache, view: int) -> str:
    """View number `view` of a text."""
    return augment.text(text, options.language, generator(options.seed, text.encode(), view))


def generator(seed: int, content: bytes, view: int) -> np.random.Generator:
    """The generator for one view of one input; it depends on the three arguments only."""
    digest = hashlib.sha256(f"{seed}/{view}/".encode() + content).digest()
    return np.random.default_rng(int.from_bytes(digest, "big"))
