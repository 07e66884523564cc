"""VBPR: matrix factorisation with a second inner product, of a user's taste and an item's content (AAAI 2016).

The score of user u and item i is b_i + p_u · q_i + t_u · E f_i + c · f_i: b_i is the item's bias, p and q are vectors
of ids, t_u is the user's taste; f_i joins the vectors of all modalities of the item, E projects them, and c is a bias
of contents (He and McAuley, "VBPR: Visual Bayesian Personalized Ranking from Implicit Feedback").

Differences: the authors have pictures only; here f_i is zero for a modality that an item does not have, and its mean
squared length is 1, so that E learns as fast as the vectors of ids. The bias of the user and the overall one are left
out, since they change no ranking. As in the authors' code, f is constant. The penalty is on the vectors of a step,
E f_i included, as in MMRec; the authors have one on E, which does not keep contents from being learned by heart.
An item that is new or that train lacks has no b and q: its score is what its content says.
"""

from typing import Annotated, Any, ClassVar

import torch
from torch import nn

from fusionrec.choices import Choice
from fusionrec.data.item_inputs import ItemInputs
from fusionrec.models.contract import ModelData, Need, Towers
from fusionrec.models.id_vectors import IdVectors
from fusionrec.models.modalities import required
from fusionrec.models.trainable import Step
from fusionrec.params import Count, Section, Weight


class Options(Section):
    """`dim` is the width of the vectors of ids, and of tastes; `l2` the penalty on those of a step."""

    dim: Count
    l2: Weight
    losses: Annotated[dict[str, Weight], Choice("fusionrec.training.losses", "model.vbpr.losses")]


class Model(IdVectors):
    """See the module and `IdVectors`.

    `users` holds p and t side by side, [users, 2 * dim]. The last column of each of `projections`, [width, dim + 1], is
    the bias of contents.

    Raises:
        UserError: if the items have no modality.
    """

    needs: ClassVar[frozenset[Need]] = frozenset({"ids", "contents"})
    scores_new_items = True

    def __init__(self, options: Any, data: ModelData):
        super().__init__(options, data)
        self.users = nn.Parameter(torch.zeros(data.users, 2 * options.dim))
        self.item_bias = nn.Parameter(torch.zeros(data.items))
        widths = {name: one.vectors.shape[1] for name, one in required(data.content, "vbpr").items()}
        self.projections = nn.ParameterDict(
            {name: torch.zeros(width, options.dim + 1) for name, width in widths.items()}
        )

    def reset(self, generator: torch.Generator) -> None:
        """Draw the vectors of ids and E: Xavier, uniform; biases are 0."""
        super().reset(generator)
        nn.init.zeros_(self.item_bias)
        for matrix in self.projections.values():
            nn.init.xavier_uniform_(matrix, generator=generator)
            nn.init.zeros_(matrix[:, -1])

    def towers(
        self,
        content: ItemInputs,
        generator: torch.Generator | None = None,
        candidates: torch.Tensor | None = None,
        history: torch.Tensor | None = None,
    ) -> Towers:
        """See `TrainableModel.towers`; `history` holds the vectors of all users."""
        said, rows = self._said(content, candidates), slice(None) if candidates is None else candidates
        known = content.trained[rows]
        items, bias = self.items[rows] * known[:, None], self.item_bias[rows] * known
        return Towers(torch.cat([items, said[:, :-1]], 1), bias + said[:, -1], self.users, own=said)

    def new_towers(self, content: ItemInputs) -> Towers:
        """See `TrainableModel.new_towers`: the vector of the id and the bias of the item are 0."""
        said = self._said(content, None)
        items = torch.cat([torch.zeros_like(said[:, :-1]), said[:, :-1]], 1)
        return Towers(items, said[:, -1], self.users)

    def _said(self, content: ItemInputs, rows: torch.Tensor | None) -> torch.Tensor:
        """What contents say of the items `rows`, None: of all: E f and c · f, [n, dim + 1]."""
        vectors = {name: one.vectors for name, one in content.modalities.items()}
        width = sum(len(matrix) for matrix in self.projections.values())
        parts = [
            (vectors[name] if rows is None else vectors[name][rows]) @ matrix
            for name, matrix in self.projections.items()
        ]
        return torch.stack(parts).sum(0) / width**0.5

    def squares(self, step: Step) -> torch.Tensor:
        """See `IdVectors.squares`: also those of the projected contents."""
        said: torch.Tensor = step.towers.own
        return super().squares(step) + said.square().sum(1)

    def inputs(self) -> list[str]:
        """See `TrainableModel.inputs`."""
        return [*self.projections, "id"]

    def id_tensors(self) -> list[torch.Tensor]:
        """See `Model.id_tensors`."""
        return [self.items, self.item_bias]
