"""The space of a search."""

from pathlib import Path
from typing import Any

import optuna
import pytest
import yaml
from optuna.trial import FixedTrial

from fusionrec import sections
from fusionrec.errors import UserError
from fusionrec.experiments import names, space
from fusionrec.experiments.options import Dimension

ROOT = Path(__file__).resolve().parents[2]
TREE: dict[str, Any] = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))


def dimensions(**fields: dict[str, Any]) -> dict[str, Dimension]:
    tree = TREE | {"search": TREE["search"] | {"space": {k.replace("__", "."): v for k, v in fields.items()}}}
    return sections.parse(tree).search.space


FUSION = {"kind": "categorical", "choices": ["concatenate", "gated", "attention"]}
WEIGHT = {"kind": "log", "low": 0.1, "high": 3, "when": "model.fusion.method=gated,attention"}


def test_the_committed_space_fits() -> None:
    names.check_space(sections.parse(TREE).search.space, TREE)


def test_each_kind_is_drawn_within_its_bounds() -> None:
    varied = dimensions(
        train__lr={"kind": "log", "low": 1e-4, "high": 1e-2},
        model__fusion__id_dropout={"kind": "float", "low": 0.0, "high": 0.5},
        train__targets={"kind": "int", "low": 1, "high": 3},
        model__fusion__item_id={"kind": "categorical", "choices": [True, False]},
    )
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    points = [dict(setting.split("=") for setting in space.suggest(study.ask(), varied)) for _ in range(60)]
    assert {point["train.targets"] for point in points} == {"1", "2", "3"}
    assert {point["model.fusion.item_id"] for point in points} == {"true", "false"}
    rates = sorted(float(point["train.lr"]) for point in points)
    assert rates[0] >= 1e-4 and rates[-1] <= 1e-2 and 5e-4 < rates[30] < 2e-3, "even in the logarithm"
    assert all(0 <= float(point["model.fusion.id_dropout"]) <= 0.5 for point in points)


@pytest.mark.parametrize(("fusion", "expected"), [("concatenate", 1), ("gated", 2), ("attention", 2)])
def test_a_condition(fusion: str, expected: int) -> None:
    varied = dimensions(model__fusion__method=FUSION, model__fusion__fusion_weight=WEIGHT)
    trial: Any = FixedTrial({"model.fusion.method": fusion, "model.fusion.fusion_weight": 0.5})
    settings = space.suggest(trial, varied)
    assert settings == [f"model.fusion.method={fusion}", "model.fusion.fusion_weight=0.5"][:expected]


def test_a_condition_on_what_a_condition_ruled_out() -> None:
    varied = dimensions(
        model__fusion__method=FUSION,
        model__fusion__fusion_weight=WEIGHT,
        model__fusion__dim={"kind": "int", "low": 8, "high": 9, "when": "model.fusion.fusion_weight=0.5"},
    )
    fixed = {"model.fusion.method": "concatenate", "model.fusion.fusion_weight": 0.5, "model.fusion.dim": 8}
    trial: Any = FixedTrial(fixed)
    assert space.suggest(trial, varied) == ["model.fusion.method=concatenate"]


@pytest.mark.parametrize(
    ("space_", "message"),
    [
        ({"model__nothing": FUSION}, "params.yaml has no parameter `model.nothing`"),
        ({"model__fusion": FUSION}, "has no parameter `model.fusion`"),
        ({"splits__seed": {"kind": "int", "low": 1, "high": 9}}, "validated on different data"),
        ({"train__monitor": FUSION}, "by another metric"),
        (
            {"model__fusion__fusion_weight": WEIGHT, "model__fusion__method": FUSION},
            "must name a dimension above this one",
        ),
    ],
)
def test_what_does_not_fit_is_refused(space_: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        names.check_space(dimensions(**space_), TREE)


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


RATE = {"kind": "log", "low": 1e-4, "high": 1e-2}


def test_a_search_varies_what_matters_to_its_model() -> None:
    dim = {"kind": "int", "low": 8, "high": 9}
    varied = dimensions(
        train__lr=RATE,
        model__fusion__dim=dim,
        model__bpr_mf__dim=dim,
        model__pca=dim,
        model__ease__max_items=dim,
    )
    assert [*space.of_model(varied, "bpr_mf")] == ["train.lr", "model.bpr_mf.dim", "model.pca"]
    assert [*space.of_model(varied, "ease")] == ["model.pca", "model.ease.max_items"], (
        "it is not trained by steps"
    )


@pytest.mark.parametrize(
    ("model", "message"), [("ease", "no dimension for ease.*lists in model.ease"), ("eas", "known: .*ease")]
)
def test_a_model_without_dimensions_is_refused(model: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        space.of_model(dimensions(train__lr=RATE), model)


def test_a_search_starts_where_the_parameters_are_within_their_ranges() -> None:
    varied = dimensions(
        train__lr={"kind": "log", "low": 0.5, "high": 1.0},
        train__batch={"kind": "int", "low": 1, "high": TREE["train"]["batch"]},
        model__fusion__method=FUSION,
    )
    method = TREE["model"]["fusion"]["method"]
    assert space.start(varied, TREE) == {"train.batch": TREE["train"]["batch"]} | (
        {"model.fusion.method": method} if method in FUSION["choices"] else {}
    )
