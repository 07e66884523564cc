"""Piecewise linear numbers, against their definition."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.linear_model import LinearRegression

from fusionrec.data.piecewise import encode, fit


def test_by_hand() -> None:
    values = np.array([0.0, 1.0, 3.0, 2.0, 9.0])
    encoded = encode(values, fit(values[:3], 2))
    whole = np.array([[0, 0], [1, 0], [1, 1], [1, 0.5], [1, 1]])
    np.testing.assert_allclose(encoded, whole - whole[:3].mean(0), atol=1e-6)


@given(
    arrays(np.float32, st.integers(2, 30), elements=st.floats(-100, 100, width=32)),
    st.integers(1, 8),
)
def test_order_is_kept_and_others_change_nothing(values: np.ndarray, bins: int) -> None:
    known = len(values) // 2 + 1
    pieces = fit(values[:known], bins)
    encoded = encode(values, pieces)
    assert encoded.shape[1] <= bins
    ordered = encoded[np.argsort(values, kind="stable")]
    assert (np.diff(ordered, axis=0) >= -1e-6).all()
    assert np.abs(encoded[:known].mean(0)).max(initial=0) < 1e-5
    np.testing.assert_array_equal(encode(values[-1:], pieces), encoded[-1:])


def test_a_constant_says_nothing() -> None:
    assert encode(np.ones(4), fit(np.ones(4), 8)).shape == (4, 0)


def test_a_linear_layer_can_bend() -> None:
    x = np.linspace(-1, 1, 400)
    encoded = encode(x, fit(x, 32))
    assert LinearRegression().fit(encoded, np.abs(x)).score(encoded, np.abs(x)) > 0.999
    assert LinearRegression().fit(x[:, None], np.abs(x)).score(x[:, None], np.abs(x)) < 0.01
