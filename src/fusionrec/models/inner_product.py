"""Models in closed form whose score is the inner product of a user's and an item's vector."""

import numpy as np
import torch
from scipy.sparse import csr_array

from fusionrec.data.histories import Histories
from fusionrec.models.closed_form import ClosedForm
from fusionrec.models.contract import Towers
from fusionrec.models.interaction_matrix import matrix


class InnerProduct(ClosedForm):
    """Subclasses define `towers` and `user_vectors`."""

    def logits(
        self,
        vectors: torch.Tensor,
        towers: Towers,
        columns: torch.Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> torch.Tensor:
        """See `Model.logits`."""
        if columns is None:
            return vectors @ towers.candidates.T + towers.bias
        return (vectors[:, None] * towers.candidates[columns]).sum(2) + towers.bias[columns]


def histories_of(latest: torch.Tensor, items: int) -> csr_array:
    """float64 [n, items]: 1 where an item is in a history of `latest`, int64 [n, length], padded with -1."""
    rows = latest.cpu().numpy()
    inside = rows >= 0
    offsets = np.concatenate([[0], np.cumsum(inside.sum(1))])
    return matrix(Histories(offsets, rows[inside]), np.arange(len(rows)), items)
