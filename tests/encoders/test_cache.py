"""The cache: each distinct input once, batches of one length, no trace of the number of workers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fusionrec import params
from fusionrec.encoders import cache, views
from fusionrec.errors import UserError

Saved = Callable[[str], tuple[Path, Any]]
Entry = Callable[..., params.Encoder]
PARAMS = params.load(Path(__file__).resolve().parents[2] / "params.yaml")
WORDS = ["red", "green", "blue", "fish", "bird", "swims", "flies"]


def options(**changes: int) -> params.Cache:
    return PARAMS.cache.model_copy(update={"batch": 4, "max_tokens": 16} | changes)


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


def test_duplicates_are_encoded_once_and_shared(entry: Entry) -> None:
    texts: list[str | None] = ["one", "three", None, "one", "seven", "one"]
    first, row = cache.distinct(texts)
    recipe = CountingRecipe("language", entry(), Path(), options(batch=2), "cpu")
    seen: list[int] = []
    vectors = cache.encode(recipe, iter([str(texts[i]) for i in first]), len(first), 1, seen.append)
    found = cache.spread(vectors, row, 1)
    assert found.matrix[:, 0].tolist() == [3, 5, 0, 3, 5, 3]
    assert found.present.tolist() == [True, True, False, True, True, True]
    assert recipe.encoder.batches == [["one", "three"], ["seven", "seven"]]


def test_a_width_that_is_not_the_registrys() -> None:
    vectors = np.zeros((1, 3), np.float32)
    with pytest.raises(UserError, match=r"width 3, its entry in params\.yaml says 4"):
        cache.spread(vectors, np.array([0]), 4)
    assert cache.spread(vectors, np.array([0, -1]), None).matrix.shape == (2, 3)


def sentences(count: int) -> list[str]:
    """At most a dozen, all different."""
    return [" ".join((WORDS * 3)[i : i + 3 + i % 5]) for i in range(count)]


@pytest.mark.parametrize("number", [0, 2])
def test_no_trace_of_the_number_of_workers(number: int, saved: Saved, entry: Entry) -> None:
    recipe = cache.Recipe("language", entry(), saved("bert")[0], options(views=number), "cpu")
    one, two = (cache.encode(recipe, iter(sentences(11)), 11, workers, int) for workers in (1, 2))
    assert one.shape == (11, 32) and one.tobytes() == two.tobytes()


def test_without_views_the_encoder_itself(saved: Saved, entry: Entry) -> None:
    """Not so much as a second scaling to length one, which could change last bits."""
    recipe = cache.Recipe("language", entry(normalize=True), saved("bert")[0], options(), "cpu")
    assert not isinstance(recipe.load(), views.MeanOfViews) and recipe.augmentation() == {}
    recipe = recipe._replace(options=options(views=1))
    assert isinstance(recipe.load(), views.MeanOfViews)


class Exact(cache.Recipe):
    """Vectors are the words' places, whole numbers: no rounding can hide or make a difference."""

    def load(self) -> cache.Encoder:
        return views.MeanOfViews(self.places, views.of_text, self.options, normalize=False)

    @staticmethod
    def places(texts: list[str]) -> torch.Tensor:
        rows = [[text.split().index(word) if word in text else -1 for word in WORDS] for text in texts]
        return torch.tensor(rows, dtype=torch.float32)


@given(st.permutations(range(12)), st.integers(1, 13))
def test_views_depend_neither_on_the_order_nor_on_the_batch(order: list[int], length: int) -> None:
    entry = PARAMS.encoders.language["bert"]
    assert entry is not None
    texts = sentences(12)
    recipe = Exact("language", entry, Path(), options(views=3), "cpu")
    wanted = cache.encode(recipe, iter(texts), 12, 1, int)
    assert not np.array_equal(wanted, Exact.places(texts).numpy()), "the views differ from the originals"
    recipe = Exact("language", entry, Path(), options(views=3, batch=length), "cpu")
    found = cache.encode(recipe, iter([texts[i] for i in order]), 12, 1, int)
    assert np.array_equal(found, wanted[order])


def test_another_order_and_batch_change_no_more_than_last_bits(saved: Saved, entry: Entry) -> None:
    recipe = cache.Recipe("language", entry(), saved("bert")[0], options(views=2), "cpu")
    wanted = cache.encode(recipe, iter(sentences(11)), 11, 1, int)
    recipe = recipe._replace(options=options(views=2, batch=3))
    found = cache.encode(recipe, iter(sentences(11)[::-1]), 11, 1, int)[::-1]
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_damaged_file_ends_with_one_message(workers: int, saved: Saved, entry: Entry) -> None:
    folder, _ = saved("bert")
    (folder / "model.safetensors").write_bytes(b"damaged" * 9)
    recipe = cache.Recipe("language", entry(), folder, options(batch=1), "cpu")
    with pytest.raises(UserError, match=r"bert: cannot be loaded as an encoder in Hugging Face layout"):
        cache.encode(recipe, iter(["red", "blue"]), 2, workers, int)


def test_nothing_to_encode(entry: Entry) -> None:
    recipe = cache.Recipe("language", entry(), Path("unread"), options(), "cpu")
    vectors = cache.encode(recipe, iter([]), 0, 1, int)
    assert cache.spread(vectors, np.array([-1, -1]), 5).matrix.tolist() == [[0.0] * 5] * 2
