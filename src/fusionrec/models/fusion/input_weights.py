"""How much each input counts in a Gaussian kernel of items, chosen on the train items themselves.

Each train item is predicted from all others, by the ridge regression in `fusionrec.models.fusion.new_items`. The
weights are those with which users' own items come first in such predictions, by NDCG@10. They are found by coordinate
ascent: the weight of one input, or the bandwidth, is multiplied by each of `FACTORS`, the best is kept, and then comes
the next one, until nothing is better. It needs no validation part. Users' own items are predicted better than new items
will be, since the smoothed choices of similar items know of them; but the same weights are best for both.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from scipy.linalg import inv

from fusionrec.evaluation.metrics import accuracy
from fusionrec.models.kernel import squared_distances

FACTORS = 0.5, 0.7, 1.4, 2.0
ROUNDS = 3  # over all inputs, at most
LEAST = 0.01  # a gain that counts; smaller ones are noise
CUT = 10  # the cut-off of NDCG
BANDWIDTH = "bandwidth"


class Example(NamedTuple):
    """What weights are chosen on.

    Attributes:
        distances: float64 [n, n] by input: squared distances of the items.
        truth: float64 [users, n], smoothed choices.
        chosen: bool [users, n], the users' own items.
        log: float64 [n], logarithm of the popularity, times its exponent.
        l2: strength of the regularisation.
    """

    distances: dict[str, np.ndarray]
    truth: np.ndarray
    chosen: np.ndarray
    log: np.ndarray
    l2: float


def example(
    blocks: Mapping[str, torch.Tensor], truth: np.ndarray, chosen: np.ndarray, log: np.ndarray, l2: float
) -> Example:
    """An `Example` of features, [n, width] by input, for users with items of their own."""
    distances = {name: squared_distances(block, block).cpu().numpy() for name, block in blocks.items()}
    some = chosen.any(1)
    return Example(distances, truth[some], chosen[some], log, l2)


def choose(given: Example, fixed: Mapping[str, float], bandwidth: float) -> dict[str, float]:
    """The weights of all inputs, and `BANDWIDTH`, relative to the median distance.

    Args:
        given: what they are chosen on.
        fixed: weights that stay as they are, by input.
        bandwidth: where the search of the bandwidth begins.
    """
    best = {name: fixed.get(name, 1.0) for name in given.distances} | {BANDWIDTH: bandwidth}
    if not len(given.chosen):
        return best
    value = _ndcg(given, best)
    for _ in range(ROUNDS):
        before = best
        for name in [name for name in best if name not in fixed]:
            tried = [best | {name: best[name] * factor} for factor in FACTORS]
            values = [_ndcg(given, weights) for weights in tried]
            if max(values) > value + LEAST:
                best, value = tried[int(np.argmax(values))], max(values)
        if best is before:
            break
    return best


def _ndcg(given: Example, weights: Mapping[str, float]) -> float:
    """Mean NDCG of users' own items among all items, each predicted from all others."""
    scores = left_out(kernel(given.distances, weights), given)
    top = np.argsort(-scores, axis=1, kind="stable")[:, :CUT]
    hits = np.take_along_axis(given.chosen, top, 1)
    return float(accuracy.ndcg(hits, given.chosen.sum(1), CUT).mean())


def kernel(distances: Mapping[str, np.ndarray], weights: Mapping[str, float]) -> np.ndarray:
    """float64 [n, n]: the Gaussian kernel of items; the bandwidth is relative to the median distance."""
    total: np.ndarray = sum(weights[name] ** 2 * each for name, each in distances.items())  # type: ignore[assignment]
    pairs = total[np.triu_indices(len(total), 1)]
    width = weights[BANDWIDTH] ** 2 * (float(np.median(pairs)) if len(pairs) else 1.0)
    return torch.from_numpy(total * (-0.5 / width if width > 0 else 0.0)).exp().numpy()


def of_others(said: np.ndarray, truth: np.ndarray, hat: np.ndarray) -> np.ndarray:
    """What a ridge regression says of each example when it is fitted on all others.

    (f_i - H_ii y_i) / (1 - H_ii), with the predictions f = H y of the regression on all (Hastie et al., The Elements of
    Statistical Learning, section 7.10).

    Args:
        said: float64 [..., n], f.
        truth: float64 [..., n], y.
        hat: float64 [n], the diagonal of H.
    """
    found: np.ndarray = (said - hat * truth) / (1 - hat)
    return found


def left_out(kernel: np.ndarray, given: Example) -> np.ndarray:
    """float64 [users, n]: predictions of each item from all others (see `new_items.LeftOut`)."""
    ridge = kernel.copy()
    ridge[np.diag_indices_from(ridge)] += given.l2
    hat = -given.l2 * inv(ridge, overwrite_a=True, assume_a="pos")
    hat[np.diag_indices_from(hat)] += 1
    own = hat.diagonal()
    popularity = torch.from_numpy(of_others(given.log @ hat, given.log, own)).exp().numpy()
    found: np.ndarray = of_others(given.truth @ hat, given.truth, own) * popularity
    return found
