"""A step of training whose targets and negatives are given, for tests of a model's own loss."""

from dataclasses import dataclass
from typing import Any

import torch


@dataclass
class FixedStep:
    """See `fusionrec.models.trainable.Step`."""

    owners: torch.Tensor
    targets: torch.Tensor
    negatives: torch.Tensor
    share: float = 1.0
    towers: Any = None
    vectors: Any = None
    content: Any = None
    generator: torch.Generator | None = None
    users: Any = None
    candidates: Any = None

    @property
    def places(self) -> tuple[torch.Tensor, torch.Tensor]:
        return self.targets, self.negatives

    def terms(self) -> dict[str, torch.Tensor]:
        return {"bpr": torch.tensor(2.0)}
