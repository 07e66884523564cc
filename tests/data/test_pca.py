"""Principal axes by hand, and against scikit-learn."""

import numpy as np
import torch
from sklearn.decomposition import PCA

from fusionrec.data.pca import principal_axes


def test_by_hand() -> None:
    variances, axes = principal_axes(
        torch.tensor([[0.0, -3], [0, 3], [-1, 0], [1, 0]], dtype=torch.float64), 1
    )
    assert variances.tolist() == [18, 2] and axes.tolist() == [[0], [1]], "the largest entry is positive"


def test_agrees_with_scikit_learn() -> None:
    x = np.random.default_rng(0).standard_normal((50, 6))
    x -= x.mean(0)
    variances, axes = principal_axes(torch.from_numpy(x), 3)
    oracle = PCA(3).fit(x)
    np.testing.assert_allclose(variances[:3] / 49, oracle.explained_variance_)
    np.testing.assert_allclose(np.abs(axes.T), np.abs(oracle.components_), rtol=1e-7)
