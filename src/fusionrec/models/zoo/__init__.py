"""The models that `model.name` selects from, one a file: a module has a class `Model` and its parameters, `Options`."""

from typing import TYPE_CHECKING, Any

from fusionrec import choices
from fusionrec.choices import Choice

if TYPE_CHECKING:  # parameters are checked without torch
    from fusionrec.models.contract import Model

PACKAGE = "fusionrec.models.zoo"
SELECTED = Choice(
    "fusionrec.models.zoo", "model.name"
)  # saved models are loaded by name: see `fusionrec.code`


def load(name: str) -> "type[Model]":
    """The class of the model `name`."""
    model: type[Model] = choices.load(PACKAGE, name).Model
    return model


def options(name: str) -> Any:
    """The class of the parameters of the model `name`."""
    return choices.load(PACKAGE, name).Options
