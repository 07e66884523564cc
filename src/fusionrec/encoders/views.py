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

from fusionrec import params
from fusionrec.data import augment
from fusionrec.encoders import vision
from fusionrec.encoders.pooling import unit

Encode = Callable[[list[Any]], torch.Tensor]
Change = Callable[[Any, params.Cache, int], Any]


class MeanOfViews:
    """An encoder, made of another.

    Args:
        encode: of the other encoder.
        change: `of_picture` or `of_text`.
        options: number of views, seed and strengths.
        normalize: whether vectors get length 1.
    """

    def __init__(self, encode: Encode, change: Change, options: params.Cache, normalize: bool):
        self._encode, self.change, self.options, self.normalize = encode, change, options, normalize

    def encode(self, inputs: list[Any]) -> torch.Tensor:
        """n pictures or texts to float32 [n, width] on the CPU, the means over 1 + `views` vectors."""
        total = self._encode(inputs).double()
        for view in range(1, self.options.views + 1):
            total += self._encode([self.change(original, self.options, view) for original in inputs])
        mean = total / (1 + self.options.views)
        return unit(mean) if self.normalize else mean.float()


def of_picture(blob: bytes, options: params.Cache, view: int) -> Image.Image:
    """View number `view` of the picture in a file (JPEG, PNG, WebP)."""
    return augment.picture(vision.decode(blob), options.vision, generator(options.seed, blob, view))


def of_text(text: str, options: params.Cache, view: int) -> str:
    """View number `view` of a text."""
    return augment.text(text, options.language, generator(options.seed, text.encode(), view))


def generator(seed: int, content: bytes, view: int) -> np.random.Generator:
    """Random numbers for one view of one input: they depend on nothing but these three."""
    digest = hashlib.sha256(f"{seed}/{view}/".encode() + content).digest()
    return np.random.default_rng(int.from_bytes(digest, "big"))
