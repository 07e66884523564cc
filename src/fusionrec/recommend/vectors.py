"""Item and user vectors: similar items, and files for a vector index."""

from pathlib import Path

import numpy as np
import torch

from fusionrec import files
from fusionrec.data.histories import Histories
from fusionrec.errors import UserError
from fusionrec.evaluation import catalogue_ranking
from fusionrec.evaluation.catalogue_ranking import Lists
from fusionrec.models.nearest_items import unit
from fusionrec.models.trained_model import TrainedModel

CHUNK = 4096  # users whose vectors are computed together


class ItemSimilarity:
    """A `Recommender` of items for items: scores are cosines, -inf with a vector of zeros. Its "users" are items.

    Args:
        vectors: [items, width].
    """

    def __init__(self, vectors: torch.Tensor):
        self.vectors = unit(vectors)
        self.empty = ~self.vectors.any(1)

    def score(self, users: np.ndarray, past: Histories) -> torch.Tensor:
        """See `Recommender.score`."""
        rows = torch.from_numpy(users).to(self.vectors.device)
        cosines = self.vectors[rows] @ self.vectors.T
        return cosines.masked_fill(self.empty | self.empty[rows, None], -torch.inf)


def of(model: TrainedModel, by: str) -> torch.Tensor:
    """[items, width]: vectors of the model, which combine all inputs, or of one modality.

    Raises:
        UserError: if there are none.
    """
    found = {name: one.vectors for name, one in model.content.modalities.items()}
    own = model.similarity_vectors()
    if own.shape[1]:
        found["model"] = own
    if by not in found:
        raise UserError(f"by={by}: the model has no such vectors; it has {', '.join(found) or 'none'}")
    return found[by]


@torch.no_grad()
def similar(vectors: torch.Tensor, items: np.ndarray, k: int) -> Lists:
    """The k most similar other items of each item, by cosine. Items whose vector is zero are similar to none.

    Args:
        vectors: [items, width].
        items: int64 [n], item rows.
        k: length of the lists.

    Returns:
        Lists [n, k] with cosines as scores; items padded with -1.
    """
    every = np.arange(len(vectors))
    itself = Histories(np.append(every, len(vectors)), every)  # keeps each item out of its own list
    return catalogue_ranking.top_k(ItemSimilarity(vectors), items, itself, k)


@torch.no_grad()
def nearest(
    vectors: torch.Tensor, lengths: torch.Tensor, to: torch.Tensor, k: int, without: int | None = None
) -> Lists:
    """The k most similar items of vectors that need not be of the catalogue, without a copy of all vectors.

    Args:
        vectors: [items, width].
        lengths: [items], their lengths.
        to: [n, width].
        k: length of the lists.
        without: row of an item to leave out.

    Returns:
        Lists [n, k] with cosines as scores; items padded with -1. Vectors of zeros are similar to none.
    """
    own = torch.linalg.vector_norm(to, dim=1, keepdim=True)
    cosines = to @ vectors.T / (own * lengths).clamp(min=1e-12)
    cosines = cosines.masked_fill((lengths == 0) | (own == 0), -torch.inf)
    if without is not None:
        cosines[:, without] = -torch.inf
    return catalogue_ranking.best(cosines, k)


@torch.no_grad()
def item_vectors(model: TrainedModel) -> np.ndarray:
    """float32 [items, dim + 1]: vectors of all items, with the item's bias as the last entry.

    Raises:
        UserError: if the model does not rank by inner product.
    """
    if not model.model.ranks_by_inner_product:
        raise UserError(
            "a vector index ranks by inner product, and this model does not; train with model.fusion.head=dot"
        )
    return torch.cat([model.towers.candidates, model.towers.bias[:, None]], 1).cpu().numpy()


def user_vectors(model: TrainedModel, users: np.ndarray, past: Histories) -> np.ndarray:
    """Vectors of users whose inner product with an item's vector is the score.

    Args:
        model: a model that ranks by inner product.
        users: int64 [n], rows of `past`.
        past: the history of each row.

    Returns:
        float32 [n, dim + 1], with 1 as the last entry, which multiplies the item's bias.
    """
    parts = [np.zeros((0, model.towers.candidates.shape[1]), np.float32)]
    for start in range(0, len(users), CHUNK):
        parts.append(model.user_vectors(users[start : start + CHUNK], past).cpu().numpy())
    vectors = np.concatenate(parts)
    return np.concatenate([vectors, np.ones((len(vectors), 1), np.float32)], 1)


def export(folder: Path | str, model: TrainedModel, user_ids: list[str], past: Histories) -> None:
    """Write item_vectors.npy, item_ids.json, user_vectors.npy and user_ids.json; see `item_vectors`.

    Items that are never recommended (`TrainedModel.never`) are left out: an index would not know.

    Raises:
        UserError: see `item_vectors`.
    """
    items = item_vectors(model)
    kept = np.delete(np.arange(len(items)), model.never.cpu().numpy())
    with files.replacing_folder(folder) as scratch:
        files.write_array(scratch / "item_vectors.npy", items[kept])
        files.write_json(scratch / "item_ids.json", [model.item_ids[row] for row in kept])
        files.write_array(scratch / "user_vectors.npy", user_vectors(model, np.arange(len(user_ids)), past))
        files.write_json(scratch / "user_ids.json", user_ids)
