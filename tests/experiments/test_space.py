"""The space of a search."""

from pathlib import Path
from typing import Any

import optuna
import pytest
import yaml
from optuna.trial import FixedTrial

from fusionrec import params
from fusionrec.errors import UserError
from fusionrec.experiments import space

ROOT = Path(__file__).resolve().parents[2]
TREE: dict[str, Any] = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))


def dimensions(**fields: dict[str, Any]) -> dict[str, params.Dimension]:
    tree = TREE | {"search": TREE["search"] | {"space": {k.replace("__", "."): v for k, v in fields.items()}}}
    return params.parse(tree).search.space


FUSION = {"kind": "categorical", "choices": ["concatenate", "gated", "attention"]}
WEIGHT = {"kind": "log", "low": 0.1, "high": 3, "when": "model.fusion=gated,attention"}


def test_the_committed_space_fits() -> None:
    space.check(params.parse(TREE).search.space, TREE)


def test_each_kind_is_drawn_within_its_bounds() -> None:
    found = dimensions(
        train__lr={"kind": "log", "low": 1e-4, "high": 1e-2},
        model__id_dropout={"kind": "float", "low": 0.0, "high": 0.5},
        train__targets={"kind": "int", "low": 1, "high": 3},
        model__item_id={"kind": "categorical", "choices": [True, False]},
    )
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    points = [dict(setting.split("=") for setting in space.suggest(study.ask(), found)) for _ in range(60)]
    assert {point["train.targets"] for point in points} == {"1", "2", "3"}
    assert {point["model.item_id"] for point in points} == {"true", "false"}
    rates = sorted(float(point["train.lr"]) for point in points)
    assert rates[0] >= 1e-4 and rates[-1] <= 1e-2 and 5e-4 < rates[30] < 2e-3, "even in the logarithm"
    assert all(0 <= float(point["model.id_dropout"]) <= 0.5 for point in points)


@pytest.mark.parametrize(("fusion", "expected"), [("concatenate", 1), ("gated", 2), ("attention", 2)])
def test_a_condition(fusion: str, expected: int) -> None:
    found = dimensions(model__fusion=FUSION, model__fusion_weight=WEIGHT)
    trial: Any = FixedTrial({"model.fusion": fusion, "model.fusion_weight": 0.5})
    settings = space.suggest(trial, found)
    assert settings == [f"model.fusion={fusion}", "model.fusion_weight=0.5"][:expected]


def test_a_condition_on_what_a_condition_ruled_out() -> None:
    found = dimensions(
        model__fusion=FUSION,
        model__fusion_weight=WEIGHT,
        model__dim={"kind": "int", "low": 8, "high": 9, "when": "model.fusion_weight=0.5"},
    )
    trial: Any = FixedTrial({"model.fusion": "concatenate", "model.fusion_weight": 0.5, "model.dim": 8})
    assert space.suggest(trial, found) == ["model.fusion=concatenate"]


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ({"model__nothing": FUSION}, "params.yaml has no parameter `model.nothing`"),
        ({"train__losses": FUSION}, "has no parameter `train.losses`"),
        ({"splits__seed": {"kind": "int", "low": 1, "high": 9}}, "validated on different data"),
        ({"train__monitor": FUSION}, "by another measure"),
        (
            {"model__fusion_weight": WEIGHT, "model__fusion": FUSION},
            "must name a parameter that stands above",
        ),
    ],
)
def test_what_does_not_fit_is_refused(found: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        space.check(dimensions(**found), TREE)


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "log", "low": 0, "high": 1},
        {"kind": "float", "low": 2, "high": 1},
        {"kind": "normal", "low": 0, "high": 1},
        {"kind": "categorical", "choices": ["one"]},
        {"kind": "int", "low": 1, "high": 2, "when": "model.fusion"},
    ],
)
def test_a_dimension_that_is_none_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=r"search\.space"):
        dimensions(train__lr=wrong)
