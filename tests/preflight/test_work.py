"""How much work parameters ask for, counted by hand."""

from typing import Any

import pytest

from fusionrec.data import item_inputs
from fusionrec.errors import UserError
from fusionrec.preflight import work
from fusionrec.preflight.sizes import Sizes

SIZES = Sizes(interactions=8000, users=100, items=50)
BASELINES: dict[str, Any] = {
    "names": ["popularity", "item_knn", "user_knn", "ease"],
    "item_knn": {"neighbours": [1, 2], "shrinkage": [0, 1, 2]},
    "user_knn": {"neighbours": [1], "shrinkage": [0], "max_users": 100},
    "ease": {"l2": [1, 2], "max_items": 50},
}


def tree(**losses: float) -> dict[str, Any]:
    return {
        "model": {
            "name": "m",
            "members": 1,
            "vision": "clip",
            "language": "none",
            "m": {"losses": losses or {"softmax": 1}},
        },
        "train": {"batch": 10, "targets": 4, "epochs": 3, "validation_users": 0},
        "metrics": {"users": 0, "baselines": BASELINES},
        "recs": {"users": "all"},
    }


def test_by_hand() -> None:
    units = work.units(tree(), SIZES)
    assert units["interactions"] == 8000 and units["pictures by clip"] == 50
    assert not [name for name in units if name.startswith("texts")], "language is off"
    assert units["vectors"] == units["fitted vectors"] == 50
    assert work.units(tree(), SIZES._replace(items=10**6))["fitted vectors"] == item_inputs.FITTED_VECTORS
    steps = 3 * 200  # in three epochs
    assert units["scores of full softmax"] == steps * 10 * 50 and units["validations x items"] == 4 * 100 * 50
    assert units["steps of sampled losses"] == units["steps of sampled losses x items"] == 0
    rankings = (
        1 + work.ABLATED + 4 + 6 + 2
    )  # the model, without inputs, baselines, combinations of two of them
    assert units["rankings x items"] == 100 * 50 * rankings
    assert units["users x users"] == 100 * 100 and units["cubed items of EASE"] == 50**3 * 2
    assert units["lists"] == 100 and units["lists x items"] == 100 * 50


def test_models_that_are_trained_together_cost_as_many_times() -> None:
    one, three = tree(), tree()
    three["model"]["members"] = 3
    for unit in ("scores of full softmax", "validations x items"):
        assert work.units(three, SIZES)[unit] == 3 * work.units(one, SIZES)[unit]


def test_a_sampled_loss_costs_by_the_step() -> None:
    units = work.units(tree(softmax=0, sampled_softmax=1), SIZES)
    assert units["scores of full softmax"] == 0 and units["steps of sampled losses"] == 600
    assert units["steps of sampled losses x items"] == 600 * 50


def test_what_is_too_large_is_left_out_and_costs_nothing() -> None:
    large = Sizes(8000, 101, 51)
    assert [name for name in BASELINES["names"] if work.left_out(BASELINES.get(name, {}), large)] == [
        "user_knn",
        "ease",
    ]
    units = work.units(tree(), large)
    assert units["users x users"] == units["cubed items of EASE"] == 0
    assert units["rankings x items"] == 101 * 51 * (1 + work.ABLATED + 2 + 6)


@pytest.mark.parametrize(("asked", "count"), [(0, 100), (30, 30), (400, 100)])
def test_samples_of_users(asked: int, count: int) -> None:
    parameters = tree()
    parameters["train"]["validation_users"] = parameters["metrics"]["users"] = asked
    assert work.validated(parameters, SIZES) == work.measured(parameters, SIZES) == count


@pytest.mark.parametrize(("asked", "lists"), [("all", 100), (12, 12), (900, 100), (["a", "b"], 2)])
def test_lists(asked: Any, lists: int) -> None:
    assert work.units(tree() | {"recs": {"users": asked}}, SIZES)["lists"] == lists


def test_a_parameter_that_is_missing_or_no_number_is_named() -> None:
    parameters = tree()
    parameters["train"]["epochs"] = "many"
    with pytest.raises(
        UserError, match=r"params\.yaml: parameter `train\.epochs`: must be a whole number, got 'many'"
    ):
        work.epochs(parameters)
    parameters["train"]["epochs"] = 3
    del parameters["metrics"]["users"]
    with pytest.raises(UserError, match=r"params\.yaml: missing parameter `metrics\.users`"):
        work.units(parameters, SIZES)
