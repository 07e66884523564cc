"""Random changes of pictures and texts that leave the item recognisable.

All randomness comes from the generator that is passed in, and all pixels are computed by Pillow: the same
generator and input give the same bytes on every x86-64 CPU. A strength of 0 switches a change off.
"""

import math

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter, ImageOps, ImageStat

from fusionrec.encoders.options import PictureAugmentation, TextAugmentation

BLUR_EDGE = 224  # pixels: the encoders' usual input


def picture(image: Image.Image, options: PictureAugmentation, rng: np.random.Generator) -> Image.Image:
    """An augmented view of a picture, changed in this order.

    - flip: mirrored left to right with this probability.
    - rotation: by an angle uniform in [-rotation, rotation] degrees; the corners get the mean colour.
    - random_crop: cropped to a share of the area uniform in [1 - random_crop, 1], at a uniformly drawn place,
      with the same ratio of width to height (up to whole pixels).
    - colour_jitter: brightness, contrast and saturation are each multiplied by a factor uniform in
      [1 - colour_jitter, 1 + colour_jitter] (`PIL.ImageEnhance`).
    - blur: Gaussian, with a standard deviation uniform in [0, blur] pixels at a shorter edge of 224 pixels,
      so that the effect does not depend on the resolution.

    Args:
        image: RGB.
        options: the strengths.
        rng: the number of draws does not depend on the strengths.

    Returns:
        RGB, as large as the crop. `image` itself stays unchanged.
    """
    if rng.random() < options.flip:
        image = ImageOps.mirror(image)
    image = _rotate(image, rng.uniform(-options.rotation, options.rotation))
    image = _crop(image, rng.uniform(1 - options.random_crop, 1), rng.random(), rng.random())
    for quality in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        image = quality(image).enhance(rng.uniform(1 - options.colour_jitter, 1 + options.colour_jitter))
    radius = rng.uniform(0, options.blur) * min(image.size) / BLUR_EDGE
    return image.filter(ImageFilter.GaussianBlur(radius))


def _rotate(image: Image.Image, degrees: float) -> Image.Image:
    mean = tuple(round(channel) for channel in ImageStat.Stat(image).mean)
    return image.rotate(degrees, Image.Resampling.BICUBIC, fillcolor=mean)


def _crop(image: Image.Image, area: float, x: float, y: float) -> Image.Image:
    """`area` is a share; `x` and `y` in [0, 1) place the crop between left and right, top and bottom."""
    width, height = (max(1, round(edge * math.sqrt(area))) for edge in image.size)
    left, top = int(x * (image.width - width + 1)), int(y * (image.height - height + 1))
    return image.crop((left, top, left + width, top + height))


def text(text: str, options: TextAugmentation, rng: np.random.Generator) -> str:
    """An augmented view of a text (Wei and Zou, "EDA: Easy Data Augmentation", EMNLP 2019).

    - random_delete: each word is deleted with this probability; if none is left, one drawn at random is kept.
    - random_swap: then each word is swapped with another one, drawn at random, with this probability.

    Words are separated by white space. A text in a script without spaces, such as Chinese, is one word and
    is not changed.

    Args:
        text: any text.
        options: the strengths.
        rng: all randomness comes from it.

    Returns:
        The words, joined by single spaces; empty only if `text` has no word.
    """
    words = _delete(text.split(), options.random_delete, rng)
    return " ".join(_swap(words, options.random_swap, rng))


def _delete(words: list[str], probability: float, rng: np.random.Generator) -> list[str]:
    stays = rng.random(len(words)) >= probability
    if words and not stays.any():
        stays[rng.integers(len(words))] = True
    return [word for word, kept in zip(words, stays, strict=True) if kept]


def _swap(words: list[str], probability: float, rng: np.random.Generator) -> list[str]:
    words = words.copy()
    if len(words) > 1:
        for place in np.flatnonzero(rng.random(len(words)) < probability):
            other = (place + rng.integers(1, len(words))) % len(words)
            words[place], words[other] = words[other], words[place]
    return words
