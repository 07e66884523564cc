"""Inputs of the model: PCA sees train items only; absent stays absent."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from fusionrec.data.content import reduce
from fusionrec.data.features import Features

RNG = np.random.default_rng(0)
MATRIX = RNG.normal(size=(40, 6)).astype(np.float32) * np.array([9, 5, 3, 1, 1, 1], np.float32)
PRESENT = np.arange(40) != 7
TRAINED = np.arange(40) < 30


def features() -> Features:
    return Features(MATRIX * PRESENT[:, None], PRESENT)


def test_pca_agrees_with_scikit_learn_up_to_sign_and_scale() -> None:
    ours = reduce(features(), TRAINED, 3)
    fitted = PCA(3).fit(MATRIX[PRESENT & TRAINED])
    theirs = fitted.transform(MATRIX)
    for column in range(3):
        correlation = np.corrcoef(ours[PRESENT, column], theirs[PRESENT, column])[0, 1]
        assert abs(correlation) == pytest.approx(1, abs=1e-5)
    assert np.square(ours[PRESENT & TRAINED]).mean() == pytest.approx(1, rel=1e-5)


def test_absent_items_are_zero() -> None:
    assert not reduce(features(), TRAINED, 3)[7].any()


def test_items_outside_train_change_nothing() -> None:
    other = MATRIX.copy()
    other[30:] = 100
    ours = reduce(features(), TRAINED, 3)[:30]
    np.testing.assert_array_equal(ours, reduce(Features(other * PRESENT[:, None], PRESENT), TRAINED, 3)[:30])


@pytest.mark.parametrize("components", [0, 6, 99])
def test_whole_vectors_are_only_centred_and_scaled(components: int) -> None:
    ours = reduce(features(), TRAINED, components)
    assert ours.shape == MATRIX.shape
    centred = MATRIX - MATRIX[PRESENT & TRAINED].mean(0)
    np.testing.assert_allclose(ours[0] / ours[0, 0], centred[0] / centred[0, 0], rtol=1e-4)


def test_a_modality_that_is_off_has_no_width() -> None:
    off = Features(np.zeros((40, 0), np.float32), np.zeros(40, bool))
    assert reduce(off, TRAINED, 3).shape == (40, 0)
