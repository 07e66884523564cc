"""Several models of one kind, trained side by side: a score is the mean of theirs.

They share batches, and each has initial weights, dropout and a loss of its own. What they have learned by chance
cancels out (Hansen and Salamon, IEEE TPAMI 1990; Lakshminarayanan et al., NeurIPS 2017). Their vectors stand side by
side, so the score stays an inner product.
"""

from typing import Any, ClassVar, cast

import numpy as np
import torch
from torch import nn

from fusionrec.data.histories import Histories
from fusionrec.data.item_inputs import ItemInputs
from fusionrec.errors import UserError
from fusionrec.models.contract import Model, ModelData, Need, Towers
from fusionrec.models.trainable import Judge, TrainableModel


class Ensemble(TrainableModel):
    """See the module and `TrainableModel`; `Towers.own` holds the towers of each member.

    Attributes:
        kind: what the members are.
        count: how many there are.

    Raises:
        UserError: if a score is no inner product.
    """

    kind: ClassVar[type[TrainableModel]]
    count: ClassVar[int]

    def __init__(self, options: Any, data: ModelData):
        super().__init__(options, data)
        self.members = nn.ModuleList(self.kind(options, data) for _ in range(self.count))
        first = self.parts()[0]
        if not first.ranks_by_inner_product:
            raise UserError(
                "model.members: only inner products can be averaged; set it to 1, or choose another head"
            )
        self.scores_new_items, self.history_length = first.scores_new_items, first.history_length
        self.history_dropout = first.history_dropout

    @classmethod
    def reads_tokens(cls, options: Any) -> bool:
        """See `Model.reads_tokens`."""
        return cls.kind.reads_tokens(options)

    def parts(self) -> list[TrainableModel]:
        """See `TrainableModel.parts`: the members."""
        return cast(list[TrainableModel], list(self.members))

    def reset(self, generator: torch.Generator) -> None:
        """See `TrainableModel.reset`; each member draws its own weights."""
        for member in self.parts():
            member.reset(generator)

    def start_epoch(self, generator: torch.Generator) -> None:
        """See `TrainableModel.start_epoch`."""
        for member in self.parts():
            member.start_epoch(generator)

    def complete(self, content: ItemInputs, train: Histories, judge: Judge) -> bool:
        """See `TrainableModel.complete`; each member is judged by itself."""
        return any([member.complete(content, train, judge) for member in self.parts()])

    def towers(
        self,
        content: ItemInputs,
        generator: torch.Generator | None = None,
        candidates: torch.Tensor | None = None,
        history: torch.Tensor | None = None,
    ) -> Towers:
        """See `Model.towers`."""
        return _joined([member.towers(content, generator, candidates, history) for member in self.parts()])

    def new_towers(self, content: ItemInputs) -> Towers:
        """See `Model.new_towers`."""
        return _joined([member.new_towers(content) for member in self.parts()])

    def user_vectors(
        self, towers: Towers, users: torch.Tensor, latest: torch.Tensor, timed: bool = True
    ) -> torch.Tensor:
        """See `Model.user_vectors`."""
        pairs = zip(self.parts(), _separate(towers), strict=True)
        return torch.cat([member.user_vectors(own, users, latest, timed) for member, own in pairs], 1)

    def user_vectors_of(self, towers: Towers, users: np.ndarray, past: Histories) -> torch.Tensor:
        """See `Model.user_vectors_of`."""
        pairs = zip(self.parts(), _separate(towers), strict=True)
        return torch.cat([member.user_vectors_of(own, users, past) for member, own in pairs], 1)

    def probability(self, logits: torch.Tensor) -> tuple[torch.Tensor, str]:
        """See `Model.probability`."""
        return self.parts()[0].probability(logits)

    def knows(self, users: np.ndarray, past: Histories) -> np.ndarray:
        """See `Model.knows`."""
        return self.parts()[0].knows(users, past)

    def similarity_vectors(self, towers: Towers) -> torch.Tensor:
        """See `Model.similarity_vectors`: those of the members side by side."""
        pairs = zip(self.parts(), towers.own, strict=True)
        return torch.cat([member.similarity_vectors(own) for member, own in pairs], 1)

    def inputs(self) -> list[str]:
        """See `Model.inputs`."""
        return self.parts()[0].inputs()

    def id_tensors(self) -> list[torch.Tensor]:
        """See `Model.id_tensors`."""
        return [tensor for member in self.parts() for tensor in member.id_tensors()]

    def tracked(self, content: ItemInputs) -> dict[str, float]:
        """See `TrainableModel.tracked`: means over the members."""
        each = [member.tracked(content) for member in self.parts()]
        return {name: sum(seen[name] for seen in each) / len(each) for name in each[0]}


def of(kind: type[Model], members: int) -> type[Model]:
    """The class of so many models of `kind` together; `kind` itself if it is one.

    Raises:
        UserError: if the models are computed in closed form, so that all of them would be equal.
    """
    if members == 1:
        return kind
    if not issubclass(kind, TrainableModel):
        raise UserError("model.members: a model in closed form is the same each time; set it to 1")

    own: type[TrainableModel] = kind

    class Several(Ensemble):
        kind, count = own, members
        needs: ClassVar[frozenset[Need]] = own.needs
        ranks_untrained_items = own.ranks_untrained_items
        ranks_by_own_loss = own.ranks_by_own_loss
        completed = tuple(f"members.{i}.{name}" for i in range(members) for name in own.completed)

    return Several


def _joined(towers: list[Towers]) -> Towers:
    """The vectors of all members side by side; those of candidates are divided by the number of members."""
    candidates = torch.cat([one.candidates for one in towers], 1) / len(towers)
    bias = torch.stack([one.bias for one in towers]).mean(0)
    return Towers(candidates, bias, torch.cat([one.history for one in towers], 1), towers)


def _separate(towers: Towers) -> list[Towers]:
    """The towers of each member; history vectors are those of `towers`, which may come from another catalogue."""
    widths = [one.history.shape[1] for one in towers.own]
    histories = towers.history.split(widths, 1)
    return [one._replace(history=history) for one, history in zip(towers.own, histories, strict=True)]
