"""The known preference model of the demo: the best scores that any recommender could reach."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from fusionrec import files


class Truth(NamedTuple):
    """utility(u, i) = taste[u] . traits[i] + appeal[i].

    Attributes:
        users: ids of the rows of `taste`.
        items: ids of the rows of `traits`.
        taste: float32 [users, trait values].
        traits: float32 [items, trait values], 1 where the item has the value.
        appeal: float32 [items].
    """

    users: list[str]
    items: list[str]
    taste: np.ndarray
    traits: np.ndarray
    appeal: np.ndarray


def utility(truth: Truth, users: list[str], items: list[str]) -> np.ndarray:
    """float32 [users, items] for the given ids."""
    user = {name: row for row, name in enumerate(truth.users)}
    item = {name: row for row, name in enumerate(truth.items)}
    u, i = [user[name] for name in users], [item[name] for name in items]
    return truth.taste[u] @ truth.traits[i].T + truth.appeal[i]


def write(folder: Path, truth: Truth) -> None:
    """Write `truth.json` (ids) and one npy file per matrix."""
    files.write_json(folder / "truth.json", {"users": truth.users, "items": truth.items})
    for name in ("taste", "traits", "appeal"):
        files.write_array(folder / f"truth_{name}.npy", getattr(truth, name))


def read(folder: Path | str) -> Truth | None:
    """Read what `write` wrote; None if there is no such file, because the data are not generated."""
    folder = Path(folder)
    if not (folder / "truth.json").is_file():
        return None
    ids = files.read_json(folder / "truth.json")
    matrices = (files.read_array(folder / f"truth_{name}.npy") for name in ("taste", "traits", "appeal"))
    return Truth(ids["users"], ids["items"], *matrices)
