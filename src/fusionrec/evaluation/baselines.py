"""Baselines: models in closed form that the model is compared with, fitted on the train interactions alone."""

from collections.abc import Callable

from fusionrec.errors import UnsuitableDataError, UserError
from fusionrec.evaluation.options import Baselines
from fusionrec.models import closed_form, zoo
from fusionrec.models.closed_form import ClosedForm, TrainData
from fusionrec.models.contract import ModelData, ranks_untrained
from fusionrec.models.trained_model import TrainedModel


def build(
    section: Baselines,
    data: ModelData,
    train: TrainData,
    validation: Callable[[TrainedModel], float] | None,
) -> dict[str, TrainedModel]:
    """Fit the baselines that are selected.

    Args:
        section: `metrics.baselines`.
        data: what models are built from.
        train: the only interactions that baselines are fitted on.
        validation: how good a model is on the validation part, more is better. If several combinations of
            hyper-parameters are tried, the best one is taken, the first of equals. None: the first one is taken.

    Returns:
        The baselines by name, in the order of the parameter. Those for which the data is unsuitable are left out, and
        named on the terminal with the reason.

    Raises:
        UserError: if a model is not in closed form.
    """
    built = {}
    for name in section.names:
        kind = zoo.load(name)
        if not issubclass(kind, ClosedForm):
            raise UserError(
                f"metrics.baselines.names: {name} is trained step by step and can be no baseline; remove it from the "
                f"list, and compare with `dvc exp run -n {name} -S model.name={name}`"
            )
        try:
            fitted = closed_form.candidates(kind, section.own(name), data, train)
            built[name] = closed_form.best(fitted, validation)
        except UnsuitableDataError as error:
            print(f"baseline left out: {error}")
    return built


def for_new_items(section: Baselines) -> Baselines:
    """Those that can rank items without a train interaction; the others are named on the terminal."""
    unable = [name for name in section.names if not ranks_untrained(zoo.load(name))]
    if unable:
        print(f"left out, since they cannot rank new items: {', '.join(unable)}")
    return section.model_copy(update={"names": [name for name in section.names if name not in unable]})
