"""The preference model behind a generated catalogue: it tells how good a recommender could be at best."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from fusionrec import files
from fusionrec.errors import UserError

TENSORS, IDS = "truth.safetensors", "truth.json"


class Truth(NamedTuple):
    """utility(u, i) = taste[u] . traits[i] + popularity[i]; users choose with probability softmax(utility).

    Attributes:
        users: ids, in the order of the rows of `taste`.
        items: ids, in the order of the rows of `traits`.
        taste: float32 [users, trait values].
        traits: float32 [items, trait values], one 1 for each trait.
        popularity: float32 [items].
    """

    users: list[str]
    items: list[str]
    taste: np.ndarray
    traits: np.ndarray
    popularity: np.ndarray


def utility(truth: Truth, user_ids: list[str], item_ids: list[str]) -> np.ndarray:
    """What each user thinks of each item.

    Returns:
        float32 [users, items].

    Raises:
        UserError: if the model does not know a user or an item.
    """
    users = _rows(truth.users, user_ids, "user")
    items = _rows(truth.items, item_ids, "item")
    match = truth.taste[users].astype(np.float64) @ truth.traits[items].T.astype(np.float64)
    return (match + truth.popularity[items]).astype(np.float32)


def _rows(known: list[str], wanted: list[str], kind: str) -> np.ndarray:
    row = {name: index for index, name in enumerate(known)}
    unknown = [name for name in wanted if name not in row]
    if unknown:
        raise UserError(f"{IDS}: no {kind} {unknown[0]!r} in the preference model; run `dvc repro raw`")
    return np.array([row[name] for name in wanted], np.int64)


def write(folder: Path, truth: Truth) -> None:
    """Into `truth.safetensors` and, for the ids of its rows, `truth.json`."""
    import torch

    arrays = {"taste": truth.taste, "traits": truth.traits, "popularity": truth.popularity}
    files.write_tensors(folder / TENSORS, {name: torch.from_numpy(array) for name, array in arrays.items()})
    files.write_json(folder / IDS, {"users": truth.users, "items": truth.items})


def read(folder: Path | str) -> Truth | None:
    """The model that `write` left in `folder`, or None: only a generated catalogue has one."""
    folder = Path(folder)
    if not (folder / TENSORS).exists():
        return None
    return Truth(
        **files.read_json(folder / IDS),
        **{name: tensor.numpy() for name, tensor in files.read_tensors(folder / TENSORS).items()},
    )
