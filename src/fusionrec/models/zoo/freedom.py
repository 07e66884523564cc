"""FREEDOM: a frozen graph of similar items, and a graph of interactions that is pruned in each epoch (MM 2023).

Zhou and Shen, "A Tale of Two Graphs: Freezing and Denoising Graph Structures for Multimodal Recommendation",
arXiv:2211.06924. Each modality gives a graph in which an item points to its `neighbours` nearest by cosine, itself
included, each with the same weight; the graph of items is their sum, weighted by `modality_weights`. An item's vector
is its id, smoothed over the graph of users and items as in LightGCN, plus its id, propagated `item_layers` times over
the graph of items. The score is the inner product.

In each epoch a share `pruned` of the interactions is left out of the graph: those that stay are drawn without
replacement with weights 1 / sqrt(degree of the user * degree of the item), and degrees are counted again. Scores use
all of them. The loss adds `modality` times the BPR of user vectors and projected contents, for each modality.

Differences: the vectors of the modalities are constant, where the authors' code trains a copy of them. An item
without a modality has no neighbours by it. There may be any number of modalities.
"""

from typing import Annotated, Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F

from fusionrec.choices import Choice
from fusionrec.errors import UserError
from fusionrec.models import item_graph
from fusionrec.models.contract import ModelData, Need
from fusionrec.models.graph import Propagation, edge_weights, normalised
from fusionrec.models.graph_vectors import GraphVectors
from fusionrec.models.item_graph import ItemGraph
from fusionrec.models.modalities import Projections, draw, required, shares
from fusionrec.models.nearest_items import nearest
from fusionrec.models.trainable import Step
from fusionrec.params import Count, Fraction, Natural, Section, Weight


class Options(Section):
    """`dim` is the width of all vectors, `layers` and `item_layers` the propagation steps over both graphs.

    Modalities that `modality_weights` does not name share what is left of 1 in equal parts.
    """

    dim: Count
    layers: Natural
    item_layers: Natural
    neighbours: Count
    modality_weights: dict[str, Weight]
    pruned: Fraction
    modality: Weight
    losses: Annotated[dict[str, Weight], Choice("fusionrec.training.losses", "model.freedom.losses")]


class Model(GraphVectors):
    """See the module and `GraphVectors`.

    Raises:
        UserError: if the items have no modality.
    """

    needs: ClassVar[frozenset[Need]] = frozenset({"ids", "graph", "contents"})

    def __init__(self, options: Any, data: ModelData):
        super().__init__(options, data)
        self.modalities_of_items = required(data.content, "freedom")
        self.projections = Projections(self.modalities_of_items, options.dim)
        self.degree = min(data.items, options.neighbours)
        self.similar = ItemGraph(data.items, self.degree * len(self.modalities_of_items))
        user, item = data.graph.pairs(np.arange(data.users))  # type: ignore[union-attr]
        self.edges = np.divmod(np.unique(user * data.items + item), data.items)
        self.epoch_graph = self.graph

    def reset(self, generator: torch.Generator) -> None:
        """Draw the vectors and the projections: Xavier, as the authors do; and build the graph of items."""
        super().reset(generator)
        draw(self.projections, generator)
        weights = shares(self.options.modality_weights, [*self.projections], "model.freedom.modality_weights")
        each = [nearest(modality, self.degree) for modality in self.modalities_of_items.values()]
        scaled = [
            weight * item_graph.normalised(found.rows, item_graph.uniform(found.similarity))
            for weight, found in zip(weights.values(), each, strict=True)
        ]
        self.similar.fill(torch.cat([found.rows for found in each], 1), torch.cat(scaled, 1))

    def start_epoch(self, generator: torch.Generator) -> None:
        """Draw the interactions of the epoch's graph."""
        if self.options.pruned:
            users, items = len(self.users), len(self.items)
            user, item = pruned(*self.edges, users, items, self.options.pruned, generator)
            self.epoch_graph = Propagation(normalised(user, item, users, items)).to(self.users.device)

    def propagated(self) -> tuple[torch.Tensor, torch.Tensor]:
        """See `IdVectors.propagated`; in training, over the epoch's graph."""
        users, items = self.smoothed(self.epoch_graph if self.training else self.graph)
        similar: torch.Tensor = self.items
        for _ in range(self.options.item_layers):
            similar = self.similar(similar)
        return users, items + similar

    def loss(self, step: Step) -> dict[str, torch.Tensor]:
        """The ranking losses, and the BPR of user vectors and projected contents.

        Raises:
            UserError: if no negatives are drawn.
        """
        if not step.negatives.shape[1]:
            raise UserError(
                "model.freedom needs negatives that are drawn: choose another train.negatives.strategy than in_batch, "
                "and a weight above 0 for bpr in model.freedom.losses"
            )
        users = step.towers.history[step.owners]
        rows, place = torch.unique(torch.cat([step.targets[:, None], step.negatives], 1), return_inverse=True)
        terms = []
        for name, modality in step.content.modalities.items():
            projected = self.projections[name](modality.vectors[rows])
            scores = (F.embedding(place, projected) @ users[:, :, None]).squeeze(2)
            terms.append(F.softplus(scores[:, 1:] - scores[:, :1]).mean())
        return step.terms() | {"modality": step.share * self.options.modality * torch.stack(terms).sum()}


def pruned(
    user: np.ndarray, item: np.ndarray, users: int, items: int, share: float, generator: torch.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Interactions without a share of them; those that stay are drawn with weights 1 / sqrt(product of degrees).

    Args:
        user: int64 [n], users of distinct interactions.
        item: int64 [n], their items.
        users: number of users.
        items: number of items.
        share: of the interactions, left out.
        generator: draws.

    Returns:
        Users and items of those that stay, int64 [int(n * (1 - share))], at least one.
    """
    weights = torch.from_numpy(edge_weights(user, item, users, items)).to(generator.device)
    count = max(1, int(len(user) * (1 - share)))
    drawn = torch.multinomial(weights, count, generator=generator).sort().values.cpu().numpy()
    return user[drawn], item[drawn]
