"""Time of exact top-k lists without what each user has seen, against the bare product and other libraries.

Not a test; run it on a quiet machine, from the repository's root: `python tests/benchmarks/ranking.py`, or with
`4096 200000` for fewer users and more items. All in one process and on one thread; needs `implicit` and
`faiss-cpu`, and leaves out what is not installed.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path

os.environ.update({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"})
os.environ["THP_MEM_ALLOC_ENABLE"] = "1"  # torch: large tensors in huge pages, for every way alike
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))

import numpy as np
import torch

from fusionrec.data.histories import Histories
from fusionrec.evaluation import catalogue_ranking


class Towers:
    """A dot product of random vectors."""

    def __init__(self, users: np.ndarray, items: np.ndarray):
        self.users, self.items = torch.from_numpy(users), torch.from_numpy(items)

    def score(self, users: np.ndarray, past: Histories) -> torch.Tensor:
        """See `Recommender.score`."""
        return self.users[torch.from_numpy(users)] @ self.items.T


def product(towers: Towers, chunk: int) -> None:
    """All scores and nothing else, into memory that is there already."""
    scores = torch.empty(chunk, len(towers.items))
    for users in towers.users.split(chunk):
        torch.mm(users, towers.items.T, out=scores[: len(users)])


def product_of_numpy(towers: Towers, chunk: int) -> None:
    """The same by numpy."""
    users, items = towers.users.numpy(), towers.items.numpy()
    scores = np.empty((chunk, len(items)), np.float32)
    for start in range(0, len(users), chunk):
        part = users[start : start + chunk]
        np.dot(part, items.T, out=scores[: len(part)])


def with_torch(towers: Towers, past: Histories, k: int, chunk: int) -> np.ndarray:
    """What is written down first: product, mask, `topk`; ties in any order."""
    scores, found = torch.empty(chunk, len(towers.items)), []
    for start in range(0, len(towers.users), chunk):
        users = np.arange(start, min(start + chunk, len(towers.users)))
        part = torch.mm(towers.users[users], towers.items.T, out=scores[: len(users)])
        row, item = past.pairs(users)
        part[torch.from_numpy(row), torch.from_numpy(item)] = -torch.inf
        found.append(part.topk(k).indices)
    return torch.cat(found).numpy()


def with_implicit(towers: Towers, past: Histories, k: int, chunk: int) -> np.ndarray:
    """`implicit`'s batched top-k, which filters what users have."""
    from implicit.cpu.topk import topk
    from scipy.sparse import csr_matrix

    items, users = towers.items.numpy(), towers.users.numpy()
    shape = (len(users), len(items))
    seen = csr_matrix((np.ones(len(past.items), np.float32), past.items, past.offsets), shape)
    parts = [
        topk(items, users[s : s + chunk], k, filter_query_items=seen[s : s + chunk], num_threads=1)[0]
        for s in range(0, len(users), chunk)
    ]
    return np.concatenate(parts)


def with_faiss(towers: Towers, past: Histories, k: int, chunk: int) -> np.ndarray:
    """`faiss` finds as many more as a user has seen at most, and these are taken out."""
    import faiss

    faiss.omp_set_num_threads(1)
    index = faiss.IndexFlatIP(towers.items.shape[1])
    index.add(towers.items.numpy())
    users, found = np.arange(len(past)), []
    for part in np.split(users, range(chunk, len(users), chunk)):
        _, items = index.search(towers.users.numpy()[part], k + int(past.counts[part].max()))
        seen = catalogue_ranking.hits(items, part, past, len(towers.items))
        order = np.argsort(seen, 1, kind="stable")[:, :k]
        found.append(np.take_along_axis(items, order, 1))
    return np.concatenate(found)


def drawn(users: int, items: int, width: int) -> tuple[Towers, Histories]:
    """Random vectors, and some 20 items that each user has chosen."""
    rng = np.random.default_rng(0)
    towers = Towers(*(rng.standard_normal((n, width), np.float32) for n in (users, items)))
    key = np.unique(rng.integers(0, users * items, 20 * users))
    return towers, Histories(np.searchsorted(key, np.arange(users + 1) * items), key % items)


def peers(towers: Towers, past: Histories, k: int, chunk: int) -> dict[str, Callable[[], np.ndarray]]:
    """The other ways that are installed, by name."""
    ways = {"implicit": with_implicit, "faiss": with_faiss}
    return {name: partial(way, towers, past, k, chunk) for name, way in ways.items() if find_spec(name)}


def fastest(ways: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """CPU seconds of the fastest of a few calls; all take turns, so that what else the machine does hits all."""
    seconds = dict.fromkeys(ways, float("inf"))
    for _ in range(repeats):
        for name, way in ways.items():
            started = time.process_time()
            way()
            seconds[name] = min(seconds[name], time.process_time() - started)
    return seconds


def main() -> None:
    """Print all times and their ratios to that of the product."""
    parser = argparse.ArgumentParser()
    parser.add_argument("users", type=int, nargs="?", default=20_000)
    parser.add_argument("items", type=int, nargs="?", default=20_000)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--k", type=int, default=100)
    parser.add_argument(
        "--chunk", type=int, default=1024, help="users a product, but for catalogue_ranking.top_k"
    )
    parser.add_argument("--repeats", type=int, default=3)
    a = parser.parse_args()
    torch.set_num_threads(1)
    towers, past = drawn(a.users, a.items, a.width)
    everybody = np.arange(a.users)
    ways: dict[str, Callable[[], np.ndarray]] = {
        "ranking.top_k": lambda: catalogue_ranking.top_k(towers, everybody, past, a.k).items,
        "torch.topk": lambda: with_torch(towers, past, a.k, a.chunk),
        **peers(towers, past, a.k, a.chunk),
    }
    expected = ways["ranking.top_k"]()
    same = {name: (way() == expected).mean() for name, way in ways.items()}
    products: dict[str, Callable[[], object]] = {
        f"product {chunk}": partial(product, towers, chunk) for chunk in (256, a.chunk)
    }
    seconds = fastest(products | ways, a.repeats)
    floor = min(seconds.pop(name) for name in products)
    print(f"{a.users:,} users x {a.items:,} items, width {a.width}, top-{a.k}, one thread")
    print(f"{'product':>14} {floor:6.2f} s")
    for name, took in seconds.items():
        print(f"{name:>14} {took:6.2f} s, {took / floor:.2f} products, {same[name]:.2%} of the places agree")


if __name__ == "__main__":
    main()
