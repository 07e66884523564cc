"""MGCN: contents that pass a gate of ids, views of users and items, and a fusion that knows them (MM 2023).

Yu et al., "Multi-View Graph Convolutional Network for Multimedia Recommendation", arXiv:2308.03588. In four parts:

- Purifier: an item's vector by a modality is its id times sigmoid(a linear layer of its projected contents).
- Views: ids are smoothed over the graph of users and items as in LightGCN, which gives c. Each modality has a graph
  in which an item points to its `neighbours` nearest by cosine, itself included, weighted by cosine; purified vectors
  are propagated `item_layers` times over it, and once to users, which gives v_m.
- Fuser: q_m = softmax over m of w · tanh(a linear layer of v_m); what is common is s = the sum of q_m v_m; what is
  special is g_m (v_m - s), where g_m = sigmoid(a linear layer of c). The side of contents is d = (s + sum of the
  special) / (number of modalities + 1), and the vector that is scored is c + d. The score is the inner product.
- Alignment: `alignment` times InfoNCE of d and c, with `temperature`, over the users and the items of a step's
  targets.

Differences: the vectors of the modalities are constant, where the authors' code trains a copy of them. The penalty is
on the vectors of ids before propagation, where the authors' code has it on those that are scored. Negative cosines
count as 0. An item without a modality has no neighbours by it. There may be any number of modalities.
"""

from typing import Annotated, Any, ClassVar, NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import nn

from fusionrec.choices import Choice
from fusionrec.data.item_inputs import ItemInputs
from fusionrec.models import item_graph
from fusionrec.models.contract import ModelData, Need, Towers
from fusionrec.models.fusion.layers import Linear
from fusionrec.models.graph_vectors import GraphVectors
from fusionrec.models.item_graph import ItemGraph
from fusionrec.models.modalities import Projections, draw, required
from fusionrec.models.nearest_items import nearest
from fusionrec.models.trainable import Step
from fusionrec.params import Count, Natural, Positive, Section, Weight


class Options(Section):
    """`dim` is the width of all vectors, `layers` and `item_layers` the propagation steps over both kinds of graph.

    `l2` is the penalty on the initial vectors of a step's users and items.
    """

    dim: Count
    layers: Natural
    item_layers: Natural
    neighbours: Count
    alignment: Weight
    temperature: Positive
    l2: Weight
    losses: Annotated[dict[str, Weight], Choice("fusionrec.training.losses", "model.mgcn.losses")]


class Views(NamedTuple):
    """Vectors of all users and items, users first, [users + items, dim]: by ids and graph, and by contents."""

    ids: torch.Tensor
    side: torch.Tensor


class Model(GraphVectors):
    """See the module and `GraphVectors`.

    Raises:
        UserError: if the items have no modality.
    """

    needs: ClassVar[frozenset[Need]] = frozenset({"ids", "graph", "contents"})

    def __init__(self, options: Any, data: ModelData):
        super().__init__(options, data)
        dim = options.dim
        self.modalities_of_items = required(data.content, "mgcn")
        names, self.degree = [*self.modalities_of_items], min(data.items, options.neighbours)
        self.projections = Projections(self.modalities_of_items, dim)
        self.purifiers, self.preferences = (
            nn.ModuleDict({name: Linear(dim, dim) for name in names}) for _ in range(2)
        )
        self.similar = nn.ModuleDict({name: ItemGraph(data.items, self.degree) for name in names})
        self.query, self.query_weight = Linear(dim, dim), Linear(dim, 1, bias=False)

    def reset(self, generator: torch.Generator) -> None:
        """Draw all weights: Xavier; and build the graphs of items."""
        super().reset(generator)
        for part in (self.projections, self.purifiers, self.preferences, self.query, self.query_weight):
            draw(part, generator)
        for name, modality in self.modalities_of_items.items():
            found, graph = nearest(modality, self.degree), self._similar(name)
            weights = item_graph.normalised(found.rows, item_graph.positive(found.similarity))
            graph.fill(found.rows, weights)

    def _similar(self, name: str) -> ItemGraph:
        return cast(ItemGraph, self.similar[name])

    def towers(
        self,
        content: ItemInputs,
        generator: torch.Generator | None = None,
        candidates: torch.Tensor | None = None,
        history: torch.Tensor | None = None,
    ) -> Towers:
        """See `TrainableModel.towers`; `history` holds the vectors of all users."""
        views = self.views(content)
        users, items = (views.ids + views.side).split([len(self.users), len(self.items)])
        return self.scored(users, items, candidates, own=views)

    def views(self, content: ItemInputs) -> Views:
        """Both views of all users and items."""
        ids = torch.cat(self.smoothed(self.graph))
        each = {name: self._view(name, one.vectors) for name, one in content.modalities.items()}
        asked = [self.query_weight(torch.tanh(self.query(view))) for view in each.values()]
        shares = torch.cat(asked, 1).softmax(1)
        common = torch.stack([view * shares[:, [i]] for i, view in enumerate(each.values())]).sum(0)
        special = [
            torch.sigmoid(self.preferences[name](ids)) * (view - common) for name, view in each.items()
        ]
        return Views(ids, torch.stack([common, *special]).sum(0) / (len(each) + 1))

    def _view(self, name: str, vectors: torch.Tensor) -> torch.Tensor:
        """[users + items, dim] by one modality, whose vectors are [items, width]."""
        items: torch.Tensor = self.items * torch.sigmoid(
            self.purifiers[name](self.projections[name](vectors))
        )
        for _ in range(self.options.item_layers):
            items = self._similar(name)(items)
        nobody = torch.zeros_like(self.users)
        users = self.graph(torch.cat([nobody, items]))[: len(nobody)]
        return torch.cat([users, items])

    def loss(self, step: Step) -> dict[str, torch.Tensor]:
        """See `IdVectors.loss`, and the alignment of both views of the step's users and items."""
        views: Views = step.towers.own
        rows = step.owners, step.targets + len(self.users)
        aligned = [_info_nce(views.side, views.ids, row, self.options.temperature) for row in rows]
        alignment = step.share * self.options.alignment * torch.stack(aligned).sum()
        return super().loss(step) | {"alignment": alignment}

    def inputs(self) -> list[str]:
        """See `TrainableModel.inputs`."""
        return [*self.projections]


def _info_nce(one: torch.Tensor, other: torch.Tensor, rows: torch.Tensor, temperature: float) -> torch.Tensor:
    """[]: softmax loss by cosine of a row of `other` for the same row of `one` (van den Oord et al., 2018).

    The mean over `rows`, int64 [p], which are also the candidates. Each row is computed once, however often it occurs.
    """
    rows, counts = torch.unique(rows, return_counts=True)
    cosines = F.normalize(one[rows], dim=1) @ F.normalize(other[rows], dim=1).T
    logits = cosines / temperature + counts.log()
    losses = F.cross_entropy(logits, torch.arange(len(rows), device=rows.device), reduction="none")
    # a row that occurs n times is n candidates, of which one is the right one
    return (counts * (losses + counts.log())).sum() / counts.sum()
