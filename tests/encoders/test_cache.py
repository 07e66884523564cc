"""The cache: each distinct input once, batches of one length, no trace of the number of workers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fusionrec import files, params
from fusionrec.data import features
from fusionrec.encoders import cache
from fusionrec.errors import UserError

Saved = Callable[[str], tuple[Path, Any]]
ROOT = Path(__file__).resolve().parents[2]


class Counting:
    """An encoder that counts: a text becomes its length."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []

    def encode(self, inputs: list[str]) -> torch.Tensor:
        self.batches.append(inputs)
        return torch.tensor([[float(len(text))] for text in inputs])


class CountingRecipe(cache.Recipe):
    encoder = Counting()

    def load(self) -> cache.Encoder:
        return self.encoder


def test_distinct_by_hand() -> None:
    first, row = cache.distinct(["b", None, "a", "b"])
    assert first == [0, 2] and row.tolist() == [0, -1, 1, 0]
    first, row = cache.distinct(["b", None, "a", "b"], order=str)
    assert first == [2, 0] and row.tolist() == [1, -1, 0, 1]


def test_the_last_batch_is_filled_up() -> None:
    assert list(cache.batches(iter("abcde"), 2)) == [["a", "b"], ["c", "d"], ["e", "e"]]


@given(st.lists(st.integers(), max_size=20), st.integers(1, 7))
def test_batches_have_one_length_and_keep_the_order(values: list[int], length: int) -> None:
    found = list(cache.batches(iter(values), length))
    assert {len(batch) for batch in found} <= {length}
    assert [value for batch in found for value in batch][: len(values)] == values
    assert len(found) == -(-len(values) // length)


@given(st.lists(st.none() | st.sampled_from("abcdef")))
def test_every_item_gets_its_own_key(keys: list[str | None]) -> None:
    first, row = cache.distinct(keys, order=str)
    assert len(first) == len(set(keys) - {None})
    assert [keys[first[i]] if i >= 0 else None for i in row] == keys


def test_duplicates_are_encoded_once_and_shared() -> None:
    texts: list[str | None] = ["one", "three", None, "one", "seven", "one"]
    first, row = cache.distinct(texts)
    entry = params.load(ROOT / "params.yaml").encoders.language["bert"]
    assert entry is not None
    recipe = CountingRecipe("language", entry, Path(), 8, "cpu")
    seen: list[int] = []
    vectors = cache.encode(recipe, iter([str(texts[i]) for i in first]), len(first), 2, 1, seen.append)
    found = cache.spread(vectors, row, 1)
    assert found.matrix[:, 0].tolist() == [3, 5, 0, 3, 5, 3]
    assert found.present.tolist() == [True, True, False, True, True, True]
    assert recipe.encoder.batches == [["one", "three"], ["seven", "seven"]]


def test_a_width_that_is_not_the_registrys() -> None:
    with pytest.raises(UserError, match=r"width 3, its entry in params\.yaml says 4"):
        cache.spread(np.zeros((1, 3), np.float32), np.array([0]), 4)


def test_rows_of_another_catalogue_are_refused(tmp_path: Path) -> None:
    files.write_array(tmp_path / "features.npy", np.zeros((2, 3), np.float32))
    files.write_array(tmp_path / "present.npy", np.ones(2, bool))
    files.write_json(tmp_path / "item_ids.json", ["a", "b"])
    assert features.load(tmp_path, ["a", "b"]).matrix.shape == (2, 3)
    with pytest.raises(UserError, match="dvc repro"):
        features.load(tmp_path, ["b", "a"])


def test_no_trace_of_the_number_of_workers(saved: Saved, entry: Callable[..., params.Encoder]) -> None:
    texts = [" ".join(["red fish", "blue bird swims", "green"][i % 3 :] * (1 + i % 5)) for i in range(11)]
    recipe = cache.Recipe("language", entry(), saved("bert")[0], 16, "cpu")
    one, two = (cache.encode(recipe, iter(texts), len(texts), 4, workers, int) for workers in (1, 2))
    assert one.shape == (11, 32) and one.tobytes() == two.tobytes()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_damaged_file_ends_with_one_message(
    workers: int, saved: Saved, entry: Callable[..., params.Encoder]
) -> None:
    folder, _ = saved("bert")
    (folder / "model.safetensors").write_bytes(b"damaged" * 9)
    recipe = cache.Recipe("language", entry(), folder, 16, "cpu")
    with pytest.raises(UserError, match=r"bert: cannot be loaded as an encoder in Hugging Face layout"):
        cache.encode(recipe, iter(["red", "blue"]), 2, 1, workers, int)


def test_nothing_to_encode(saved: Saved, entry: Callable[..., params.Encoder]) -> None:
    recipe = cache.Recipe("language", entry(), Path("unread"), 16, "cpu")
    vectors = cache.encode(recipe, iter([]), 0, 4, 1, int)
    assert cache.spread(vectors, np.array([-1, -1]), 5).matrix.tolist() == [[0.0] * 5] * 2
