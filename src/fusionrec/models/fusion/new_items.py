"""Scores of items without a train interaction, in closed form, from their contents.

Who would choose an item is predicted from its contents by kernel ridge regression. What is predicted for a train item
is its column of X P: the choices X of all users, smoothed (see `fusionrec.models.fusion.smoothing`), each column i
divided by n_i^popularity, for its number of choices n_i. The popularity itself is predicted by a regression of log n,
and multiplied again. So a user with the history x, and an item with the Gaussian kernels φ with the train items, have

    h = x P A φ / |x| · exp(popularity · g φ),  A = (K + l2 I)⁻¹,

where K are the kernels of the train items, and g the coefficients of the second regression. With many items, a sample
of them, `anchors`, spans the kernel (Nyström; Williams and Seeger, NIPS 2000). h is an inner product of a vector of the
user and one of the item. Both are cut to the `dim` directions in which the users' vectors are longest.
"""

import numpy as np
import torch
from scipy.linalg import cholesky, eigh, solve_triangular
from torch import nn

from fusionrec.data.histories import Histories
from fusionrec.data.item_inputs import ItemInputs
from fusionrec.models.content_features import ContentFeatures, WeightedInputs, widths
from fusionrec.models.contract import ModelData
from fusionrec.models.fusion import input_weights, smoothing
from fusionrec.models.fusion.smoothing import Smoother, Smoothing
from fusionrec.models.interaction_matrix import matrix
from fusionrec.models.kernel import gaussian, median_distance
from fusionrec.params import Count, Fraction, Positive

JITTER = 1e-6  # added to the diagonal of kernels, which are singular where items have the same contents
CHUNK = 4096  # users at a time
ITEMS, USERS = 800, 300  # a random sample of them, on which the weights of inputs are chosen


class Regression(WeightedInputs):
    """Parameters of the regression from contents; see the module.

    Inputs without one of `weights` have the weight with which train items are predicted best (see
    `fusionrec.models.fusion.input_weights`); so has the bandwidth, relative to the median distance: the search begins
    at `bandwidth`.
    """

    bandwidth: Positive
    l2: Positive
    popularity: Fraction
    dim: Count
    anchors: Count
    smoothing: Smoothing


class NewItems(nn.Module):
    """See the module.

    Attributes:
        features: the contents of items as features.
        anchors: float32 [m, width], features of the items that span the kernel.
        bandwidth: float64 [].
        history: float32 [items, dim]: a user's vector is the mean over the history.
        coefficients: float32 [m, dim], map φ to the item's vector.
        popularity: float32 [m], map φ to the logarithm of its predicted popularity, times the exponent.
        mean: float32 [dim], the mean of the users' vectors.
    """

    anchors: torch.Tensor
    bandwidth: torch.Tensor
    history: torch.Tensor
    coefficients: torch.Tensor
    popularity: torch.Tensor
    mean: torch.Tensor

    def __init__(self, options: Regression, data: ModelData):
        super().__init__()
        self.options = options
        known = widths(data.content, data.category_values)
        self.fixed = {name: weight for name, weight in options.weights.items() if name in known}
        self.features = ContentFeatures(
            "model.fusion.regression", data.content, data.category_values, self.fixed
        )
        anchors = min(int(data.content.trained.sum()), options.anchors)
        dim = min(options.dim, anchors)
        self.register_buffer("anchors", torch.zeros(anchors, self.features.width))
        self.register_buffer("bandwidth", torch.ones((), dtype=torch.float64))
        self.register_buffer("history", torch.zeros(data.items, dim))
        self.register_buffer("coefficients", torch.zeros(anchors, dim))
        self.register_buffer("popularity", torch.zeros(anchors))
        self.register_buffer("mean", torch.zeros(dim))

    def fit(self, content: ItemInputs, train: Histories) -> "LeftOut":
        """Compute all weights; what is returned predicts train items as if they were new."""
        o, known = self.options, content.trained.cpu().numpy()
        counts = np.bincount(train.items, minlength=len(known)).astype(np.float64)
        log = torch.from_numpy(counts[known]).log().numpy()
        log = o.popularity * (log - log.mean())
        smoother = smoothing.fit(train, known, torch.from_numpy(-log).exp().numpy(), o.smoothing)
        features = self._features(content, train, smoother, log)
        basis = Basis(
            gaussian(self.anchors, self.anchors, self.bandwidth).cpu().numpy(),
            gaussian(self.anchors, features, self.bandwidth).cpu().numpy(),
            o.l2,
        )
        rows = smoother.times(basis.design.T)
        directions = eigh(_gram(train, known, rows))[1][:, ::-1][:, : self.history.shape[1]]

        history = np.zeros((len(known), directions.shape[1]))
        history[known] = rows @ directions
        self.history.copy_(torch.from_numpy(history))
        self.mean.copy_(self.users(np.flatnonzero(train.counts), train).double().mean(0))
        self.coefficients.copy_(torch.from_numpy(basis.back(directions)))
        self.popularity.copy_(torch.from_numpy(basis.back(basis.design @ log)))
        return LeftOut(known, smoother, rows, basis.design, log)

    def _features(
        self, content: ItemInputs, train: Histories, smoother: Smoother, log: np.ndarray
    ) -> torch.Tensor:
        """Choose the weights of inputs and fit the features; returns those of train items, float32 [n, width]."""
        o, known = self.options, content.trained.cpu().numpy()
        self.features.weights = dict.fromkeys(self.features.widths, 1.0)
        self.features.fit(content)
        features = self.features(content)[content.trained]
        items = _sample(len(features), ITEMS)
        chosen = matrix(train, _sample(np.flatnonzero(train.counts), USERS), len(known))[:, known]
        given = input_weights.example(
            self.features.by_input(features[items]),
            smoother.of(chosen)[:, items],
            chosen[:, items].toarray() > 0,
            log[items],
            o.l2,
        )
        found = input_weights.choose(given, self.fixed, o.bandwidth)
        self.features.weights = {name: found[name] for name in self.features.widths}
        self.features.fit(content)
        features = self.features(content)[content.trained]
        self.anchors.copy_(features[_sample(len(features), len(self.anchors))])
        median = median_distance(self.anchors)
        self.bandwidth.fill_(found[input_weights.BANDWIDTH] * median if median > 0 else 1.0)
        return features

    def vectors(self, content: ItemInputs) -> torch.Tensor:
        """float32 [n, dim]: vectors of any items."""
        kernels = gaussian(self.features(content), self.anchors, self.bandwidth).float()
        return (kernels @ self.coefficients) * (kernels @ self.popularity).exp()[:, None]

    def users(self, users: np.ndarray, past: Histories) -> torch.Tensor:
        """float32 [n, dim]: vectors of `users`, int64 [n]: means over the train items of their whole histories.

        Users without such an item have the mean of all users.
        """
        chosen = matrix(past, users, len(self.history)).astype(np.float32)
        history = self.history.cpu().numpy()
        sums = torch.from_numpy(chosen @ history)
        size = torch.from_numpy(chosen @ history.any(1).astype(np.float32))[:, None]
        return torch.where(size > 0, sums / size.clamp(min=1), self.mean.cpu()).to(self.history.device)


class Basis:
    """Ridge regression on Gaussian kernels with some items, the anchors.

    Args:
        kernel: float64 [m, m], of the anchors.
        kernels: float64 [m, n], of the anchors and all train items.
        l2: strength of the regularisation.

    Attributes:
        design: float64 [m, n]: the regression predicts the rows of T, [users, n], as T designᵀ design.
    """

    def __init__(self, kernel: np.ndarray, kernels: np.ndarray, l2: float):
        kernel[np.diag_indices_from(kernel)] += JITTER
        self.root = cholesky(kernel, lower=True)
        spanned = solve_triangular(self.root, kernels, lower=True)
        ridge = spanned @ spanned.T
        ridge[np.diag_indices_from(ridge)] += l2
        self.second = cholesky(ridge, lower=True)
        self.design: np.ndarray = solve_triangular(self.second, spanned, lower=True)

    def back(self, weights: np.ndarray) -> np.ndarray:
        """Weights of rows of `design`, [m, ...], as coefficients of kernels with the anchors."""
        inner = solve_triangular(self.second, weights, lower=True, trans="T")
        found: np.ndarray = solve_triangular(self.root, inner, lower=True, trans="T")
        return found


class LeftOut:
    """Predictions for train items, each from all others: what the regression would say of them if they were new."""

    def __init__(
        self, known: np.ndarray, smoother: Smoother, rows: np.ndarray, design: np.ndarray, log: np.ndarray
    ):
        self.known, self.smoother, self.rows, self.design = known, smoother, rows, design
        self.hat = (design**2).sum(0)
        left = input_weights.of_others((design @ log) @ design, log, self.hat)
        self.popularity = torch.from_numpy(left).exp().numpy()

    def scores(self, users: np.ndarray, past: Histories) -> torch.Tensor:
        """float64 [n, train items]: h of `users`, int64 [n]."""
        chosen = matrix(past, users, len(self.known))[:, self.known]
        said, truth = (chosen @ self.rows) @ self.design, self.smoother.of(chosen)
        size = np.maximum(chosen.sum(1), 1)[:, None]
        found = input_weights.of_others(said, truth, self.hat) * self.popularity / size
        return torch.from_numpy(found)


def _gram(train: Histories, known: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """float64 [m, m]: rowsᵀ Xᵀ X rows, for the choices X of all users and `rows`, [train items, m]."""
    total = np.zeros((rows.shape[1], rows.shape[1]))
    for start in range(0, len(train), CHUNK):
        users = np.arange(start, min(start + CHUNK, len(train)))
        part = matrix(train, users, len(known))[:, known] @ rows
        total += part.T @ part
    return total


def _sample(rows: int | np.ndarray, most: int) -> np.ndarray:
    """int64 [most]: all of `rows`, or of the first so many integers, or a random sample of them, ascending."""
    return np.sort(np.random.default_rng(0).permutation(rows)[:most])
