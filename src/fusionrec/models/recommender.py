"""The one contract of everything that recommends: models, baselines and the demo's references."""

from typing import TYPE_CHECKING, Protocol

import numpy as np

from fusionrec.data.histories import Histories

if TYPE_CHECKING:
    import torch


class Recommender(Protocol):
    """Scores the whole catalogue for some users."""

    def score(self, users: np.ndarray, past: Histories) -> "torch.Tensor":
        """Higher is better; `past` is what each user is known to have chosen before.

        Args:
            users: int64 [n], rows of the user table.
            past: histories of all users.

        Returns:
            float32 [n, items]; not masked.
        """
        ...
