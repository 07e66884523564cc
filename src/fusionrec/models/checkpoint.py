"""A trained model as a folder: weights and inputs as safetensors, the rest as JSON.

It is self-contained: scoring needs this folder and the users' histories, nothing else.
"""

from pathlib import Path

import torch

from fusionrec import files, params
from fusionrec.data.content import Content
from fusionrec.errors import UserError
from fusionrec.models.two_towers import FusionModel, Shape, TrainedModel

SCHEMA = 1
CONTENT = "content."


def save(folder: Path, model: FusionModel, content: Content, shape: Shape) -> None:
    """Write `model.safetensors` and `config.json` into `folder`."""
    inputs = {CONTENT + name: tensor for name, tensor in content._asdict().items()}
    files.write_tensors(folder / "model.safetensors", model.state_dict() | inputs)
    config = {"schema": SCHEMA, "model": model.options.model_dump(), "shape": shape._asdict()}
    files.write_json(folder / "config.json", config)


def load(folder: Path | str, device: torch.device) -> TrainedModel:
    """Read what `save` wrote.

    Raises:
        UserError: if the folder is of another schema, or a tensor is missing, unexpected or misshapen.
    """
    folder = Path(folder)
    config = files.read_json(folder / "config.json")
    if config["schema"] != SCHEMA:
        raise UserError(
            f"{folder}: schema {config['schema']}, this code reads {SCHEMA}; run `dvc repro model`"
        )
    tensors = files.read_tensors(folder / "model.safetensors")
    content = Content(*(tensors.pop(CONTENT + name) for name in Content._fields))
    model = FusionModel(params.Model(**config["model"]), content, Shape(**config["shape"]))
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise UserError(
            f"{folder}: the weights do not fit config.json: {error}; run `dvc repro model`"
        ) from None
    return TrainedModel(model.to(device), content.to(device))
