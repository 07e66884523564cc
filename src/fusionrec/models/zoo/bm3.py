"""BM3: bootstrapped multimodal model, which learns without negatives (Zhou et al., WWW 2023, arXiv:2207.05969).

Vectors of ids are smoothed over the graph as in LightGCN, and an item's own vector is added to its smoothed one; each
modality is projected to the same width. A predictor, a linear layer, is applied to one view of a pair; the other view
is its target: perturbed by dropout, without a gradient. With C(a, b) = 1 - cosine, u and i the vectors of a pair of
user and item, m the projection of a modality of i, P the predictor and ' a target, the loss is the mean over pairs of

    C(P u, i') + C(P i, u')  +  alignment * sum over modalities of C(P m, i') + C(P m, m')  +  l2 * (|U| + |I|) / items

with |U| and |I| the norms of the matrices of all smoothed vectors, as in the authors' code. The score is P u · P i.

Differences: the vectors of the modalities are constant, where the authors' code trains a copy of them. Each pair
draws its own dropout, where the authors draw it once for each user and item of a step. An item without a modality has
no term for it. There may be any number of modalities.
"""

from typing import Annotated, Any, ClassVar

import torch
import torch.nn.functional as F

from fusionrec.choices import Choice
from fusionrec.data.item_inputs import ItemInputs
from fusionrec.models.contract import ModelData, Need, Towers
from fusionrec.models.fusion.layers import Linear, drop
from fusionrec.models.graph_vectors import GraphVectors
from fusionrec.models.modalities import Projections, draw, required
from fusionrec.models.trainable import Step
from fusionrec.params import Count, Natural, Probability, Section, Weight


class Options(Section):
    """`dim` is the width of all vectors, `layers` the propagation steps, `dropout` that of the targets.

    `alignment` is the weight of the terms of modalities, `l2` that of the norms. `losses` may all be off.
    """

    dim: Count
    layers: Natural
    dropout: Probability
    alignment: Weight
    l2: Weight
    losses: Annotated[dict[str, Weight], Choice("fusionrec.training.losses", "model.bm3.losses")]


class Model(GraphVectors):
    """See the module and `GraphVectors`.

    Raises:
        UserError: if the items have no modality.
    """

    needs: ClassVar[frozenset[Need]] = frozenset({"ids", "graph", "contents"})
    ranks_by_own_loss: ClassVar[bool] = True

    def __init__(self, options: Any, data: ModelData):
        super().__init__(options, data)
        self.predictor = Linear(options.dim, options.dim)
        self.projections = Projections(required(data.content, "bm3"), options.dim)

    def reset(self, generator: torch.Generator) -> None:
        """Draw the vectors, the predictor and the projections: Xavier, as the authors do."""
        super().reset(generator)
        draw(self.predictor, generator)
        draw(self.projections, generator)

    def propagated(self) -> tuple[torch.Tensor, torch.Tensor]:
        """See `IdVectors.propagated`: before the predictor."""
        users, items = super().propagated()
        return users, items + self.items

    def towers(
        self,
        content: ItemInputs,
        generator: torch.Generator | None = None,
        candidates: torch.Tensor | None = None,
        history: torch.Tensor | None = None,
    ) -> Towers:
        """See `TrainableModel.towers`; `history` holds the vectors of all users, before the predictor."""
        users, items = self.propagated()
        chosen = items if candidates is None else items[candidates]
        return Towers(self.predictor(chosen), chosen.new_zeros(len(chosen)), users, own=items)

    def user_vectors(
        self, towers: Towers, users: torch.Tensor, latest: torch.Tensor, timed: bool = True
    ) -> torch.Tensor:
        """See `TrainableModel.user_vectors`."""
        row, known = self.places(users)
        return self.predictor(towers.history[row]) * known[:, None]

    def loss(self, step: Step) -> dict[str, torch.Tensor]:
        """The terms of the module's formula, and the ranking losses, which the authors do not have."""
        users, items = step.towers.history, step.towers.own
        user, item = users[step.owners], items[step.targets]
        user_target, item_target = (self._target(x, step) for x in (user, item))
        pairs = _apart(self.predictor(user), item_target) + _apart(self.predictor(item), user_target)
        inter, intra = torch.zeros_like(pairs), torch.zeros_like(pairs)
        # an item is projected once, not for each target
        rows, place = torch.unique(step.targets, return_inverse=True)
        for name, modality in step.content.modalities.items():
            latent = self.projections[name](modality.vectors[rows])
            predicted, present = self.predictor(latent)[place], modality.present[step.targets]
            inter = inter + _apart(predicted, item_target) * present
            intra = intra + _apart(predicted, self._target(latent[place], step)) * present
        norms = _norm(users) + _norm(items)
        aligned = {"inter": inter, "intra": intra}
        own = {"reconstruction": step.share * pairs.mean()}
        own |= {name: step.share * self.options.alignment * x.mean() for name, x in aligned.items()}
        return step.terms() | own | {"l2": self.options.l2 * norms / len(items)}

    def _target(self, vectors: torch.Tensor, step: Step) -> torch.Tensor:
        return drop(vectors.detach(), self.options.dropout, step.generator)


def _apart(predicted: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """[p]: one minus the cosine of the rows of two matrices [p, dim]."""
    return 1 - (F.normalize(predicted, dim=1) * F.normalize(target, dim=1)).sum(1)


def _norm(matrix: torch.Tensor) -> torch.Tensor:
    return matrix.square().sum().double().sqrt().float()  # float32 roots differ between CPUs
