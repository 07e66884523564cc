"""Encode a catalogue: each distinct picture or text once, over several processes, to one row an item."""

import functools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
import torch

from fusionrec import files, params, runtime
from fusionrec.data.features import Features
from fusionrec.errors import UserError

T = TypeVar("T")


class Encoder(Protocol):
    """What the vision and language encoders have in common."""

    def encode(self, inputs: list[Any]) -> torch.Tensor:
        """n pictures or texts -> float32 [n, width] on the CPU."""
        ...


class Recipe(NamedTuple):
    """All that a worker process needs to load the encoder."""

    modality: str
    entry: params.Encoder
    folder: Path
    options: params.Cache
    device: str

    def load(self) -> Encoder:
        """The frozen encoder; with `options.views` above 0 its vectors are means over views.

        Raises:
            UserError: if the folder's files are damaged, incomplete or do not fit each other.
        """
        from fusionrec.encoders import language, loading, views, vision

        device = torch.device(self.device)
        encoder: Encoder
        change: views.Change
        with loading.readable(self.folder):
            if self.modality == "vision":
                encoder, change = vision.load(self.folder, self.entry, device), views.of_picture
            else:
                encoder = language.load(self.folder, self.entry, self.options.max_tokens, device)
                change = views.of_text
        if self.options.views:
            return views.MeanOfViews(encoder.encode, change, self.options, self.entry.normalize)
        return encoder

    def preprocessing(self) -> dict[str, Any]:
        """What happens to an input before the encoder sees it, for the feature cache's card."""
        if self.modality == "language":
            return {"max_tokens": self.options.max_tokens}
        if self.entry.library == "timm":
            return files.read_json(self.folder / "config.json")["pretrained_cfg"]
        return files.read_json(self.folder / "preprocessor_config.json")

    def augmentation(self) -> dict[str, Any]:
        """What the views are, for the feature cache's card; empty where there are none."""
        if not self.options.views:
            return {}
        strengths = getattr(self.options, self.modality).model_dump()
        return {"views": self.options.views, "seed": self.options.seed, "augmentation": strengths}


def distinct(
    keys: Sequence[str | None], order: Callable[[str], Any] | None = None
) -> tuple[list[int], np.ndarray]:
    """Which inputs to encode, and for whom.

    Args:
        keys: one an item; equal keys mean equal inputs, None an absent one.
        order: sorts the distinct keys; without it they keep the items' order.

    Returns:
        The position of the first item of each distinct key; and int64 [items], for each item the index of
        its key in that list, -1 where absent.
    """
    first: dict[str, int] = {}
    for item, key in enumerate(keys):
        if key is not None:
            first.setdefault(key, item)
    ordered = sorted(first, key=order) if order else list(first)
    index: dict[str | None, int] = {key: i for i, key in enumerate(ordered)}
    return [first[key] for key in ordered], np.array([index.get(key, -1) for key in keys], np.int64)


def batches(inputs: Iterator[T], length: int) -> Iterator[list[T]]:
    """Batches of exactly `length`, the last one filled up by repeating its last input.

    A vector's last bits may depend on the batch length, so every batch has the same.
    """
    batch: list[T] = []
    for value in inputs:
        batch.append(value)
        if len(batch) == length:
            yield batch
            batch = []
    if batch:
        yield batch + batch[-1:] * (length - len(batch))


def encode(
    recipe: Recipe, inputs: Iterator[T], count: int, workers: int, track: Callable[[int], object]
) -> np.ndarray:
    """Encode `count` inputs in batches of `recipe.options.batch`.

    Returns:
        float32 [count, width]; the same bytes whatever the number of workers.
    """
    length = recipe.options.batch
    tasks = batches(inputs, length)
    parts = []
    workers = 1 if recipe.device != "cpu" else max(1, min(workers, -(-count // length)))
    for part in runtime.parallel(_encode, tasks, workers, _start, (recipe,)):
        parts.append(part)
        track(length)
    return np.concatenate(parts)[:count] if parts else np.zeros((0, 0), np.float32)


def spread(vectors: np.ndarray, row: np.ndarray, width: int | None) -> Features:
    """Give each item its row of `vectors` [distinct, width]; zeros where `row` is -1.

    Args:
        vectors: of the distinct inputs.
        row: int64 [items], of `distinct`.
        width: what the registry says; None where it says nothing, and the vectors' own width counts.

    Raises:
        UserError: if the vectors are not `width` wide.
    """
    if width is None:
        width = vectors.shape[1]
    if len(vectors) and vectors.shape[1] != width:
        raise UserError(
            f"the encoder's vectors have width {vectors.shape[1]}, its entry in params.yaml says {width}"
        )
    matrix = np.zeros((len(row), width), np.float32)
    present = row >= 0
    if len(vectors):
        matrix[present] = vectors[row[present]]
    return Features(matrix, present)


_encoder: Callable[[], Encoder]


def _start(recipe: Recipe) -> None:
    """In each worker; it loads the encoder with its first batch, since a pool hides what a start raises."""
    global _encoder
    _encoder = functools.cache(recipe.load)


def _encode(batch: list[Any]) -> np.ndarray:
    return _encoder().encode(batch).numpy()
