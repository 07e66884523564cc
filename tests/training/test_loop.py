"""Training: learns a pattern, keeps the best epoch, repeats to the bit."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from fusionrec import params
from fusionrec.data.content import Content
from fusionrec.data.histories import Histories
from fusionrec.errors import UserError
from fusionrec.models.two_towers import FusionModel, Shape, TrainedModel
from fusionrec.training import loop

ITEMS, USERS = 12, 30
PARAMS = params.load(Path(__file__).resolve().parents[2] / "params.yaml")
MODEL = PARAMS.model.model_copy(update={"dim": 16, "id_dropout": 0.1, "history_dropout": 0.0})
TRAIN = PARAMS.train.model_copy(update={"batch": 16, "targets": 1, "lr": 0.02, "epochs": 40, "patience": 40})


def cycle() -> Histories:
    """Everybody walks round the catalogue: after item i comes item i + 1."""
    rows = [(user, (user + step) % ITEMS, step) for user in range(USERS) for step in range(8)]
    return Histories.of(pd.DataFrame(rows, columns=["user", "item", "timestamp"]), USERS)


def content() -> Content:
    nothing, absent = torch.zeros(ITEMS, 0), torch.zeros(ITEMS, dtype=torch.bool)
    bags = torch.zeros(ITEMS + 1, dtype=torch.int64)
    trained = torch.ones(ITEMS, dtype=torch.bool)
    return Content(nothing, absent, nothing, absent, nothing, bags, bags[:0], trained)


def next_is_first(model: TrainedModel) -> float:
    users = np.arange(USERS)
    scores = model.score(users, cycle())
    position, item = cycle().pairs(users)
    scores[torch.from_numpy(position), torch.from_numpy(item)] = -torch.inf
    return float((scores.argmax(1).numpy() == (users + 8) % ITEMS).mean())


def run(
    train: params.Train = TRAIN, validate: Callable[[TrainedModel], float] = next_is_first
) -> tuple[FusionModel, loop.Epoch, list[loop.Epoch]]:
    model = FusionModel(MODEL, content(), Shape(USERS, 0))
    epochs: list[loop.Epoch] = []
    best = loop.fit(model, content(), cycle(), validate, train, epochs.append)
    return model, best, epochs


@pytest.mark.parametrize("loss", ["softmax", "bpr"])
def test_a_pattern_is_learned(loss: str) -> None:
    model, best, epochs = run(TRAIN.model_copy(update={"loss": loss}))
    assert best.score == 1.0
    assert epochs[-1].loss < 0.6 * epochs[0].loss
    assert next_is_first(TrainedModel(model, content())) == 1.0


def test_the_best_epoch_is_kept_and_patience_ends_training() -> None:
    scores, seen = iter([0.1, 0.5, 0.4, 0.3, 0.2]), []

    def validate(model: TrainedModel) -> float:
        seen.append(model.towers.candidates.clone())
        return next(scores)

    model, best, epochs = run(TRAIN.model_copy(update={"patience": 3}), validate)
    assert (best.number, best.score, len(epochs)) == (2, 0.5, 5)
    assert torch.equal(TrainedModel(model, content()).towers.candidates, seen[1])


def test_the_seed_decides_everything() -> None:
    short = TRAIN.model_copy(update={"epochs": 3})
    one, two, other = (run(t)[2] for t in (short, short, short.model_copy(update={"seed": 2})))
    assert one == two
    assert one != other


def test_divergence_is_one_clear_error() -> None:
    with pytest.raises(UserError, match=r"diverged in epoch \d+: the loss is (nan|inf); lower train\.lr"):
        run(TRAIN.model_copy(update={"lr": 1e30}))


def test_global_generators_are_left_alone() -> None:
    model = FusionModel(MODEL, content(), Shape(USERS, 0))
    before = torch.get_rng_state()
    loop.fit(model, content(), cycle(), next_is_first, TRAIN.model_copy(update={"epochs": 1}), print)
    assert torch.equal(before, torch.get_rng_state())
