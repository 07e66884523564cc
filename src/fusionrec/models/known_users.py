"""The base class of trained models that know users by a row of their own."""

from typing import Any

import numpy as np
import torch

from fusionrec.data.histories import Histories
from fusionrec.models.contract import ModelData
from fusionrec.models.trainable import TrainableModel


class KnownUsers(TrainableModel):
    """What is learned about a user's id counts only for users with a train interaction.

    Attributes:
        known_users: bool [users], who has one.
    """

    known_users: torch.Tensor

    def __init__(self, options: Any, data: ModelData):
        super().__init__(options, data)
        known = torch.ones(data.users, dtype=torch.bool) if data.known_users is None else data.known_users
        self.register_buffer("known_users", known)

    def places(self, users: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Rows of the vectors of `users`, int64 [n], and bool [n], whether they have one that was trained."""
        row = users.clamp(max=len(self.known_users) - 1)
        return row, self.known_users[row] & (row == users)

    def knows(self, users: np.ndarray, past: Histories) -> np.ndarray:
        """See `Model.knows`: users with a train interaction."""
        trained = self.known_users.cpu().numpy()
        return np.append(trained, False)[np.minimum(users, len(trained))]
