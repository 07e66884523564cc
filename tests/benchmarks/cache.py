"""Speed and memory of the feature cache, by encoders of full size with random weights, on the CPU.

Not a test; run it on a quiet machine, from the repository's root: `python tests/benchmarks/cache.py PART`.

- pictures: the cache path against a bare forward loop over prepared batches, by as many processes.
- texts [FILE]: so too; and against batches of 32 as they come, padded to the longest. FILE is a table with
  a column `text`, such as data/clean/items.parquet; without it, lengths are drawn.
- scale: 100,000 short texts: memory above the encoder's own, and a second run with 1 % new ones.

Speeds are those of the best of two rounds, and memory is that of all processes together.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "stages"))

import _start  # noqa: F401, I001  (src on the path, pins set before numpy loads)

import functools
import hashlib
import io
import os
import resource
import subprocess
import tempfile
import time
from typing import Any

import numpy as np
import pandas as pd
import transformers
from PIL import Image

from fusionrec import sections
from fusionrec import files, runtime
from fusionrec.encoders import cache, inputs
from fusionrec.encoders.inputs import Inputs
from fusionrec.encoders.recipe import Recipe

PICTURES, TEXTS, ITEMS = 256, 2000, 100_000
PROCESSES, REPEATS, NAIVE_BATCH = 2, 2, 32
P = sections.load()


class Clock:
    """A progress bar that notes when how many were done."""

    def __init__(self) -> None:
        self.times, self.done = [time.perf_counter()], [0.0]

    def reset(self, total: float) -> None:
        """Nothing to show."""

    def update(self, n: float) -> None:
        """Now."""
        self.times.append(time.perf_counter())
        self.done.append(n)

    def write(self, s: str) -> None:
        """To the console."""
        print(s)

    def rate(self) -> float:
        """Inputs a second, once every process has handed in its first ones: loading is not counted."""
        done = np.cumsum(self.done)
        begun = np.searchsorted(done, PROCESSES * cache.STRETCH["cpu"])
        return float((done[-1] - done[begun]) / (self.times[-1] - self.times[begun]))


def recipe(folder: Path, modality: str, name: str) -> Recipe:
    """For weights in `folder`, by the registry's entry `name`."""
    return Recipe(modality, getattr(P.encoders, modality)[name], folder, {}, P.cache, "cpu", "portable")


def clip(folder: Path) -> Recipe:
    """ViT-B/32."""
    transformers.CLIPModel(transformers.CLIPConfig()).save_pretrained(folder)
    transformers.CLIPImageProcessor().save_pretrained(folder)
    return recipe(folder, "vision", "clip")


def resnet(folder: Path) -> Recipe:
    """ResNet-50."""
    transformers.ResNetModel(transformers.ResNetConfig()).save_pretrained(folder)
    transformers.ConvNextImageProcessor(size={"shortest_edge": 224}, crop_pct=0.875).save_pretrained(folder)
    return recipe(folder, "vision", "resnet")


def minilm(folder: Path, words: list[str]) -> Recipe:
    """MiniLM-L6; each of `words` is a token."""
    layers: dict[str, Any] = {"hidden_size": 384, "num_hidden_layers": 6, "intermediate_size": 1536}
    transformers.BertModel(transformers.BertConfig(**layers)).save_pretrained(folder)
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]
    vocabulary = {token: number for number, token in enumerate(tokens[:30_000])}
    transformers.BertTokenizer(vocab=vocabulary).save_pretrained(folder)
    return recipe(folder, "language", "sentence-bert")


def pictures(folder: Path) -> Inputs:
    """JPEGs of the size of a poster."""
    rng, rows = np.random.default_rng(0), []
    folder.mkdir()
    with files.ShardWriter(folder) as shards:
        for number in range(PICTURES):
            small = Image.fromarray(rng.integers(0, 256, (44, 30, 3), np.uint8))
            small.resize((300, 441), Image.Resampling.BICUBIC).save(
                buffer := io.BytesIO(), "JPEG", quality=90
            )
            blob = buffer.getvalue()
            where = shards.add(str(number), blob)._asdict()
            rows.append(where | {"status": "ok", "sha256": hashlib.sha256(blob).hexdigest()})
    return inputs.pictures(pd.DataFrame(rows), folder)


def descriptions(path: str | None) -> list[str]:
    """The texts of a table, or of words whose number is log-normal, with a median of 40."""
    if path:
        return files.read_table(path, ["text"])["text"].drop_duplicates().tolist()[:TEXTS]
    rng = np.random.default_rng(0)
    counts = rng.lognormal(np.log(40), 0.7, TEXTS).astype(int) + 1
    return [" ".join(f"w{word}" for word in rng.integers(0, 20_000, count)) for count in counts]


def bare(share: int, how: Recipe, found: Inputs) -> tuple[int, float]:
    """In a process: forward over its share of prepared batches; how many inputs, and in how many seconds."""
    encoder, length = how.load(), how.options.batch
    rows = found.rows(np.arange(share, len(found.keys), PROCESSES))
    padded = (lambda row: encoder.padded(*row)) if how.modality == "language" else (lambda _: 0)
    batches = [batch for batch in cache.batches(rows, length, padded) if len(batch) == length]
    prepared = [encoder.prepare(found.read([row for _, row in batch])) for batch in batches]
    encoder.forward(prepared[0])
    started = time.perf_counter()
    for ready in prepared:
        encoder.forward(ready)
    return length * len(prepared), time.perf_counter() - started


def compare(name: str, how: Recipe, found: Inputs) -> float:
    """Print inputs a second, of the bare loop and of the cache; that of the cache."""
    loops, paths = [], []
    for _ in range(REPEATS):
        done = runtime.parallel(functools.partial(bare, how=how, found=found), range(PROCESSES), PROCESSES)
        loops.append(sum(count / seconds for count, seconds in done))
        with tempfile.TemporaryDirectory() as folder:
            os.environ["FUSIONREC_CACHE"] = folder  # always a cold store
            cache.fill(Path(folder) / "features.npy", how, found, P.runtime, clock := Clock())
        paths.append(clock.rate())
    loop, path = max(loops), max(paths)
    print(f"{name}: bare loop {loop:.1f} a second, cache {path:.1f}, ratio {path / loop:.2f}", flush=True)
    return path


def naive(share: int, how: Recipe, texts: list[str]) -> tuple[int, float]:
    """In a process: batches of 32 as they come, each padded to its longest text."""
    encoder, mine = how.load(), texts[share::PROCESSES]
    encoder.encode(mine[:NAIVE_BATCH])
    started = time.perf_counter()
    for start in range(0, len(mine), NAIVE_BATCH):
        encoder.encode(mine[start : start + NAIVE_BATCH])
    return len(mine), time.perf_counter() - started


def all_texts(folder: Path, path: str | None) -> None:
    """MiniLM against both loops."""
    texts = descriptions(path)
    how = minilm(folder / "minilm", sorted({word for text in texts for word in text.split()}))
    rate = compare("MiniLM", how, inputs.texts(pd.Series(texts, dtype=str)))
    done = runtime.parallel(functools.partial(naive, how=how, texts=texts), range(PROCESSES), PROCESSES)
    loop = sum(count / seconds for count, seconds in done)
    print(f"MiniLM: batches of {NAIVE_BATCH} as they come {loop:.1f} a second, ratio {rate / loop:.2f}")


def short(folder: Path, start: int, count: int) -> None:
    """In a process of its own: so many short texts from number `start` on; seconds and kilobytes at most."""
    began = time.perf_counter()
    words = [f"w{word}" for word in range(8)]
    texts = pd.Series(
        [" ".join([f"item {number}", *words]) for number in range(start, start + count)], dtype=str
    )
    how = recipe(folder / "minilm", "language", "sentence-bert")
    filled = cache.fill(folder / "features.npy", how, inputs.texts(texts), P.runtime, Clock())
    peaks = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print(time.perf_counter() - began, filled.known, *peaks)


def scale(folder: Path) -> None:
    """Three runs: a handful, whose memory is the encoder's; all; and all with 1 % new ones."""
    minilm(folder / "minilm", ["item", *(f"w{word}" for word in range(8))])
    environment = os.environ | {"FUSIONREC_CACHE": str(folder)}
    memory, seconds = [], []
    for start, count in ((2 * ITEMS, 64), (0, ITEMS), (ITEMS // 100, ITEMS)):
        command = [sys.executable, __file__, "short", str(folder), str(start), str(count)]
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
        elapsed, known, own, worker = map(float, done.stdout.split())
        memory.append((own + PROCESSES * worker) / 1e3)
        seconds.append(elapsed)
        print(f"{count:,} items, {known:,.0f} known: {elapsed:.1f} s, {memory[-1]:,.0f} MB", flush=True)
    print(f"{max(memory) - memory[0]:,.0f} MB above the encoders' own")
    print(f"the second run took {seconds[2] / seconds[1]:.1%} of the first")


def main() -> None:
    """Run the part that is named."""
    part, *arguments = sys.argv[1:]
    if part == "short":
        short(Path(arguments[0]), *map(int, arguments[1:]))
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if part == "pictures":
            found = pictures(folder / "images")
            compare("CLIP ViT-B/32", clip(folder / "clip"), found)
            compare("ResNet-50", resnet(folder / "resnet"), found)
        elif part == "texts":
            all_texts(folder, arguments[0] if arguments else None)
        else:
            scale(folder)


if __name__ == "__main__":
    main()
