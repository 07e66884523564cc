"""Neighbours and the plane: by hand on a few vectors, then against scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.preprocessing import normalize

from fusionrec.data.encoder_vectors import EncoderVectors
from fusionrec.encoders import geometry


def features(matrix: object, absent: tuple[int, ...] = ()) -> EncoderVectors:
    vectors = np.array(matrix, np.float32)
    present = ~np.isin(np.arange(len(vectors)), absent)
    return EncoderVectors(vectors * present[:, None], present)


def random(items: int, width: int, seed: int = 0, absent: tuple[int, ...] = ()) -> EncoderVectors:
    scale = np.linspace(3, 1, width)  # no two principal components are alike
    return features(np.random.default_rng(seed).normal(0.5, 1, (items, width)) * scale, absent)


def test_the_nearest_by_hand() -> None:
    wheel = features([[1, 0], [5, 5], [0, 1], [-1, 0], [2, 0], [9, 9]], absent=(5,))
    found = geometry.nearest(wheel, np.array([0, 2]), 3)
    assert found.items.tolist() == [[4, 1, 2], [1, 0, 3]]  # of three at 90 degrees the earlier ones
    root = np.sqrt(0.5)
    np.testing.assert_allclose(found.cosines, [[1, root, 0], [root, 0, 0]], atol=1e-6)
    np.testing.assert_allclose(found.medians, [root / 2, 0], atol=1e-6)


def test_copies_have_cosine_1_and_keep_the_order_of_the_items() -> None:
    once = random(50, 33)
    thrice = EncoderVectors(np.tile(once.matrix, (3, 1)), np.ones(150, bool))
    found = geometry.nearest(thrice, np.array([60]), 2)
    assert found.items.tolist() == [[10, 110]] and (found.cosines == 1).all()


@given(st.integers(2, 30), st.integers(0, 9), st.integers(1, 40))
def test_neighbours_agree_with_scikit_learn(items: int, seed: int, count: int) -> None:
    matrix = random(items, 4, seed)
    query = seed % items
    found = geometry.nearest(matrix, np.array([query]), count)
    cosines = np.delete(cosine_similarity(matrix.matrix.astype(float))[query], query)
    np.testing.assert_allclose(found.cosines[0], np.sort(cosines)[::-1][:count], atol=1e-6)
    assert found.medians[0] == pytest.approx(np.median(cosines), abs=1e-6)
    assert query not in found.items and len(set(found.items[0])) == min(count, items - 1)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = random(40, 6, absent=(3, 39))
    whole = geometry.nearest(matrix, np.array([0, 9]), 5), geometry.plane(matrix)[0]
    monkeypatch.setattr(geometry, "BLOCK", 7)
    parts = geometry.nearest(matrix, np.array([0, 9]), 5), geometry.plane(matrix)[0]
    np.testing.assert_array_equal(whole[0].items, parts[0].items)
    np.testing.assert_allclose(whole[1], parts[1], atol=1e-12)


def test_queries_are_present_distinct_and_at_even_steps() -> None:
    assert geometry.spread(random(12, 5, absent=(0, 1)), 5).tolist() == [2, 4, 6, 8, 10]
    assert geometry.spread(random(3, 5), 8).tolist() == [0, 1, 2]
    copies = features([[1, 2], [1, 2], [3, 1], [1, 2], [3, 1], [7, 7]], absent=(0,))
    assert geometry.spread(copies, 8).tolist() == [1, 2, 5]
    assert geometry.spread(random(2, 5, absent=(0, 1)), 8).tolist() == []


@pytest.mark.parametrize("sample", [1000, 20])
def test_the_plane_agrees_with_scikit_learn(monkeypatch: pytest.MonkeyPatch, sample: int) -> None:
    monkeypatch.setattr(geometry, "SAMPLE", sample)
    matrix = random(41, 6, absent=(7,))
    points, shares = geometry.plane(matrix)
    vectors = normalize(matrix.matrix[matrix.present].astype(float))
    theirs = PCA(2).fit(vectors[:: 1 if sample > 40 else 2])
    expected = theirs.transform(vectors)
    signs = np.sign((points[matrix.present] * expected).sum(0))
    np.testing.assert_allclose(points[matrix.present] * signs, expected, atol=1e-9)
    np.testing.assert_allclose(shares, theirs.explained_variance_ratio_, atol=1e-9)
    assert not points[7].any()


@pytest.mark.parametrize("seed", range(5))
def test_the_largest_entry_of_a_component_is_positive(seed: int) -> None:
    matrix = random(40, 6, seed)
    points, _ = geometry.plane(matrix)
    components = normalize(matrix.matrix.astype(float)).T @ points  # [width, 2], up to their lengths
    largest = np.abs(components).argmax(0)
    assert (components[largest, [0, 1]] > 0).all()


def test_equal_vectors_have_no_variance() -> None:
    points, shares = geometry.plane(features([[1, 2, 2]] * 5))
    np.testing.assert_allclose(points, 0, atol=1e-9)
    assert np.isfinite(shares).all()
