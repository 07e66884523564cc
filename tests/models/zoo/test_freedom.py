"""FREEDOM's graphs and loss on a few nodes; test_contract.py has the tests that all models share."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from fusionrec.data.histories import Histories
from fusionrec.data.item_inputs import ItemInputs
from fusionrec.errors import UserError
from fusionrec.models.contract import ModelData
from fusionrec.models.zoo.freedom import Model, Options, pruned

from ..conftest import ITEMS, USERS
from .fixed_step import FixedStep

GRAPH = Histories(np.array([0, 3, 4, 4, 6]), np.array([1, 2, 3, 1, 4, 0]))
OPTIONS = Options(
    dim=3, layers=1, item_layers=1, neighbours=2, modality_weights={"vision": 0.25}, pruned=0.5, modality=0.1,
    losses={"bpr": 1.0},
)  # fmt: skip
EDGES = np.array([0, 0, 0, 1, 3, 3]), np.array([1, 2, 3, 1, 4, 0])


def build(content: ItemInputs, **changes: float) -> Model:
    options = OPTIONS.model_copy(update=changes)
    model = Model(options, ModelData(content, USERS, 0, None, GRAPH))
    model.reset(torch.Generator().manual_seed(1))
    return model


def nearest_two(vectors: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
    """Dense [items, items]: each item with a vector points to itself and to the nearest other, by halves."""
    unit = F.normalize(vectors, dim=1)
    cosine = (unit @ unit.T).masked_fill(~present, -2).fill_diagonal_(-2)
    return (torch.eye(ITEMS) + F.one_hot(cosine.argmax(1), ITEMS)) / 2 * present[:, None]


def test_the_graph_of_items_is_a_weighted_sum_over_modalities(content: ItemInputs) -> None:
    model = build(content)
    parts = {name: nearest_two(one.vectors, one.present) for name, one in content.modalities.items()}
    wanted = 0.25 * parts["vision"] + 0.75 * parts["language"]
    torch.testing.assert_close(model.similar(torch.eye(ITEMS)), wanted)


def test_an_item_adds_what_similar_items_are(content: ItemInputs) -> None:
    model = build(content, item_layers=2)
    users, items = model.smoothed(model.graph)
    dense = model.similar(torch.eye(ITEMS))
    found = model.eval().propagated()
    assert found[0].equal(users)
    torch.testing.assert_close(found[1], items + dense @ dense @ model.items)


def test_pruning_keeps_a_share_of_the_edges(content: ItemInputs) -> None:
    user, item = pruned(*EDGES, USERS, ITEMS, 0.5, torch.Generator().manual_seed(1))
    assert len(user) == 3 and {*zip(user, item, strict=True)} < {*zip(*EDGES, strict=True)}
    user, item = pruned(*EDGES, USERS, ITEMS, 0.99, torch.Generator().manual_seed(1))
    assert len(user) == 1, "the graph is never empty"


def test_an_edge_stays_by_the_degrees_of_both_ends() -> None:
    """One of two edges stays: weights 1 / 2 of (0, 1), with degrees 2 and 2, and 1 / sqrt(2) of the others."""
    edges = np.array([0, 0, 1]), np.array([0, 1, 1])
    generator = torch.Generator().manual_seed(0)
    draws = [pruned(*edges, 2, 2, 0.6, generator) for _ in range(3000)]
    rate = np.mean([(user[0], item[0]) == (0, 1) for user, item in draws])
    assert rate == pytest.approx(0.5 / (0.5 + 2**0.5), abs=0.03)


def test_each_epoch_prunes_anew_and_scores_use_all_edges(content: ItemInputs) -> None:
    model, generator = build(content), torch.Generator().manual_seed(3)
    whole = [x.clone() for x in model.eval().propagated()]
    seen = []
    for _ in range(3):
        model.train().start_epoch(generator)
        seen.append(model.propagated()[0])
        assert all(map(torch.equal, model.eval().propagated(), whole))
    assert not any(each.equal(whole[0]) for each in seen) and not seen[0].equal(seen[1])
    assert model.epoch_graph.get_buffer("column_0").shape == EDGES[0].shape, (
        "half of the edges, in both directions"
    )
    unpruned, state = build(content, pruned=0.0), generator.get_state()
    unpruned.start_epoch(generator)
    assert generator.get_state().equal(state) and unpruned.train().propagated()[0].equal(whole[0])


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_the_loss_of_modalities(content: ItemInputs, share: float) -> None:
    model = build(content)
    owners, targets, negatives = torch.tensor([0, 3]), torch.tensor([2, 4]), torch.tensor([[0, 4], [1, 2]])
    step = FixedStep(owners, targets, negatives, share, model.towers(content), content=content)
    users, terms = model.propagated()[0], []
    for name, modality in content.modalities.items():
        scores = users @ model.projections[name](modality.vectors).T
        terms += [
            -F.logsigmoid(scores[u, i] - scores[u, j])
            for u, i, row in zip(owners.tolist(), targets.tolist(), negatives.tolist(), strict=True)
            for j in row
        ]
    loss = model.loss(step)
    assert loss["bpr"] == 2
    torch.testing.assert_close(loss["modality"], share * 0.1 * torch.stack(terms).sum() / 4)


def test_it_needs_negatives(content: ItemInputs) -> None:
    model = build(content)
    step = FixedStep(torch.tensor([0]), torch.tensor([1]), torch.zeros(1, 0, dtype=torch.int64))
    with pytest.raises(UserError, match=r"model\.freedom needs negatives.*train\.negatives\.strategy"):
        model.loss(step)


def test_a_weight_of_a_modality_that_there_is_not(content: ItemInputs) -> None:
    changed = OPTIONS.model_copy(update={"modality_weights": {"smell": 0.5}})
    model = Model(changed, ModelData(content, USERS, 0, None, GRAPH))
    with pytest.raises(UserError, match=r"model\.freedom\.modality_weights: the items have no smell"):
        model.reset(torch.Generator().manual_seed(1))
