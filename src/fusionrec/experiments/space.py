"""The space of a search: which parameters vary, in what range, and under which condition."""

from typing import TYPE_CHECKING, Any

from fusionrec import trees
from fusionrec.errors import UserError
from fusionrec.experiments import names, overrides
from fusionrec.experiments.options import Categorical, Dimension

if TYPE_CHECKING:
    from optuna import Trial


def of_model(space: dict[str, Dimension], name: str) -> dict[str, Dimension]:
    """The dimensions that matter to a model: without those of other models, nor of training if it has no steps.

    Raises:
        UserError: if there is no such model, or no dimension is left.
    """
    from fusionrec import choices
    from fusionrec.models import zoo
    from fusionrec.models.closed_form import ClosedForm

    known = choices.names(zoo.PACKAGE)
    if name not in known:
        raise UserError(f"--model: there is no model {name!r}; known: {', '.join(known)}")
    closed = issubclass(zoo.load(name), ClosedForm)
    others = tuple(f"model.{other}." for other in known if other != name) + (("train.",) if closed else ())
    own = {path: dimension for path, dimension in space.items() if not path.startswith(others)}
    if own:
        return own
    lists = f"; {name} also tries the lists in model.{name} by itself, without a search" if closed else ""
    raise UserError(f"search.space has no dimension for {name}: add a parameter of model.{name}{lists}")


def start(space: dict[str, Dimension], tree: dict[str, Any]) -> dict[str, Any]:
    """The point of the space where the parameters `tree` are, without the dimensions whose range they are outside."""
    values = {name: trees.value(tree, name) for name in space}
    return {name: value for name, value in values.items() if _contains(space[name], value)}


def _contains(dimension: Dimension, value: Any) -> bool:
    if isinstance(dimension, Categorical):
        return value in dimension.choices
    return isinstance(value, int | float) and dimension.low <= value <= dimension.high


def suggest(trial: "Trial", space: dict[str, Dimension]) -> list[str]:
    """One point of the space, as overrides; a dimension whose condition is false keeps its value in params.yaml."""
    chosen: list[str] = []
    for name, dimension in space.items():
        if dimension.when and not names.condition(dimension.when)[1] & set(chosen):
            continue
        chosen.append(overrides.one(name, _draw(trial, name, dimension)))
    return chosen


def _draw(trial: "Trial", name: str, dimension: Dimension) -> Any:
    if isinstance(dimension, Categorical):
        return trial.suggest_categorical(name, dimension.choices)
    if dimension.kind == "int":
        return trial.suggest_int(name, int(dimension.low), int(dimension.high))
    return trial.suggest_float(name, dimension.low, dimension.high, log=dimension.kind == "log")
