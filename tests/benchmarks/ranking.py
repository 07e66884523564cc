"""Time of the exact top-100 of 20,000 users x 20,000 items against the bare matrix product.

Not a test; run it on a quiet machine, from the repository's root: `python tests/benchmarks/ranking.py`.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))

import numpy as np
import torch

from fusionrec.data.histories import Histories
from fusionrec.evaluation import ranking

USERS = ITEMS = 20_000
WIDTH, K, HISTORY, REPEATS = 128, 100, 20, 3


class Towers:
    """A dot product of random vectors."""

    def __init__(self, rng: np.random.Generator):
        self.users = torch.from_numpy(rng.standard_normal((USERS, WIDTH), np.float32))
        self.items = torch.from_numpy(rng.standard_normal((ITEMS, WIDTH), np.float32))

    def score(self, users: np.ndarray, past: Histories) -> torch.Tensor:
        """See `Recommender.score`."""
        return self.users[torch.from_numpy(users)] @ self.items.T


def fastest(function: Callable[[], object]) -> float:
    """Seconds of the fastest of a few calls."""
    seconds = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def main() -> None:
    """Print both times and their ratio."""
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    towers, everybody = Towers(rng), np.arange(USERS)
    past = Histories(np.arange(USERS + 1) * HISTORY, rng.integers(0, ITEMS, USERS * HISTORY))
    chunks = np.array_split(everybody, USERS // ranking.CHUNK)
    product = fastest(lambda: [towers.score(chunk, past) for chunk in chunks])
    ranked = fastest(lambda: ranking.top_k(towers, everybody, past, K))
    print(f"product {product:.2f} s, top-{K} {ranked:.2f} s, ratio {ranked / product:.2f}")


if __name__ == "__main__":
    main()
