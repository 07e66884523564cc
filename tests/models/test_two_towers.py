"""The dot-product model, against its formula."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from fusionrec import files
from fusionrec.data.histories import Histories
from fusionrec.errors import UserError
from fusionrec.models import checkpoint
from fusionrec.models.two_towers import FusionModel, Shape, TrainedModel

from .conftest import CATEGORY_VALUES, ITEMS, USERS

SHAPE = Shape(USERS, CATEGORY_VALUES)
PAST = Histories.of(
    pd.DataFrame({"user": [0, 0, 0, 1], "item": [1, 2, 3, 4], "timestamp": [1, 2, 3, 1]}), USERS
)
ALL = np.arange(USERS)


@pytest.fixture(params=["history", "id", "both"])
def model(request, options, content):  # type: ignore[no-untyped-def]
    built = FusionModel(options.model_copy(update={"user": request.param}), content, SHAPE)
    built.reset(torch.Generator().manual_seed(5))
    with torch.no_grad():
        built.recency += torch.arange(3) / 10
        built.item_bias += torch.arange(ITEMS)
    return built


def test_score_equals_the_formula(model, content) -> None:  # type: ignore[no-untyped-def]
    towers = model.towers(content)
    scores = TrainedModel(model, content).score(ALL, PAST)
    newest_first = [3, 2, 1]  # ranks 1, 2, 3 are in buckets 0, 1, 1
    expected = torch.zeros(8)
    if model.history is not None:
        for item, bucket in zip(newest_first, [0, 1, 1], strict=True):
            expected = expected + math.exp(bucket / 10) * towers.history[item] / math.sqrt(3 + 1)
    if model.users is not None:
        expected = expected + model.users.weight[0]
    torch.testing.assert_close(scores[0], towers.candidates @ expected + towers.bias)


def test_untrained_items_have_no_id_bias(model, content) -> None:  # type: ignore[no-untyped-def]
    with torch.no_grad():
        before = model.towers(content).bias.clone()
        model.item_bias += 1
        assert (model.towers(content).bias - before).tolist() == pytest.approx([1, 1, 1, 1, 1, 0], abs=1e-6)


def test_every_weight_gets_a_gradient(model, content, generator) -> None:  # type: ignore[no-untyped-def]
    towers = model.towers(content)
    vectors = model.user_vectors(towers, torch.from_numpy(ALL), torch.from_numpy(PAST.latest(ALL, 5)))
    (vectors @ towers.candidates.T + towers.bias).square().sum().backward()
    without = [name for name, weight in model.named_parameters() if weight.grad is None]
    assert without == (["recency"] if model.users is not None and model.history is None else [])


def test_only_the_newest_of_a_long_history_count(model, content) -> None:  # type: ignore[no-untyped-def]
    rows = [(0, item % ITEMS, item) for item in range(12)]
    long = pd.DataFrame(rows, columns=["user", "item", "timestamp"])
    score = TrainedModel(model, content).score
    torch.testing.assert_close(
        score(ALL[:1], Histories.of(long, USERS)), score(ALL[:1], Histories.of(long.tail(5), USERS))
    )


def test_save_and_load(model, content, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    checkpoint.save(tmp_path, model, content, SHAPE)
    loaded = checkpoint.load(tmp_path, torch.device("cpu"))
    assert torch.equal(loaded.score(ALL, PAST), TrainedModel(model, content).score(ALL, PAST))


def test_loading_refuses_what_does_not_fit(model, content, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    checkpoint.save(tmp_path, model, content, SHAPE)
    tensors = files.read_tensors(tmp_path / "model.safetensors")
    files.write_tensors(
        tmp_path / "model.safetensors", {k: v for k, v in tensors.items() if k != "item_bias"}
    )
    with pytest.raises(UserError, match="item_bias"):
        checkpoint.load(tmp_path, torch.device("cpu"))
    config = files.read_json(tmp_path / "config.json")
    files.write_json(tmp_path / "config.json", config | {"schema": 0})
    with pytest.raises(UserError, match="schema 0"):
        checkpoint.load(tmp_path, torch.device("cpu"))


def test_a_model_needs_some_input(options, content) -> None:  # type: ignore[no-untyped-def]
    bare = content._replace(vision=torch.zeros(ITEMS, 0), language=torch.zeros(ITEMS, 0))
    off = options.model_copy(update={"item_id": False, "categories": False, "numbers": False})
    with pytest.raises(UserError, match="switched off"):
        FusionModel(off, bare, SHAPE)
