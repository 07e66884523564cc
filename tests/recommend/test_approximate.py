"""The index, against scoring all items."""

from pathlib import Path

import faiss
import numpy as np
import pytest
import torch

from fusionrec import files
from fusionrec.data.histories import Histories
from fusionrec.errors import UserError
from fusionrec.models.contract import ModelData
from fusionrec.models.popularity_scores import PopularityScores
from fusionrec.models.trained_model import TrainedModel
from fusionrec.models.zoo.fusion import FusionModel
from fusionrec.recommend import approximate, lists, packing
from fusionrec.recommend.lists import Rules
from fusionrec.recommend.rerank_options import Rerank
from fusionrec.serve.answers import Served
from fusionrec.serve.schemas import ListsRequest

from ..catalogue import contents
from . import shop

N, USERS = 2000, 40
PLAIN = Rerank(method="none", max_candidates=100, strength=0, novelty=0)
NOTHING = np.zeros(0, np.int64)


@pytest.fixture(scope="module")
def trained() -> TrainedModel:
    draw = torch.Generator().manual_seed(0)
    content = contents(N, vision=torch.randn(N, 16, generator=draw))
    options = shop.parameters(dim=16, numbers=False, categories=False).model.own("fusion")
    model = FusionModel(options, ModelData(content, USERS, 0))
    model.reset(draw)
    return TrainedModel(model, content)


@pytest.fixture(scope="module")
def past() -> Histories:
    rng = np.random.default_rng(0)
    return Histories(np.arange(USERS + 1) * 8, rng.integers(0, N, USERS * 8))


def test_lists_are_nearly_those_of_all_scores_and_every_rule_holds(
    trained: TrainedModel, past: Histories
) -> None:
    index, popularity = approximate.make(trained), PopularityScores(past, N)
    users, rng = np.arange(USERS), np.random.default_rng(1)
    rules = [
        Rules(10, bool(user % 2), rng.integers(0, N, 50) if user % 3 else NOTHING, [], PLAIN)
        for user in users
    ]
    exact, found = (
        lists.of_batch(trained, popularity, users, past, rules, None, one) for one in (None, index)
    )
    shares = []
    for user, (one, other) in enumerate(zip(exact, found, strict=True)):
        items = other.lists.items[0]
        assert len({*items}) == 10 and items.min() >= 0
        assert not np.isin(items, rules[user].excluded).any()
        assert not (rules[user].filter_seen and np.isin(items, past[user]).any())
        scores = trained.score(np.array([user]), past)[0].numpy()
        np.testing.assert_allclose(other.lists.scores[0], scores[items], atol=1e-5)
        shares.append(np.isin(one.lists.items[0], items).mean())
    assert np.mean(shares) > 0.9
    measured = approximate.recall(index, trained, past)
    assert measured["users"] == USERS and measured["recall@10"] > 0.9


def test_where_it_finds_too_few_all_items_are_scored(trained: TrainedModel, past: Histories) -> None:
    index, users = approximate.make(trained), np.arange(2)
    assert index.best(np.zeros((1, 17), np.float32), [np.arange(approximate.MOST)], 1) is None
    alone = Histories(np.array([0, 0, 3]), np.array([1, 2, 3]))  # nothing is known of the first user
    rules = [Rules(5, True, np.arange(N - 8, dtype=np.int64), [], PLAIN)] * 2
    popularity = PopularityScores(past, N)
    for histories in (past, alone):
        exact, found = (
            lists.of_batch(trained, popularity, users, histories, rules, None, one) for one in (None, index)
        )
        for one, other in zip(exact, found, strict=True):
            np.testing.assert_array_equal(one.lists.items, other.lists.items)


def test_a_packed_index_is_used_and_measured(built: Path, tmp_path: Path) -> None:
    packing.pack(tmp_path / "pack", built / "model", built / "splits", index=True)
    assert files.read_json(tmp_path / "pack/catalogue/index.json") == {"recall@10": 1.0, "users": shop.USERS}
    served, exact = Served(tmp_path / "pack"), Served(tmp_path / "pack", exact=True)
    assert isinstance(served.index.graph, faiss.IndexHNSWFlat) and exact.index is None  # type: ignore[union-attr]
    asked = [
        ListsRequest(users=["u3", "b"], k=5, histories={"b": ["i06"]}),
        ListsRequest(users=["u1"], k=12, category_limits={"genres": 1}),
    ]
    for one, other in zip(served.lists(asked), exact.lists(asked), strict=True):
        assert isinstance(one, dict) and isinstance(other, dict)
        for found, expected in zip(one["lists"], other["lists"], strict=True):
            assert [item["item_id"] for item in found["items"]] == [
                item["item_id"] for item in expected["items"]
            ]


def test_a_head_that_is_no_inner_product_has_no_index(tmp_path: Path) -> None:
    folder = shop.build(tmp_path, vision="none", language="none", head="mlp")
    with pytest.raises(UserError, match=r"model\.fusion\.head=dot"):
        packing.pack(tmp_path / "pack", folder / "model", folder / "splits", index=True)
    assert not (tmp_path / "pack").exists()
