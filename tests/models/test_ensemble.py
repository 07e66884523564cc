"""Several models of one kind, averaged."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fusionrec import choices, files
from fusionrec.errors import UserError
from fusionrec.models import checkpoint, ensemble, zoo
from fusionrec.models.ensemble import Ensemble
from fusionrec.models.trainable import TrainableModel
from fusionrec.models.trained_model import TrainedModel
from fusionrec.training import loop
from fusionrec.training.loop import Epoch
from fusionrec.training.resume import Interrupted

from ..training.conftest import PARAMS, USERS, losses, updated
from .zoo.test_contract import (
    ALL,
    CPU,
    ITEM_IDS,
    OPTIONS,
    USER_IDS,
    Killed,
    data,
    finds_the_held_out,
    train,
    world,
)

TRAINED = [name for name in choices.names(zoo.PACKAGE) if issubclass(zoo.load(name), TrainableModel)]
every_trained_model = pytest.mark.parametrize("name", TRAINED)


def build(name: str, members: int, **changes: Any) -> TrainableModel:
    kind = ensemble.of(zoo.load(name), members)
    assert issubclass(kind, TrainableModel)
    model = kind(updated(PARAMS.model.own(name), dim=16, **changes), data(name))
    model.reset(torch.Generator().manual_seed(1))
    return model


def fitted(
    model: TrainableModel,
    epochs: int = 2,
    interrupted: Interrupted | None = None,
    watch: Callable[[Epoch], None] = lambda epoch: None,
) -> list[Epoch]:
    seen: list[Epoch] = []

    def track(epoch: Epoch) -> None:
        seen.append(epoch)
        watch(epoch)

    how = updated(OPTIONS, epochs=epochs)
    loop.fit(model, world(), train(), finds_the_held_out, how, track, interrupted, every=0)
    return seen


@every_trained_model
def test_a_score_is_the_mean_of_those_of_the_members(name: str) -> None:
    model = build(name, 3)
    fitted(model)
    each = [TrainedModel(member, world()) for member in model.parts()]
    together = TrainedModel(model, world())
    mean = torch.stack([one.score(ALL, train()) for one in each]).mean(0)
    torch.testing.assert_close(together.score(ALL, train()), mean)
    assert not torch.allclose(each[0].score(ALL, train()), mean), "members differ"
    if model.scores_new_items:
        new = world().take(torch.tensor([7, 2, 5, 1]))
        mean = torch.stack([one.among(new).score(ALL, train()) for one in each]).mean(0)
        torch.testing.assert_close(together.among(new).score(ALL, train()), mean)


@every_trained_model
def test_saved_and_loaded_it_scores_the_same(name: str, tmp_path: Path) -> None:
    model = build(name, 2)
    fitted(model, epochs=1)
    checkpoint.save(tmp_path, name, model, data(name), ITEM_IDS, USER_IDS, {"epoch": 1})
    loaded = checkpoint.load(tmp_path, CPU, ITEM_IDS)
    assert isinstance(loaded.model, Ensemble) and loaded.model.count == 2
    assert torch.equal(loaded.score(ALL, train()), TrainedModel(model, world()).score(ALL, train()))


def test_a_member_learns_what_it_would_learn_alone() -> None:
    """Without dropout nothing is drawn for one member that shifts the draws of another."""
    off: dict[str, Any] = {n: 0.0 for n in type(PARAMS.model.own("fusion")).model_fields if "dropout" in n}
    off |= {"new_items": "tower", "losses": losses(softmax=1.0)}
    together, alone = build("fusion", 2, **off), build("fusion", 1, **off)
    alone.load_state_dict(together.parts()[1].state_dict())
    both = [fitted(model, epochs=1) for model in (together, alone)]
    for name, weight in alone.state_dict().items():
        torch.testing.assert_close(together.parts()[1].state_dict()[name], weight, msg=name)
    assert both[0][0].metrics["train/loss"] > both[1][0].metrics["train/loss"], "a sum over the members"


def test_interrupted_it_ends_with_the_same_weights(tmp_path: Path) -> None:
    def kill(epoch: Epoch) -> None:
        if epoch.number == 2:
            raise Killed

    whole, resumed, state = build("fusion", 2), build("fusion", 2), Interrupted(tmp_path / "state")
    fitted(whole, epochs=3)
    with pytest.raises(Killed):
        fitted(build("fusion", 2), 3, state, kill)
    assert len(fitted(resumed, 3, state)) == 3
    expected = whole.state_dict()
    assert all(torch.equal(weight, expected[name]) for name, weight in resumed.state_dict().items())


def test_its_vectors_are_those_of_the_members_side_by_side() -> None:
    both = build("fusion", 2)
    model = TrainedModel(both, world())
    vectors, items = model.user_vectors(ALL, train()), model.towers.candidates
    torch.testing.assert_close(vectors @ items.T + model.towers.bias, model.score(ALL, train()))
    assert vectors.shape == (USERS, 32)
    order = torch.arange(len(world().trained)).flip(0)
    one, other = (each.parts()[0].id_tensors()[0] for each in (both, both.with_ids(order)))
    assert torch.equal(other, one[order])
    known = model.knows(np.array([0, 1]), train())
    assert known.all()


def test_a_network_on_both_vectors_cannot_be_averaged() -> None:
    with pytest.raises(UserError, match=r"model\.members: only inner products"):
        build("fusion", 2, head="mlp")


def test_a_closed_form_is_the_same_each_time() -> None:
    with pytest.raises(UserError, match=r"model\.members: a model in closed form"):
        ensemble.of(zoo.load("ease"), 2)
    assert ensemble.of(zoo.load("ease"), 1) is zoo.load("ease")


@pytest.mark.parametrize("members", [0, -1, 1001, "2", True, None, 2.0])
def test_a_folder_with_an_impossible_number_is_refused(tmp_path: Path, members: object) -> None:
    model = build("fusion", 2)
    checkpoint.save(tmp_path, "fusion", model, data("fusion"), ITEM_IDS, USER_IDS, {"epoch": 1})
    config = files.read_json(tmp_path / "config.json")
    config["model"]["members"] = members
    files.write_json(tmp_path / "config.json", config)
    with pytest.raises(UserError, match=r"model\.members must be a whole number from 1 to 1000"):
        checkpoint.load(tmp_path, CPU)


def test_a_folder_with_another_number_does_not_fit(tmp_path: Path) -> None:
    model = build("fusion", 2)
    checkpoint.save(tmp_path, "fusion", model, data("fusion"), ITEM_IDS, USER_IDS, {"epoch": 1})
    config = files.read_json(tmp_path / "config.json")
    config["model"]["members"] = 3
    files.write_json(tmp_path / "config.json", config)
    with pytest.raises(UserError, match=r"members\.2\..* is missing"):
        checkpoint.load(tmp_path, CPU)
