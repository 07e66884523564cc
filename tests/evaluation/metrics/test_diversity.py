"""Diversity against loops over pairs."""

import itertools

import numpy as np
import pytest

from fusionrec.evaluation.metrics import diversity


def test_equals_the_mean_over_pairs_at_each_cut_off() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(20, 5))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    lists = np.stack([rng.permutation(20)[:6] for _ in range(4)])
    found = diversity.intra_list(lists, vectors, [2, 6, 9])
    for column, k in enumerate([2, 6, 6]):
        expected = [
            np.mean([1 - vectors[a] @ vectors[b] for a, b in itertools.combinations(row[:k], 2)])
            for row in lists
        ]
        np.testing.assert_allclose(found[:, column], expected, atol=1e-6)


def test_items_without_a_vector_are_left_out() -> None:
    vectors = np.array([[1, 0], [0, 1], [0, 0]], np.float32)
    found = diversity.intra_list(np.array([[0, 1, 2], [0, 2, -1]]), vectors, [3])
    assert found[0] == 1 and np.isnan(found[1]), "one item is no pair"


def test_identical_items_have_none() -> None:
    vectors = np.array([[1, 0], [1, 0]], np.float32)
    assert diversity.intra_list(np.array([[0, 1]]), vectors, [2])[0] == pytest.approx(0)


def test_chunks_of_users_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    vectors = diversity.content_vectors([rng.normal(size=(30, 8)).astype(np.float32)], 30)
    lists = np.stack([rng.permutation(30)[:5] for _ in range(17)])
    whole = diversity.intra_list(lists, vectors, [3, 5])
    monkeypatch.setattr(diversity, "CHUNK", 4)
    assert np.array_equal(diversity.intra_list(lists, vectors, [3, 5]), whole)


def test_content_vectors_have_length_one_or_zero() -> None:
    vision = np.array([[3, 4], [0, 0], [0, 0]], np.float32)
    language = np.array([[2], [5], [0]], np.float32)
    vectors = diversity.content_vectors([vision, language], len(vision))
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), [1, 1, 0], rtol=1e-6)
    np.testing.assert_allclose(vectors[0], np.array([0.6, 0.8, 1]) / np.sqrt(2), rtol=1e-6)


def test_short_vectors_are_lengthened() -> None:
    vectors = diversity.content_vectors([np.array([[0.03, 0.04]], np.float32)], 1)
    np.testing.assert_allclose(vectors, [[0.6, 0.8]], rtol=1e-6)


def test_no_users() -> None:
    assert diversity.intra_list(np.zeros((0, 3), np.int64), np.ones((2, 1), np.float32), [1, 2]).shape == (
        0,
        2,
    )


def test_without_modalities_no_vector_says_anything() -> None:
    vectors = diversity.content_vectors([], 2)
    assert vectors.shape == (2, 0) and vectors.dtype == np.float32
    assert np.isnan(diversity.intra_list(np.array([[0, 1]]), vectors, [2])).all()
