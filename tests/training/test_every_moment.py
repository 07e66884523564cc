"""`train.moments: all`: one pass over a history trains as one example for each of its moments would."""

import numpy as np
import pytest
import torch

from fusionrec.data.item_inputs import ItemInputs
from fusionrec.errors import UserError
from fusionrec.models.contract import ModelData
from fusionrec.models.zoo.sasrec import Model
from fusionrec.training.batches import Batch, causal, every_moment
from fusionrec.training.objective import Objective
from fusionrec.training.options import Train

from .conftest import PARAMS, TRAIN, build, cycle, updated
from .conftest import USERS as COUNT

USERS, LENGTH = np.array([0, 5, 7]), 4
SHARDED = [("softmax", "uniform"), ("sampled_softmax", "uniform"), ("bpr", "in_batch")]


def sasrec(content: ItemInputs, loss: str) -> Model:
    """Without positions: a moment of a longer history is then the same as a history that ends there."""
    options = updated(PARAMS.model.own("sasrec"), dim=8, max_history=LENGTH, losses={loss: 1.0})
    model = Model(options, ModelData(content, COUNT, 0))
    model.reset(torch.Generator().manual_seed(1))
    torch.nn.init.zeros_(model.positions)
    return model.eval()


def whole() -> Batch:
    """At most as many choices are known as a history has room for, so that every moment sees all of them."""
    return every_moment(cycle(), USERS, np.array([4, 2, 3]), 1, LENGTH)


def negatives(strategy: str) -> Train:
    return updated(TRAIN, negatives=updated(TRAIN.negatives, strategy=strategy))


def test_the_loss_is_that_of_one_example_a_moment(content: ItemInputs) -> None:
    this = Objective(sasrec(content, "softmax"), content, cycle(), TRAIN)
    users, moments = np.repeat(USERS, [4, 2, 3]), np.array([4, 3, 2, 1, 2, 1, 3, 2, 1])
    apart = causal(cycle(), users, moments, 1, LENGTH)
    losses = [this(this.prepare(batch, np.random.default_rng(0)), None)["loss"] for batch in (whole(), apart)]
    torch.testing.assert_close(losses[0], losses[1])


@pytest.mark.parametrize(("loss", "strategy"), SHARDED)
def test_parts_average_to_the_whole(content: ItemInputs, loss: str, strategy: str) -> None:
    this = Objective(sasrec(content, loss), content, cycle(), negatives(strategy))
    everything, *parts = (
        this(this.prepare(whole(), np.random.default_rng(0), rank, size), None)["loss"]
        for rank, size in ((0, 1), (0, 2), (1, 2))
    )
    if strategy == "in_batch":  # a part has its own negatives only
        assert all(part.isfinite() for part in parts)
    else:
        torch.testing.assert_close(sum(parts) / 2, everything)


def test_a_model_that_reads_no_sequence_says_so(content: ItemInputs) -> None:
    this = Objective(build(content), content, cycle(), TRAIN)
    with pytest.raises(UserError, match=r"train\.moments.*sasrec"):
        this(this.prepare(whole(), np.random.default_rng(0)), None)
