"""CPU time of all metrics, slices and intervals of one recommender against that of ranking for its users.

Not a test; run it on a quiet machine, from the repository's root: `python tests/benchmarks/evaluation.py`.
"""

import argparse
import os
import sys
import time
from pathlib import Path

os.environ.update({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"})
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))

import numpy as np
import torch

from fusionrec.data import memberships
from fusionrec.data.histories import Histories
from fusionrec.evaluation import protocol as tasks
from fusionrec.evaluation import report, slices
from fusionrec.evaluation.metrics import accuracy, catalogue, diversity, popularity, serendipity

KS, HEADLINE, COLD = [5, 10, 20], ["ndcg@10", "recall@10"], 0.05
FAMILIES = [family.measure for family in (accuracy, popularity, serendipity, diversity, catalogue)]


class Towers:
    """A dot product of random vectors, and popular items."""

    def __init__(self, rng: np.random.Generator, users: int, items: int, width: int):
        self.users = torch.from_numpy(rng.standard_normal((users, width), np.float32))
        self.items = torch.from_numpy(rng.standard_normal((items, width), np.float32))
        self.bias = torch.from_numpy(rng.exponential(5, items).astype(np.float32))

    def score(self, users: np.ndarray, past: Histories) -> torch.Tensor:
        """See `Recommender.score`."""
        return torch.addmm(self.bias, self.users[torch.from_numpy(users)], self.items.T)


def histories(rng: np.random.Generator, users: int, items: int, mean: int) -> Histories:
    """Of `mean` items, give or take; the first ones of the catalogue are chosen more."""
    user = rng.integers(0, users, mean * users)
    key = np.unique(user * items + (items * rng.random(mean * users) ** 2).astype(np.int64))
    return Histories(np.searchsorted(key, np.arange(users + 1) * items), key % items)


def test(rng: np.random.Generator, users: int, items: int, width: int) -> tasks.Task:
    """A task in which some items and users are cold."""
    train = histories(rng, users, int(items * (1 - COLD)), 20)
    held_out = histories(rng, users, items, 3)
    popularity = np.bincount(train.items, minlength=items)
    vectors = rng.standard_normal((items, width), np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return tasks.Task(
        users=np.flatnonzero(held_out.counts),
        past=train,
        held_out=held_out,
        train=train,
        popularity=popularity,
        tail=memberships.tail(popularity, 0.2),
        vectors=vectors,
        tied=rng.random(users) < 0.1,
        candidates=None,
    )


def main() -> None:
    """Print both times and their ratio."""
    parser = argparse.ArgumentParser()
    parser.add_argument("users", type=int, nargs="?", default=100_000)
    parser.add_argument("items", type=int, nargs="?", default=20_000)
    parser.add_argument("--width", type=int, default=128, help="of the towers")
    parser.add_argument("--content", type=int, default=64, help="width of content vectors")
    a = parser.parse_args()
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    towers, task = Towers(rng, a.users, a.items, a.width), test(rng, a.users, a.items, a.content)

    started = time.process_time()
    lists = tasks.rank(towers, task, max(KS)).items
    ranked = time.process_time()
    result = report.full({"model": lists}, task, slices.standard(task), KS, FAMILIES, HEADLINE)
    done = time.process_time()
    parts = sum(len(group) for group in result.slices["model"].values())
    print(
        f"{len(task.users):,} users x {a.items:,} items, {len(result.intervals['model'])} metrics, {parts} slices"
    )
    print(
        f"ranking {ranked - started:.2f} s, report {done - ranked:.2f} s, {(done - ranked) / (ranked - started):.0%}"
    )


if __name__ == "__main__":
    main()
