"""The base class of models that know users and items by their ids only: one vector each."""

from typing import Any, ClassVar

import torch
from torch import nn

from fusionrec.data.item_inputs import ItemInputs
from fusionrec.models.contract import ModelData, Need, Towers
from fusionrec.models.known_users import KnownUsers
from fusionrec.models.trainable import Step


class IdVectors(KnownUsers):
    """A model whose users and items are ids: it can score neither new items nor users without a train interaction.

    The scores of such a user are those of the item bias alone. Subclasses may transform the vectors in
    `propagated` before they are scored.

    Args:
        options: with `dim`, the width of the vectors, `l2` and `losses`.
        data: numbers of users and items, and which users have a train interaction.
    """

    needs: ClassVar[frozenset[Need]] = frozenset({"ids"})

    def __init__(self, options: Any, data: ModelData):
        super().__init__(options, data)
        self.users = nn.Parameter(torch.zeros(data.users, options.dim))
        self.items = nn.Parameter(torch.zeros(data.items, options.dim))

    def reset(self, generator: torch.Generator) -> None:
        """Draw the vectors: Xavier, uniform. Larger ones are noise that training on sparse data does not forget."""
        nn.init.xavier_uniform_(self.users, generator=generator)
        nn.init.xavier_uniform_(self.items, generator=generator)

    def bias(self) -> torch.Tensor:
        """[items]: what is added to each item's score; zeros by default."""
        return self.items.new_zeros(len(self.items))

    def propagated(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The vectors that are scored: of users [users, dim] and of items [items, dim]."""
        return self.users, self.items

    def towers(
        self,
        content: ItemInputs,
        generator: torch.Generator | None = None,
        candidates: torch.Tensor | None = None,
        history: torch.Tensor | None = None,
    ) -> Towers:
        """See `TrainableModel.towers`; `history` holds the vectors of all users."""
        return self.scored(*self.propagated(), candidates)

    def scored(
        self, users: torch.Tensor, items: torch.Tensor, candidates: torch.Tensor | None, own: Any = None
    ) -> Towers:
        """Towers of the vectors of all users and items; see `towers` and `Towers.own`."""
        bias = self.bias()
        if candidates is not None:
            items, bias = items[candidates], bias[candidates]
        return Towers(items, bias, users, own)

    def id_tensors(self) -> list[torch.Tensor]:
        """See `Model.id_tensors`."""
        return [self.items]

    def user_vectors(
        self, towers: Towers, users: torch.Tensor, latest: torch.Tensor, timed: bool = True
    ) -> torch.Tensor:
        """See `TrainableModel.user_vectors`."""
        row, known = self.places(users)
        return towers.history[row] * known[:, None]

    def squares(self, step: Step) -> torch.Tensor:
        """[rows of `step.towers.candidates`]: the squared norm of what is penalised of each of these items."""
        items = self.items if step.candidates is None else self.items[step.candidates]
        return items.square().sum(1)

    def loss(self, step: Step) -> dict[str, torch.Tensor]:
        """The ranking losses, and an L2 penalty on the weights of each target's user, the target and its negatives.

        l2 / 2 times their squared norms, mean over targets; that of the negatives is the mean over a target's
        negatives (Rendle et al., UAI 2009; He et al., SIGIR 2020, with one negative).
        """
        (target, negative), of_item = step.places, self.squares(step)
        squares = self.users[step.owners].square().sum() + of_item[target].sum()
        if negative.shape[1]:
            squares = squares + of_item[negative].sum() / negative.shape[1]
        penalty = step.share * self.options.l2 / 2 * squares / max(1, len(target))
        return step.terms() | {"l2": penalty}
