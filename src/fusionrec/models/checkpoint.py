"""A trained model as a folder: weights and inputs as safetensors, the rest as JSON.

It is self-contained: scoring needs this folder and the users' histories, nothing else. What new items need
besides, `fusionrec.models.preparation` puts beside it.

- `model.safetensors`: the weights, and the inputs of all items under `content.`
- `config.json`: the schema's version, the model's parameters, the sizes
- `item_ids.json`, `user_ids.json`: the ids of the rows
- `metrics.json`: what was measured when it was saved
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch
from pydantic import ValidationError
from safetensors import SafetensorError

from fusionrec import files, params
from fusionrec.data.content import Content
from fusionrec.errors import UserError
from fusionrec.models.two_towers import FusionModel, Shape, TrainedModel

SCHEMA = 3
CONTENT = "content."
Section = TypeVar("Section", bound=params.Section)
REMEDY = "run `dvc repro model`"


def save(
    folder: Path,
    model: FusionModel,
    content: Content,
    shape: Shape,
    item_ids: list[str],
    user_ids: list[str],
    metrics: dict[str, Any],
) -> None:
    """Write the files into `folder`.

    Args:
        folder: exists or not.
        model: with its weights.
        content: inputs of all items.
        shape: that of the model.
        item_ids: ids of the items, in the order of their rows.
        user_ids: ids of the users, likewise.
        metrics: what was measured, ready for JSON: the epoch, the monitored metric and its value.
    """
    inputs = {CONTENT + name: tensor for name, tensor in content._asdict().items()}
    files.write_tensors(folder / "model.safetensors", model.state_dict() | inputs)
    config = {"schema": SCHEMA, "model": model.options.model_dump(), "shape": shape._asdict()}
    files.write_json(folder / "config.json", config)
    files.write_json(folder / "item_ids.json", item_ids)
    files.write_json(folder / "user_ids.json", user_ids)
    files.write_json(folder / "metrics.json", metrics)


def load(folder: Path | str, device: torch.device, item_ids: list[str] | None = None) -> TrainedModel:
    """Read what `save` wrote, and check that it fits together.

    Args:
        folder: that of `save`.
        device: where to score.
        item_ids: ids that the rows of items must have. None: any.

    Raises:
        UserError: if a file is missing or broken, the schema or a parameter is not known, a tensor is
            missing, unexpected, misshapen or not finite, or the ids do not fit the weights or `item_ids`.
    """
    folder = Path(folder)
    options, shape = _config(folder)
    tensors = read_tensors(folder, "model.safetensors")
    content = _content(folder, tensors, shape)
    model = _empty(folder, options, content, shape)
    own = {name: tensor for name, tensor in tensors.items() if not name.startswith(CONTENT)}
    _check_weights(folder, own, model.state_dict())
    model.load_state_dict(own, assign=True)
    items = _ids(folder, "item_ids.json", len(content.trained))
    users = _ids(folder, "user_ids.json", shape.users)
    if not isinstance(read_json(folder, "metrics.json"), dict):
        raise misfit(folder, "metrics.json is not an object")
    if item_ids is not None and items != item_ids:
        raise misfit(folder, f"item_ids.json is not the catalogue: {_first_difference(items, item_ids)}")
    return TrainedModel(model.to(device), content.to(device), items, users)


def misfit(folder: Path, what: str) -> UserError:
    """What to raise where a model's folder does not fit together."""
    return UserError(f"{folder}: {what}; {REMEDY}")


def read_json(folder: Path, name: str) -> Any:
    """A JSON file of a model's folder."""
    try:
        return files.read_json(folder / name)
    except FileNotFoundError:
        raise misfit(folder, f"{name} not found") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise misfit(folder, f"{name} is not JSON: {error}") from None


def _config(folder: Path) -> tuple[params.Model, Shape]:
    config = read_json(folder, "config.json")
    schema = config.get("schema") if isinstance(config, dict) else None
    if schema != SCHEMA:
        raise misfit(folder, f"schema {schema}, this code reads {SCHEMA}")
    if {*config} != {"schema", "model", "shape"}:
        raise misfit(folder, f"config.json has the keys {', '.join(config)}, not schema, model, shape")
    options = checked(params.Model, config["model"], folder, "config.json", ["model"])
    sizes = config["shape"]
    fits = isinstance(sizes, dict) and {*sizes} == {*Shape._fields}
    if not fits or not all(type(size) is int and size >= 0 for size in sizes.values()):
        raise misfit(folder, f"config.json: shape needs {' and '.join(Shape._fields)}, whole numbers")
    return options, Shape(**sizes)


def checked(kind: type[Section], found: Any, folder: Path, name: str, where: Sequence[str] = ()) -> Section:
    """`found`, of the JSON file `name`, as a section of parameters; it stands there at `where`."""
    try:
        return kind.model_validate(found)
    except ValidationError as error:
        problems = [
            f"`{'.'.join(map(str, [*where, *p['loc']]))}`: {p['msg'].lower()}" for p in error.errors()
        ]
        raise misfit(folder, f"{name}: {', '.join(problems)}") from None


def read_tensors(folder: Path, name: str) -> dict[str, torch.Tensor]:
    """Tensors of a model's folder."""
    try:
        tensors = files.read_tensors(folder / name)
    except FileNotFoundError:
        raise misfit(folder, f"{name} not found") from None
    except SafetensorError as error:
        raise misfit(folder, f"{name} is broken: {error}") from None
    # a product's last bits may depend on where its operands lie: where torch aligns them, as before saving
    return {name: tensor.clone() for name, tensor in tensors.items()}


def _content(folder: Path, tensors: dict[str, torch.Tensor], shape: Shape) -> Content:
    """The inputs of all items among `tensors`, checked against each other."""
    wanted = {CONTENT + name for name in Content._fields}
    _check_names(folder, {name for name in tensors if name.startswith(CONTENT)}, wanted)
    content = Content(*(tensors[CONTENT + name] for name in Content._fields))
    items = content.trained.shape[:1].numel()
    for name in ("trained", *Content._fields):  # that one says how many items there are
        x, (kind, axes) = getattr(content, name), _KINDS[name]
        rows = {"category_offsets": items + 1, "category_values": len(x) if x.ndim else 0}.get(name, items)
        if x.dtype != kind or x.ndim != axes or len(x) != rows:
            raise misfit(
                folder, f"{CONTENT}{name} is {_describe(x)}, not {kind} with {axes} axes and {rows} rows"
            )
        if x.is_floating_point() and not x.isfinite().all():
            raise misfit(folder, f"{CONTENT}{name} is not finite")
    offsets, values = content.category_offsets, content.category_values
    inside = ((values >= 0) & (values < shape.category_values)).all()
    if offsets[0] != 0 or offsets[-1] != len(values) or (offsets.diff() < 0).any() or not inside:
        raise misfit(folder, f"{CONTENT}category_offsets and {CONTENT}category_values do not fit the sizes")
    return content


_FLOAT, _BOOL, _INT = torch.float32, torch.bool, torch.int64
_KINDS = {
    "vision": (_FLOAT, 2),
    "vision_present": (_BOOL, 1),
    "language": (_FLOAT, 2),
    "language_present": (_BOOL, 1),
    "numbers": (_FLOAT, 2),
    "category_offsets": (_INT, 1),
    "category_values": (_INT, 1),
    "trained": (_BOOL, 1),
    "vision_tokens": (_FLOAT, 3),
    "language_tokens": (_FLOAT, 3),
}


def _empty(folder: Path, options: params.Model, content: Content, shape: Shape) -> FusionModel:
    """The model without memory for its weights, which come from the file: sizes cost nothing unless they fit."""
    try:
        with torch.device("meta"):
            return FusionModel(options, content, shape)
    except (RuntimeError, TypeError, OverflowError):  # sizes that do not fit 64 bits
        raise misfit(folder, "config.json asks for weights of impossible sizes") from None


def _check_names(folder: Path, found: set[str], wanted: set[str]) -> None:
    problems = [f"{name} is missing" for name in sorted(wanted - found)]
    problems += [f"{name} is unexpected" for name in sorted(found - wanted)]
    if problems:
        raise misfit(folder, f"model.safetensors does not fit config.json: {', '.join(problems)}")


def _check_weights(folder: Path, found: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor]) -> None:
    _check_names(folder, {*found}, {*wanted})
    for name, x in sorted(found.items()):
        if x.shape != wanted[name].shape or x.dtype != wanted[name].dtype:
            raise misfit(folder, f"{name} is {_describe(x)}, config.json wants {_describe(wanted[name])}")
        if x.is_floating_point() and not x.isfinite().all():
            raise misfit(folder, f"{name} is not finite")


def _describe(x: torch.Tensor) -> str:
    return f"{x.dtype} {list(x.shape)}"


def _ids(folder: Path, name: str, count: int) -> list[str]:
    ids = read_json(folder, name)
    if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
        raise misfit(folder, f"{name} is not a list of strings")
    if len(ids) != count:
        raise misfit(folder, f"{name} has {len(ids)} ids, the weights {count} rows")
    if len({*ids}) != count:
        raise misfit(folder, f"{name} names an id twice")
    return ids


def _first_difference(ours: list[str], theirs: list[str]) -> str:
    if len(ours) != len(theirs):
        return f"{len(ours)} items, and {len(theirs)} there"
    row = next(row for row, (a, b) in enumerate(zip(ours, theirs, strict=True)) if a != b)
    return f"row {row} is {ours[row]!r}, and {theirs[row]!r} there"
