"""Models that are trained, one a file: each module has a class `Model`, a `TrainableModel`, and its `Options`."""

from typing import Any

from fusionrec import choices
from fusionrec.models.contract import TrainableModel

PACKAGE = "fusionrec.models.trained"


def load(name: str) -> type[TrainableModel]:
    """The class of the model `name`."""
    found: type[TrainableModel] = choices.load(PACKAGE, name).Model
    return found


def options(name: str) -> Any:
    """The class of the parameters of the model `name`."""
    return choices.load(PACKAGE, name).Options
