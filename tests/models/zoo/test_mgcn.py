"""MGCN against its formulas, with dense matrices; test_contract.py has the tests that all models share."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from fusionrec.data.histories import Histories
from fusionrec.data.item_inputs import ItemInputs
from fusionrec.models.contract import ModelData
from fusionrec.models.graph import Propagation
from fusionrec.models.zoo.mgcn import Model, Options

from ...catalogue import without
from ..conftest import ITEMS, USERS
from .fixed_step import FixedStep

GRAPH = Histories(np.array([0, 3, 4, 4, 6]), np.array([1, 2, 3, 1, 4, 0]))
OPTIONS = Options(
    dim=3, layers=2, item_layers=1, neighbours=3, alignment=0.5, temperature=0.2, l2=0.1, losses={"bpr": 1.0}
)


@pytest.fixture
def model(content: ItemInputs) -> Model:
    built = Model(OPTIONS, ModelData(content, USERS, 0, None, GRAPH))
    built.reset(torch.Generator().manual_seed(1))
    return built


def dense(graph: Propagation) -> torch.Tensor:
    return graph(torch.eye(USERS + ITEMS))


def similar(vectors: torch.Tensor, present: torch.Tensor, k: int) -> torch.Tensor:
    """Dense [items, items]: the k largest cosines of each row, at least 0, over the roots of both sums."""
    unit = F.normalize(vectors, dim=1)
    cosine = (unit @ unit.T).masked_fill(~present, -2)
    bound = cosine.topk(k, 1).values[:, -1:]
    kept = cosine.clamp(min=0) * (cosine >= bound) * present[:, None]
    scale = torch.where(kept.sum(1) > 0, kept.sum(1).rsqrt(), 0)
    return scale[:, None] * kept * scale


def test_the_graph_of_items_weighs_by_cosine(model: Model, content: ItemInputs) -> None:
    for name, modality in content.modalities.items():
        found = model.similar[name](torch.eye(ITEMS))
        torch.testing.assert_close(found, similar(modality.vectors, modality.present, 3))


def test_both_views(model: Model, content: ItemInputs) -> None:
    matrix = dense(model.graph)
    start = torch.cat([model.users, model.items])
    ids = (start + matrix @ start + matrix @ matrix @ start) / 3
    views, asked = [], []
    for name, modality in content.modalities.items():
        gate = model.purifiers[name](model.projections[name](modality.vectors)).sigmoid()
        items = similar(modality.vectors, modality.present, 3) @ (model.items * gate)
        views.append(torch.cat([matrix[:USERS, USERS:] @ items, items]))
        asked.append(model.query(views[-1]).tanh() @ model.query_weight.weight[0])
    shares = torch.stack(asked).softmax(0)
    common = shares[0, :, None] * views[0] + shares[1, :, None] * views[1]
    gates = [model.preferences[name](ids).sigmoid() for name in content.modalities]
    side = (common + sum(gate * (view - common) for gate, view in zip(gates, views, strict=True))) / 3
    found = model.views(content)
    torch.testing.assert_close(found.ids, ids)
    torch.testing.assert_close(found.side, side)
    towers = model.towers(content)
    torch.testing.assert_close(torch.cat([towers.history, towers.candidates]), ids + side)


@pytest.mark.parametrize("share", [1.0, 0.5])
@pytest.mark.parametrize(("owner", "target"), [([0, 3], [2, 4]), ([3, 3], [2, 2])])  # also one pair twice
def test_the_alignment_of_both_views(
    model: Model, content: ItemInputs, owner: list[int], target: list[int], share: float
) -> None:
    owners, targets, negatives = torch.tensor(owner), torch.tensor(target), torch.tensor([[0], [1]])
    step = FixedStep(owners, targets, negatives, share, model.towers(content), content=content)
    views, terms = model.views(content), []
    for rows in (owners, targets + USERS):
        side, ids = F.normalize(views.side[rows]), F.normalize(views.ids[rows])
        for i in range(2):
            scores = torch.exp(side[i] @ ids.T / 0.2)
            terms.append(-torch.log(scores[i] / scores.sum()))
    loss = model.loss(step)
    torch.testing.assert_close(loss["alignment"], share * 0.5 * torch.stack(terms).sum() / 2)
    squares = model.users[owners].square().sum() + model.items[[*target, 0, 1]].square().sum()
    assert loss["bpr"] == 2
    torch.testing.assert_close(loss["l2"], share * 0.05 * squares / 2)


def test_a_third_modality_needs_no_other_code(model: Model, content: ItemInputs) -> None:
    alone = without(content, "language")
    one = Model(OPTIONS, ModelData(alone, USERS, 0, None, GRAPH))
    one.reset(torch.Generator().manual_seed(1))
    views = one.views(alone)
    assert one.inputs() == ["vision"] and model.inputs() == ["vision", "language"]
    assert views.side.shape == (USERS + ITEMS, 3) and views.side.isfinite().all()
