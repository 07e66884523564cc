"""Fits a model in closed form: each combination of its hyper-parameters is one epoch, the best one is kept."""

from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple

from fusionrec.data.modalities import ENCODED
from fusionrec.errors import UserError
from fusionrec.models import closed_form
from fusionrec.models.closed_form import ClosedForm, TrainData
from fusionrec.models.contract import Model, ModelData
from fusionrec.models.trained_model import TrainedModel
from fusionrec.training.loop import Epoch
from fusionrec.training.parameters import Parameters


class Fitted(NamedTuple):
    """A model with its final weights, and the epoch that they are of."""

    model: Model
    best: Epoch


Validate = Callable[[TrainedModel], dict[str, float]]


def combinations(options: Any) -> int:
    """How many combinations of hyper-parameters are tried: of options that are lists, all values."""
    return prod(len(value) for value in options.model_dump().values() if isinstance(value, list))


def check(p: Parameters) -> None:
    """Refuse parameters that only mean something for models that are trained step by step.

    Raises:
        UserError: if an encoder is to be trained, a model folder to be continued from, or several to be averaged.
    """
    for modality in ENCODED:
        if not getattr(p.model, f"freeze_{modality}"):
            raise UserError(
                f"model.freeze_{modality}: {p.model.name} is computed in closed form and trains no encoder; "
                "set it to true"
            )
    if p.model.members > 1:
        raise UserError(
            f"model.members: {p.model.name} is computed in closed form, the same each time; set it to 1"
        )
    if p.train.resume_from is not None:
        raise UserError(
            f"train.resume_from: {p.model.name} is computed in closed form and starts from nothing; set it to null"
        )


def fit(
    kind: type[ClosedForm],
    options: Any,
    data: ModelData,
    train: TrainData,
    validate: Validate,
    monitor: str,
    direction: str,
    track: Callable[[Epoch], None],
) -> Fitted:
    """The best model and its epoch; the first of equals.

    Args:
        kind: class of the model.
        options: its parameters.
        data: what it is built from.
        train: what it is fitted on.
        validate: metrics of a model; one of them is `monitor`.
        monitor: the metric that decides.
        direction: max or min.
        track: is called with each combination's epoch.
    """
    epochs: list[Epoch] = []

    def value(fitted: TrainedModel) -> float:
        metrics = validate(fitted)
        epochs.append(Epoch(len(epochs) + 1, {f"val/{name}": x for name, x in metrics.items()}))
        track(epochs[-1])
        return metrics[monitor] * (1 if direction == "max" else -1)

    fitted = enumerate(closed_form.candidates(kind, options, data, train))
    number, best = max(fitted, key=lambda one: value(one[1]))
    return Fitted(best.model, epochs[number])
