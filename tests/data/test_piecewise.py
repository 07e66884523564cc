"""Piecewise linear numbers, against their definition."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.linear_model import LinearRegression

from fusionrec.data.piecewise import encode


def test_by_hand() -> None:
    values = np.array([0.0, 1.0, 3.0, 2.0, 9.0])
    fitted_on = np.array([True, True, True, False, False])
    encoded = encode(values, fitted_on, 2)
    whole = np.array([[0, 0], [1, 0], [1, 1], [1, 0.5], [1, 1]])
    np.testing.assert_allclose(encoded, whole - whole[:3].mean(0), atol=1e-6)


@given(
    arrays(np.float32, st.integers(2, 30), elements=st.floats(-100, 100, width=32)),
    st.integers(1, 8),
)
def test_order_is_kept_and_others_change_nothing(values: np.ndarray, bins: int) -> None:
    fitted_on = np.zeros(len(values), bool)
    fitted_on[: len(values) // 2 + 1] = True
    encoded = encode(values, fitted_on, bins)
    assert encoded.shape[1] <= bins
    ordered = encoded[np.argsort(values, kind="stable")]
    assert (np.diff(ordered, axis=0) >= -1e-6).all()
    assert np.abs(encoded[fitted_on].mean(0)).max(initial=0) < 1e-5
    alone = encode(values[fitted_on], np.ones(fitted_on.sum(), bool), bins)
    np.testing.assert_array_equal(alone, encoded[fitted_on])


def test_a_constant_says_nothing() -> None:
    assert encode(np.ones(4), np.ones(4, bool), 8).shape == (4, 0)


def test_a_linear_layer_can_bend() -> None:
    x = np.linspace(-1, 1, 400)
    encoded = encode(x, np.ones(400, bool), 32)
    assert LinearRegression().fit(encoded, np.abs(x)).score(encoded, np.abs(x)) > 0.999
    assert LinearRegression().fit(x[:, None], np.abs(x)).score(x[:, None], np.abs(x)) < 0.01
