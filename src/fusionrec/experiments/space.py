"""The space of a search: which parameters vary, in what range, and under which condition."""

from typing import TYPE_CHECKING, Any

from fusionrec.errors import UserError
from fusionrec.experiments import overrides
from fusionrec.experiments.options import Categorical, Dimension

if TYPE_CHECKING:
    from optuna import Trial

SECTIONS = ("cache", "encoders", "model", "train")  # the others decide which data validation uses
FIXED = ("train.monitor", "train.direction", "train.resume_from", "train.wandb")


def check(space: dict[str, Dimension], tree: dict[str, Any]) -> None:
    """Check that `space` fits the parameters `tree`.

    Raises:
        UserError: naming the dimension that does not fit, and why.
    """
    earlier: set[str] = set()
    for name, dimension in space.items():
        where = f"search.space.{name}"
        if name.split(".")[0] not in SECTIONS or name in FIXED:
            allowed = ", ".join(SECTIONS)
            raise UserError(
                f"{where}: trials would be validated on different data or by another metric; a search may vary "
                f"parameters of {allowed}, except {', '.join(FIXED)}"
            )
        if not _is_value(tree, name.split(".")):
            raise UserError(f"{where}: params.yaml has no parameter `{name}`")
        if dimension.when and _condition(dimension.when)[0] not in earlier:
            raise UserError(f"{where}.when: `{dimension.when}` must name a dimension above this one")
        earlier.add(name)


def _is_value(tree: Any, path: list[str]) -> bool:
    for part in path:
        if not isinstance(tree, dict) or part not in tree:
            return False
        tree = tree[part]
    return not isinstance(tree, dict)


def _condition(when: str) -> tuple[str, set[str]]:
    """`a.b=x,y` as a.b and {a.b=x, a.b=y}."""
    name, values = when.split("=", 1)
    return name, {f"{name}={value.strip()}" for value in values.split(",")}


def suggest(trial: "Trial", space: dict[str, Dimension]) -> list[str]:
    """One point of the space, as overrides; a dimension whose condition is false keeps its value in params.yaml."""
    chosen: list[str] = []
    for name, dimension in space.items():
        if dimension.when and not _condition(dimension.when)[1] & set(chosen):
            continue
        chosen.append(overrides.one(name, _draw(trial, name, dimension)))
    return chosen


def _draw(trial: "Trial", name: str, dimension: Dimension) -> Any:
    if isinstance(dimension, Categorical):
        return trial.suggest_categorical(name, dimension.choices)
    if dimension.kind == "int":
        return trial.suggest_int(name, int(dimension.low), int(dimension.high))
    return trial.suggest_float(name, dimension.low, dimension.high, log=dimension.kind == "log")
