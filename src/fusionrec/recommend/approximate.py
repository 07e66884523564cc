"""An index that finds the best items of a user without scoring all: for catalogues too large for a matrix product.

A graph of near neighbours (Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using
Hierarchical Navigable Small World graphs", TPAMI 2020), of faiss. It may miss some of the best items: how many of them
it finds is measured when it is made.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from fusionrec import files
from fusionrec.data.histories import Histories
from fusionrec.evaluation import catalogue_ranking
from fusionrec.evaluation.catalogue_ranking import Lists
from fusionrec.models.trained_model import TrainedModel
from fusionrec.recommend import vectors

NAME, MEASURED = "index.faiss", "index.json"
LINKS, BUILD_WIDTH, SEARCH_WIDTH = 32, 128, 128  # neighbours of an item; items that are looked at
MOST = 2048  # candidates; for more, all items are scored
K, USERS = 10, 1000  # the recall that is measured


class Index(NamedTuple):
    """An index of the items of a model.

    Attributes:
        graph: of faiss.
        rows: int64 [n], rows of the catalogue, by position in the graph.
        added: float32 [m, width], vectors of items that are not in the graph: all of them are scored.
        first: row of the first of them; the others follow.
    """

    graph: Any
    rows: np.ndarray
    added: np.ndarray | None = None
    first: int = 0

    def best(self, queries: np.ndarray, left_out: list[np.ndarray], most: int) -> Lists | None:
        """The best items that it finds.

        Args:
            queries: float32 [n, width], vectors of users, see `vectors.user_vectors`.
            left_out: [n], int64 rows of the items that are not listed.
            most: length of the lists.

        Returns:
            Lists [n, most]. None if it finds too few for a list, or would have to look at too many.
        """
        wanted = most + max((len(rows) for rows in left_out), default=0)
        if wanted > min(MOST, len(self.rows)):
            return None
        self.graph.hnsw.efSearch = max(SEARCH_WIDTH, wanted)
        scores, places = self.graph.search(queries, wanted)
        items = np.where(places < 0, -1, self.rows[places])
        if self.added is not None:
            scores = np.concatenate([scores, queries @ self.added.T], 1)
            rows = np.arange(self.first, self.first + len(self.added))
            items = np.concatenate([items, np.tile(rows, (len(items), 1))], 1)
        out = [np.isin(row, rows) | (row < 0) for row, rows in zip(items, left_out, strict=True)]
        scores = np.where(np.stack(out), -np.inf, scores).astype(np.float32)
        order = np.lexsort((items, -scores))[:, :most]  # ties by row, as `catalogue_ranking.best`
        found = np.take_along_axis(scores, order, 1)
        return None if (found == -np.inf).any() else Lists(np.take_along_axis(items, order, 1), found)


def make(model: TrainedModel) -> Index:
    """An index of all items that can be recommended.

    Raises:
        UserError: if the model does not rank by inner product.
        ModuleNotFoundError: if faiss is not installed.
    """
    import faiss

    items = vectors.item_vectors(model)
    rows = np.delete(np.arange(len(items)), model.never.cpu().numpy())
    graph = faiss.IndexHNSWFlat(items.shape[1], LINKS, faiss.METRIC_INNER_PRODUCT)
    graph.hnsw.efConstruction = BUILD_WIDTH
    graph.add(np.ascontiguousarray(items[rows]))
    return Index(graph, rows)


def recall(index: Index, model: TrainedModel, past: Histories) -> dict[str, Any]:
    """The share of the `K` best items, their own left out, that it finds for random users with a history."""
    known = np.flatnonzero(past.counts > 0)
    users = np.sort(np.random.default_rng(0).permutation(known)[:USERS])
    queries, shares = vectors.user_vectors(model, users, past), []
    for query, user in zip(queries, users, strict=True):
        scores = model.score(np.array([user]), past)
        scores[0, torch.from_numpy(past[user])] = -torch.inf
        exact = catalogue_ranking.best(scores, K).items[0]
        found = index.best(query[None], [past[user]], K)
        shares.append(1.0 if found is None else np.isin(exact, found.items[0]).mean())
    return {f"recall@{K}": round(float(np.mean(shares)), 4) if shares else None, "users": len(users)}


def save(folder: Path, index: Index, measured: dict[str, Any]) -> None:
    """Write the index, and what was measured, into a folder."""
    import faiss

    faiss.write_index(index.graph, str(folder / NAME))
    files.write_json(folder / MEASURED, measured)


def load(folder: Path, model: TrainedModel) -> Index | None:
    """Read what `save` wrote; None if there is nothing.

    Raises:
        ModuleNotFoundError: if faiss is not installed.
    """
    if not (folder / NAME).is_file():
        return None
    import faiss

    rows = np.delete(np.arange(len(model.content.trained)), model.never.cpu().numpy())
    return Index(faiss.read_index(str(folder / NAME)), rows)
