"""Inputs of the model: PCA is fitted on train items only; absent inputs stay absent."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.decomposition import PCA

from fusionrec import sections
from fusionrec.data import attributes, item_inputs
from fusionrec.data.encoder_vectors import EncoderVectors
from fusionrec.data.item_inputs import fit_tokens, fit_vectors, reduce, reduce_tokens
from fusionrec.data.reduction import fit_reduction

from ..catalogue import contents

ROOT = Path(__file__).resolve().parents[2]
RNG = np.random.default_rng(0)
MATRIX = RNG.normal(size=(40, 6)).astype(np.float32) * np.array([9, 5, 3, 1, 1, 1], np.float32)
PRESENT = np.arange(40) != 7
TRAINED = np.arange(40) < 30


def features() -> EncoderVectors:
    return EncoderVectors(MATRIX * PRESENT[:, None], PRESENT)


def cut(found: EncoderVectors, trained: np.ndarray, components: int) -> np.ndarray:
    reduction = fit_vectors(found, trained, components)
    assert reduction is not None
    return reduce(found, reduction)


def cut_tokens(found: EncoderVectors, trained: np.ndarray, components: int) -> np.ndarray:
    return reduce_tokens(found, fit_tokens(found, trained, components))


def test_pca_agrees_with_scikit_learn_up_to_sign_and_scale() -> None:
    ours = cut(features(), TRAINED, 3)
    fitted = PCA(3).fit(MATRIX[PRESENT & TRAINED])
    theirs = fitted.transform(MATRIX)
    for column in range(3):
        correlation = np.corrcoef(ours[PRESENT, column], theirs[PRESENT, column])[0, 1]
        assert abs(correlation) == pytest.approx(1, abs=1e-5)
    assert np.square(ours[PRESENT & TRAINED]).mean() == pytest.approx(1, rel=1e-5)


def test_of_many_vectors_some_are_fitted_evenly_spaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(item_inputs, "FITTED_VECTORS", 10)  # of 29: each third one
    some = fit_vectors(features(), TRAINED, 3)
    every_third = np.isin(np.arange(40), np.flatnonzero(PRESENT & TRAINED)[::3])
    expected = fit_vectors(EncoderVectors(MATRIX, every_third), TRAINED, 3)
    assert some is not None and expected is not None
    assert torch.equal(some.mean, expected.mean) and torch.equal(some.basis, expected.basis)  # type: ignore[arg-type]


def test_absent_items_are_zero() -> None:
    assert not cut(features(), TRAINED, 3)[7].any()


def test_items_outside_train_change_nothing() -> None:
    other = MATRIX.copy()
    other[30:] = 100
    ours = cut(features(), TRAINED, 3)[:30]
    np.testing.assert_array_equal(
        ours, cut(EncoderVectors(other * PRESENT[:, None], PRESENT), TRAINED, 3)[:30]
    )


@pytest.mark.parametrize("components", [0, 6, 99])
def test_whole_vectors_are_only_centred_and_scaled(components: int) -> None:
    ours = cut(features(), TRAINED, components)
    assert ours.shape == MATRIX.shape
    centred = MATRIX - MATRIX[PRESENT & TRAINED].mean(0)
    np.testing.assert_allclose(ours[0] / ours[0, 0], centred[0] / centred[0, 0], rtol=1e-4)


def test_nothing_is_fitted_on_a_modality_that_is_off() -> None:
    off = EncoderVectors(np.zeros((40, 0), np.float32), np.zeros(40, bool))
    assert fit_vectors(off, TRAINED, 3) is None


def test_where_all_are_alike_nothing_is_scaled() -> None:
    alike = EncoderVectors(np.ones((40, 3), np.float32), np.ones(40, bool))
    assert not cut(alike, TRAINED, 0).any(), "and nothing is NaN"


TOKENS = RNG.normal(size=(40, 3, 6)).astype(np.float32) * np.array([9, 5, 3, 1, 1, 1], np.float32)
THERE = PRESENT[:, None] & ((np.arange(40)[:, None] % 3 > 0) | (np.arange(3) < 2))  # every third item has two


def with_tokens(tokens: np.ndarray = TOKENS) -> EncoderVectors:
    return EncoderVectors(MATRIX * PRESENT[:, None], PRESENT, tokens * THERE[:, :, None])


def test_tokens_are_cut_as_vectors_are() -> None:
    flat = EncoderVectors((TOKENS * THERE[:, :, None]).reshape(-1, 6), THERE.reshape(-1))
    expected = cut(flat, np.repeat(TRAINED, 3), 2).reshape(40, 3, 2)
    ours = cut_tokens(with_tokens(), TRAINED, 2)
    np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-5)
    assert np.array_equal(ours.any(2), THERE), "a token that an item has not is zero"
    assert np.square(ours[TRAINED[:, None] & THERE]).mean() == pytest.approx(1, rel=1e-5)


def test_tokens_of_items_outside_train_change_nothing() -> None:
    other = TOKENS.copy()
    other[30:] = 100
    np.testing.assert_array_equal(
        cut_tokens(with_tokens(other), TRAINED, 2)[:30], cut_tokens(with_tokens(), TRAINED, 2)[:30]
    )


def test_many_tokens_are_fitted_on_some_and_taken_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    some = np.flatnonzero((THERE & TRAINED[:, None]).reshape(-1))[::3]
    expected = fit_reduction(with_tokens().tokens.reshape(-1, 6)[some], 2)
    monkeypatch.setattr(item_inputs, "FITTED_TOKENS", (len(some) * 3 - 2) // 2 - 1)
    monkeypatch.setattr(item_inputs, "CHUNK", 7)
    ours = cut_tokens(with_tokens(), TRAINED, 2)
    whole = expected.apply(torch.from_numpy(TOKENS.reshape(-1, 6))).reshape(40, 3, 2).numpy()
    np.testing.assert_allclose(ours, whole * THERE[:, :, None], rtol=1e-4, atol=1e-5)


def test_without_tokens_there_are_none() -> None:
    assert cut_tokens(features(), TRAINED, 2).shape == (40, 0, 0)
    assert cut_tokens(with_tokens(), np.zeros(40, bool), 2).shape == (40, 0, 0), "nothing to fit on"
    off = EncoderVectors(np.zeros((40, 0)), np.zeros(40, bool), np.zeros((40, 0, 0), np.float32))
    assert cut_tokens(off, TRAINED, 2).shape == (40, 0, 0)


@given(
    bags=st.lists(st.lists(st.integers(0, 9), max_size=3), min_size=1, max_size=6),
    order=st.randoms(use_true_random=False),
)
def test_taking_rows_takes_their_values(bags: list[list[int]], order) -> None:  # type: ignore[no-untyped-def]
    items = len(bags)
    numbered = torch.arange(items)
    inputs = contents(
        items,
        vision=numbered[:, None].float(),
        vision_present=numbered % 2 == 0,
        vision_tokens=numbered[:, None, None].float(),
        audio=numbered[:, None].float() * 2,
        numbers=numbered[:, None].float() * 3,
        category_offsets=torch.tensor([0, *np.cumsum([len(bag) for bag in bags])]),
        category_values=torch.tensor([value for bag in bags for value in bag], dtype=torch.int64),
        trained=numbered % 5 == 0,
    )
    rows = order.sample(range(items), order.randint(0, items))
    taken = inputs.take(torch.tensor(rows, dtype=torch.int64))
    vectors, present, tokens = taken.modalities["vision"]
    assert vectors[:, 0].tolist() == tokens[:, 0, 0].tolist() == rows
    assert [*taken.modalities] == ["vision", "audio"]
    assert taken.modalities["audio"].vectors[:, 0].tolist() == [2 * row for row in rows]
    assert taken.numbers[:, 0].tolist() == [3 * row for row in rows]
    assert present.tolist() == [row % 2 == 0 for row in rows]
    assert taken.trained.tolist() == [row % 5 == 0 for row in rows]
    ends = taken.category_offsets.tolist()
    assert ends[0] == 0 and len(ends) == len(rows) + 1
    assert [taken.category_values[start:end].tolist() for start, end in pairwise(ends)] == [
        bags[row] for row in rows
    ]
    cut: list[list[int]] = [rows[:2], rows[2:], []]
    parts = [inputs.take(torch.tensor(part, dtype=torch.int64)) for part in cut]
    for name, tensor in item_inputs.joined(parts).tensors().items():
        assert tensor.equal(taken.tensors()[name]), name


@pytest.mark.parametrize("components", [0, 3])
def test_a_fitted_reduction_gives_the_same_for_single_items(components: int) -> None:
    reduction = fit_reduction(MATRIX[PRESENT & TRAINED], components)
    some = reduction.apply(torch.from_numpy(MATRIX[[2, 35]])).numpy()
    np.testing.assert_allclose(some, cut(features(), TRAINED, components)[[2, 35]], rtol=0, atol=1e-6)


ITEMS = pd.DataFrame(
    {
        "number_year": [1.0, 2.0, 3.0, np.nan, 9.0],
        "category_genre": [["a"], ["a", "b"], ["b"], [], ["c"]],
    }
)
SOME = EncoderVectors(MATRIX[:5], np.array([True, True, True, False, True]))
KNOWN = np.array([True, True, True, True, False])


@pytest.mark.parametrize("bins", [0, 2])
def test_an_item_has_its_inputs_whoever_is_beside_it(bins: int) -> None:
    p = sections.load(ROOT / "params.yaml")
    scalers = attributes.fit(ITEMS, KNOWN, p.splits)
    both = {"vision": SOME, "language": SOME}
    fitted = item_inputs.fit(ITEMS, scalers, both, KNOWN, pca=2, number_bins=bins, with_tokens=False)
    whole = item_inputs.assemble(ITEMS, both, KNOWN, fitted)
    assert fitted.category_values == 3 and (fitted.bins is None) == (bins == 0)
    assert whole.numbers.shape == (5, 1 + (bins or 1)) and whole.modalities["vision"].vectors.shape == (5, 2)
    for row in range(5):
        alone = EncoderVectors(SOME.matrix[[row]], SOME.present[[row]])
        one = item_inputs.assemble(ITEMS.iloc[[row]], dict.fromkeys(both, alone), KNOWN[[row]], fitted)
        for name, theirs in whole.take(torch.tensor([row])).tensors().items():
            torch.testing.assert_close(one.tensors()[name], theirs, rtol=0, atol=1e-6, msg=name)


def test_nothing_is_fitted_on_items_outside_train() -> None:
    p = sections.load(ROOT / "params.yaml")
    other = ITEMS.copy()
    other.loc[4, "number_year"] = -50.0
    matrix = SOME.matrix.copy()
    matrix[4] = 100
    inputs = []
    for items, vectors in ((ITEMS, SOME), (other, EncoderVectors(matrix, SOME.present))):
        scalers = attributes.fit(items, KNOWN, p.splits)
        both = {"vision": vectors, "language": vectors}
        fitted = item_inputs.fit(items, scalers, both, KNOWN, pca=2, number_bins=2, with_tokens=False)
        inputs.append(item_inputs.assemble(items, both, KNOWN, fitted).take(torch.arange(4)).tensors())
    assert inputs[0].keys() == inputs[1].keys()
    for name, ours in inputs[0].items():
        assert torch.equal(ours, inputs[1][name]), name
