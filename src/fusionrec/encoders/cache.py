"""Encode a catalogue: each distinct picture or text once, in parallel, into one row per item.

A vector depends on its input and its recipe only, to the last bit: every batch has the same size and holds inputs
of one padded length, so neither the other inputs of the batch nor their order have an influence. The number of
workers, an interruption, and what the store already holds change nothing either.
"""

import functools
import itertools
import math
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch

from fusionrec import files, runtime
from fusionrec.data.encoder_vectors import EncoderVectors
from fusionrec.encoders.encoder import Encoder
from fusionrec.encoders.inputs import Inputs, Row
from fusionrec.encoders.recipe import Recipe
from fusionrec.encoders.store import Store
from fusionrec.errors import UserError
from fusionrec.runtime import Runtime

Batch = list[tuple[int, Row]]  # numbers of items, and their rows of `Inputs.table`

STRETCH = {"cpu": 16, "cuda": 4096}  # inputs that a process is given at a time
BYTES = 1 << 26  # copied at a time


class Progress(Protocol):
    """A bar over what is encoded; see `fusionrec.progress`."""

    def reset(self, total: float) -> None:
        """Start again, with `total` inputs to encode."""
        ...

    def update(self, n: float) -> Any:
        """Count `n` more inputs as encoded."""
        ...

    def write(self, s: str) -> None:
        """Show a line."""
        ...


class Filled(NamedTuple):
    """What `fill` did.

    Attributes:
        features: the vectors, one row per item.
        card: description of the vectors, with the batch size that was used; empty if the modality is off.
        distinct: number of distinct pictures or texts.
        known: how many of them the store already had.
    """

    features: EncoderVectors
    card: dict[str, Any]
    distinct: int
    known: int


def fill(path: Path, recipe: Recipe | None, inputs: Inputs, computing: Runtime, bar: Progress) -> Filled:
    """Write features.npy, float32 [items, width], with zeros for items that have no picture or text.

    With `recipe.options.tokens` above 0, tokens.npy, float32 [items, tokens, width of a token], is written beside
    it. Both are memory-mapped: they need disk space, but little memory however many items there are. If a GPU's
    memory is too small for `recipe.options.batch`, encoding restarts with half the batch size.

    The bytes of the files depend on the recipe and the inputs only.

    Args:
        path: of features.npy.
        recipe: the encoder and its settings; None: the modality is off, and no item has a vector.
        inputs: of all items.
        computing: number of processes, and size limit of the store.
        bar: shows progress.

    Raises:
        UserError: if the encoder cannot be loaded, a GPU's memory is too small for a single input, or a vector
            has entries that are not finite.
    """
    number, first = inputs.distinct()
    if recipe is None:
        items = len(number)
        features = EncoderVectors(
            np.zeros((items, 0), np.float32), np.zeros(items, bool), np.zeros((items, 0, 0), np.float32)
        )
        files.write_array(path, features.matrix)
        return Filled(features, {}, 0, 0)
    while True:
        try:
            features, known = _fill(path, recipe, inputs, number, first, computing, bar)
        except torch.OutOfMemoryError as error:
            reason = str(error).splitlines()[0]
        else:
            return Filled(features, recipe.card(), len(first), known)
        recipe = _halved(recipe, reason)
        bar.write(f"{reason}: restarts with cache.batch={recipe.options.batch}")


def _halved(recipe: Recipe, reason: str) -> Recipe:
    batch = recipe.options.batch // 2
    if not batch:
        raise UserError(f"the GPU is too small for the encoder ({reason}); set runtime.device=cpu")
    return recipe._replace(options=recipe.options.model_copy(update={"batch": batch}))


def _fill(
    path: Path,
    recipe: Recipe,
    inputs: Inputs,
    number: np.ndarray,
    first: np.ndarray,
    computing: Runtime,
    bar: Progress,
) -> tuple[EncoderVectors, int]:
    """Rows of `first` from the store, else from the encoder, then their copies; how many the store knew."""
    keys = np.array(inputs.keys, object)
    unknown = np.ones(len(first), bool)
    with Store(
        files.cache_home() / "vectors", recipe.identity(), computing.store_gb * 1e9, bar.write
    ) as store:
        features = _made(path, number >= 0, recipe.options.tokens, *_widths(recipe, store))
        length = features.matrix.shape[1] + math.prod(features.tokens.shape[1:])
        for places, vectors in store.read(keys[first].tolist(), length):
            _write(features, first[places], vectors)
            unknown[places] = False
        bar.reset(total=int(unknown.sum()))
        for items, vectors in encode(recipe, inputs, first[unknown], computing.workers):
            _check(items, vectors, recipe)
            _write(features, items, vectors)
            store.add(keys[items].tolist(), vectors)
            bar.update(len(items))
    copies = np.setdiff1d(np.flatnonzero(number >= 0), first)
    for part in (features.matrix, features.tokens):
        for some in np.array_split(copies, 4 * len(copies) * math.prod(part.shape[1:]) // BYTES + 1):
            part[some] = part[first[number[some]]]
    return features, int((~unknown).sum())


def _widths(recipe: Recipe, store: Store) -> tuple[int, int]:
    """Widths of a vector and of a token; the encoder is loaded only if nothing else tells them."""
    if recipe.options.tokens:
        encoder = recipe.load()
        return encoder.width, encoder.token_width
    return recipe.source.get("width") or store.width() or recipe.load().width, 0


def _made(path: Path, present: np.ndarray, tokens: int, width: int, token_width: int) -> EncoderVectors:
    """Memory-mapped files of zeros."""
    items = len(present)
    matrix = _mapped(path, (items, width))
    if not tokens:
        return EncoderVectors(matrix, present, np.zeros((items, 0, 0), np.float32))
    shape = items, tokens, token_width
    return EncoderVectors(matrix, present, _mapped(path.with_name("tokens.npy"), shape))


def _mapped(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """A memory-mapped file of zeros whose space is reserved: on a full disk, writing into it would kill the process.

    Raises:
        OSError: if the disk is too small.
    """
    mapped = np.lib.format.open_memmap(path, "w+", np.float32, shape)
    with path.open("r+b") as file:
        if hasattr(os, "posix_fallocate"):  # not on macOS
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return mapped


def _write(features: EncoderVectors, items: np.ndarray, rows: np.ndarray) -> None:
    """Rows, float32 [n, width + tokens * width of a token]."""
    width = features.matrix.shape[1]
    features.matrix[items] = rows[:, :width]
    features.tokens[items] = rows[:, width:].reshape(len(rows), *features.tokens.shape[1:])


def _check(items: np.ndarray, vectors: np.ndarray, recipe: Recipe) -> None:
    finite = np.isfinite(vectors).all(1)
    if not finite.all():
        raise UserError(
            f"the vector of item {items[~finite][0]} (counted from 0) is not finite with "
            f"cache.precision={recipe.options.precision}; set cache.precision=fp32"
        )


def encode(
    recipe: Recipe, inputs: Inputs, items: np.ndarray, workers: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Encode the inputs of `items`, in `workers` processes or one process per GPU.

    Args:
        recipe: the encoder and its settings.
        inputs: of all items.
        items: int64 [m], the items to encode.
        workers: processes on the CPU; with GPUs, threads that prepare their inputs.

    Yields:
        int64 [n], some of `items`; and float32 [n, width + tokens * width of a token], their vectors.
    """
    if not len(items):
        return
    length = recipe.options.batch
    devices = ["cpu"] * min(workers, -(-len(items) // (_stretch(recipe) * length)))
    if recipe.device == "cuda":
        devices = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    free = multiprocessing.get_context("spawn").SimpleQueue()
    for device in devices:
        free.put(device)
    threads = -(-workers // len(devices)) if recipe.device == "cuda" else 0
    start = (recipe, inputs.read, threads, free)
    if len(devices) == 1:
        _start(*start)
        yield from _worker.encode(batches(inputs.rows(items), length, _padded(recipe, _worker.load)))
    else:
        tasks = _stretches(recipe, inputs, items, len(devices))
        for part in runtime.parallel(_encode, tasks, len(devices), _start, start):
            yield from part


def _stretches(recipe: Recipe, inputs: Inputs, items: np.ndarray, processes: int) -> Iterator[list[Batch]]:
    """Batches that a process is given at a time; at first none, so that all load the encoder at the same time."""
    yield from [[]] * processes
    length = recipe.options.batch
    ready = batches(inputs.rows(items), length, _padded(recipe, _plain(recipe).load))
    yield from iter(lambda: list(itertools.islice(ready, _stretch(recipe))), [])


def _stretch(recipe: Recipe) -> int:
    """How many batches a process is given at a time: fewer if the results of each are larger."""
    return max(1, STRETCH[recipe.device] // (recipe.options.batch * (1 + recipe.options.tokens)))


def _padded(recipe: Recipe, load: Callable[[], Encoder]) -> Callable[[Row], int]:
    """The padded length of a row's text; 0 for pictures, and if each text is alone in its batch."""
    if recipe.modality == "vision" or recipe.options.batch == 1:
        return lambda _: 0
    encoder = load()
    return lambda row: encoder.padded(*row)


def _plain(recipe: Recipe) -> Recipe:
    """The recipe on the CPU in full precision, because half precision may be slow there; lengths are the same."""
    changes = {"precision": "fp32", "compile": False}
    return recipe._replace(device="cpu", options=recipe.options.model_copy(update=changes))


def batches(rows: Iterable[tuple[int, Row]], length: int, padded: Callable[[Row], int]) -> Iterator[Batch]:
    """Batches of `length` rows with the same padded length; the last batch of each padded length may be shorter."""
    waiting: dict[int, Batch] = {}
    for number, row in rows:
        group = padded(row)
        waiting.setdefault(group, []).append((number, row))
        if len(waiting[group]) == length:
            yield waiting.pop(group)
    yield from waiting.values()


class _Worker(NamedTuple):
    """What a process keeps from one batch to the next."""

    load: Callable[[], Encoder]
    read: Callable[[list[Row]], list[Any]]
    length: int
    threads: int

    def encode(self, tasks: Iterable[Batch]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """See `encode`; for a GPU, threads prepare the next batches in the meantime."""
        encoder = self.load()

        def prepare(batch: Batch) -> tuple[np.ndarray, dict[str, torch.Tensor]]:
            numbers, rows = zip(*batch, strict=True)
            values = self.read(list(rows))
            # the last bits may depend on the size of a batch, so a short one is filled up
            values += values[-1:] * (self.length - len(values))
            return np.array(numbers), encoder.prepare(values)

        for items, batch in runtime.ahead(prepare, tasks, self.threads):
            yield items, encoder.forward(batch)[: len(items)].numpy()


_worker: _Worker


def _start(recipe: Recipe, read: Callable[[list[Row]], list[Any]], threads: int, free: Any) -> None:
    """Runs once in each process, which takes one of the free devices.

    The encoder is loaded with the first batch, because a pool hides exceptions that are raised at its start.
    """
    global _worker
    runtime.prepare(recipe.reproducible)
    load = functools.cache(recipe._replace(device=free.get()).load)
    _worker = _Worker(load, read, recipe.options.batch, threads)


def _encode(tasks: Iterable[Batch]) -> list[tuple[np.ndarray, np.ndarray]]:
    return list(_worker.encode(tasks))
