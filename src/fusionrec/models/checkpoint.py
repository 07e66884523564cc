"""A trained model as a folder: weights and inputs as safetensors, the rest as JSON.

It is self-contained: scoring needs this folder and the users' histories, nothing else. What new items need in
addition is written by `fusionrec.models.preparation`, the description of the model by `fusionrec.models.card`.

- `model.safetensors`: the weights; the inputs of all items under `content.`; where the model needs the graph of train
  interactions, that under `graph.`
- `config.json`: the schema's version, the model's name and parameters, how many are averaged, the sizes
- `item_ids.json`, `user_ids.json`: the ids of the rows
- `metrics.json`: the metrics of the epoch that was saved

Folders of older versions are migrated when they are read; see `fusionrec.models.migrations`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from pydantic import ValidationError
from safetensors import SafetensorError

from fusionrec import choices, files, params
from fusionrec.data.histories import Histories
from fusionrec.data.item_inputs import ItemInputs
from fusionrec.data.modalities import MODALITIES
from fusionrec.errors import UserError
from fusionrec.models import ensemble, migrations, zoo
from fusionrec.models.contract import Model, ModelData, Towers
from fusionrec.models.migrations import SCHEMA
from fusionrec.models.trained_model import TrainedModel
from fusionrec.params import Section

CONTENT, GRAPH = "content.", "graph."
MEMBERS = 1000  # at most
S = TypeVar("S", bound=Section)
REMEDY = "run `dvc repro model`"
LARGEST = 1e12  # of a weight or input; a product of two such rows is still finite in float32


def save(
    folder: Path,
    name: str,
    model: Model,
    data: ModelData,
    item_ids: list[str],
    user_ids: list[str],
    metrics: dict[str, Any],
) -> None:
    """Write the files into `folder`.

    Args:
        folder: exists or not.
        name: of the model, `model.name`.
        model: with its weights.
        data: what it was built from.
        item_ids: ids of the items, in the order of their rows.
        user_ids: ids of the users, likewise.
        metrics: of the saved epoch, ready for JSON: the epoch, the monitored metric and its value.
    """
    tensors = model.state_dict() | {CONTENT + name: x for name, x in data.content.tensors().items()}
    if data.graph is not None:
        edges = {"offsets": data.graph.offsets, "items": data.graph.items}
        tensors |= {GRAPH + field: torch.from_numpy(x) for field, x in edges.items()}
    files.write_tensors(folder / "model.safetensors", tensors)
    sizes = {"users": data.users, "category_values": data.category_values}
    members = model.count if isinstance(model, ensemble.Ensemble) else 1
    described = {"name": name, "options": model.options.model_dump(), "members": members}
    files.write_json(folder / "config.json", {"schema": SCHEMA, "model": described, "sizes": sizes})
    files.write_json(folder / "item_ids.json", item_ids)
    files.write_json(folder / "user_ids.json", user_ids)
    files.write_json(folder / "metrics.json", metrics)


def load(
    folder: Path | str,
    device: torch.device,
    item_ids: list[str] | None = None,
    towers: Towers | None = None,
) -> TrainedModel:
    """Read what this or an older version of `save` wrote, and check that it is consistent.

    Args:
        folder: that of `save`.
        device: where to score.
        item_ids: ids that the rows of items must have. None: any.
        towers: the catalogue, if it is encoded already. Then the weights stay in the file, memory-mapped, so that
            processes share them.

    Raises:
        UserError: if a file is missing or broken, the folder cannot be migrated, a parameter is not known, a
            tensor is missing, unexpected, misshapen or not finite, or the ids do not fit the weights or `item_ids`.
    """
    folder = Path(folder)
    schema, kind, options, sizes = _config(folder)
    tensors = read_tensors(folder, "model.safetensors", mapped=towers is not None)
    content = _content(folder, tensors, sizes["category_values"])
    graph = _graph(folder, tensors, sizes["users"], len(content.trained))
    data = ModelData(content, sizes["users"], sizes["category_values"], graph=graph)
    model = _empty(folder, kind, options, data)
    weights = {key: tensor for key, tensor in tensors.items() if not key.startswith((CONTENT, GRAPH))}
    own = migrations.renamed(schema, weights)
    _check_weights(folder, own, model.state_dict())
    model.load_state_dict(own, assign=True)
    items = _ids(folder, "item_ids.json", len(content.trained))
    users = _ids(folder, "user_ids.json", sizes["users"])
    if not isinstance(read_json(folder, "metrics.json"), dict):
        raise misfit(folder, "metrics.json is not an object")
    if item_ids is not None and items != item_ids:
        raise misfit(folder, f"item_ids.json is not the catalogue: {_first_difference(items, item_ids)}")
    return TrainedModel(model.to(device), content.to(device), items, users, towers)


def misfit(folder: Path, what: str) -> UserError:
    """The error to raise where a model's folder is inconsistent: the folder, the problem and the remedy."""
    return UserError(f"{folder}: {what}; {REMEDY}")


def read_json(folder: Path, name: str) -> Any:
    """A JSON file of a model's folder."""
    try:
        return files.read_json(folder / name)
    except FileNotFoundError:
        raise misfit(folder, f"{name} not found") from None
    except OSError as error:
        raise misfit(folder, f"{name} cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError) as error:  # also an integer of too many digits, or too deep nesting
        raise misfit(folder, f"{name} is not JSON: {str(error)[:200]}") from None


def _config(folder: Path) -> tuple[int, type[Model], Any, dict[str, int]]:
    """The version of the folder; the model's class, parameters and sizes."""
    written = read_json(folder, "config.json")
    try:
        config = migrations.migrated(written)
    except ValueError as error:
        raise misfit(folder, f"config.json: {error}") from None
    if {*config} != {"schema", "model", "sizes"}:
        raise misfit(folder, f"config.json has the keys {', '.join(config)}, not schema, model, sizes")
    model, sizes = config["model"], config["sizes"]
    known = choices.names(zoo.PACKAGE)
    if (
        not isinstance(model, dict)
        or {*model} != {"name", "options", "members"}
        or model["name"] not in known
    ):
        raise misfit(
            folder, f"config.json: model needs a name, one of {', '.join(known)}, options and members"
        )
    if type(model["members"]) is not int or not 1 <= model["members"] <= MEMBERS:
        raise misfit(folder, f"config.json: model.members must be a whole number from 1 to {MEMBERS}")
    options = checked(
        zoo.options(model["name"]), model["options"], folder, "config.json", ["model", "options"]
    )
    names = ["users", "category_values"]
    fits = isinstance(sizes, dict) and [*sizes] == names
    if not fits or not all(type(size) is int and size >= 0 for size in sizes.values()):
        raise misfit(folder, f"config.json: sizes needs {' and '.join(names)}, whole numbers")
    return written["schema"], ensemble.of(zoo.load(model["name"]), model["members"]), options, sizes


def checked(kind: type[S], saved: Any, folder: Path, name: str, where: Sequence[str] = ()) -> S:
    """`saved`, of the JSON file `name`, as a section of parameters; it stands there at `where`.

    Keys that were added since get the value that `Section.before` gives them.
    """
    try:
        return kind.model_validate(params.complete(kind, saved))
    except ValidationError as error:
        raise misfit(
            folder, f"{name}: {'; '.join(_problem(p, where, kind) for p in error.errors())}"
        ) from None


def _problem(problem: Any, where: Sequence[str], kind: type[Section]) -> str:
    key = ".".join(map(str, [*where, *problem["loc"]]))
    if problem["type"] == "missing":
        return f"`{key}` is missing: it was added later, and {kind.__name__}.before has no value for it"
    if problem["type"] == "extra_forbidden":
        return f"`{key}` is not known: it was removed later, or the folder was written by a newer version"
    return f"`{key}`: {problem['msg'].lower()}"


def read_tensors(folder: Path, name: str, mapped: bool = False) -> dict[str, torch.Tensor]:
    """Tensors of a model's folder; `mapped`: they stay in the file until they are used."""
    try:
        tensors = files.read_tensors(folder / name)
    except FileNotFoundError:
        raise misfit(folder, f"{name} not found") from None
    except (SafetensorError, OSError) as error:
        raise misfit(folder, f"{name} is broken: {error}") from None
    # a product's last bits may depend on the alignment of its operands: a copy is aligned as before saving
    return tensors if mapped else {name: tensor.clone() for name, tensor in tensors.items()}


def _content(folder: Path, tensors: dict[str, torch.Tensor], category_values: int) -> ItemInputs:
    """The inputs of all items among `tensors`, checked against each other."""
    stored = {name.removeprefix(CONTENT): x for name, x in tensors.items() if name.startswith(CONTENT)}
    there = [name for name in MODALITIES if name in stored]
    kinds = {f"{name}{suffix}": kind for name in there for suffix, kind in _MODALITY.items()} | _KINDS
    _check_names(folder, {CONTENT + name for name in stored}, {CONTENT + name for name in kinds})
    items = stored["trained"].shape[:1].numel()
    for name in ("trained", *kinds):  # `trained` gives the number of items
        x, (kind, axes) = stored[name], kinds[name]
        rows = {"category_offsets": items + 1, "category_values": len(x) if x.ndim else 0}.get(name, items)
        if x.dtype != kind or x.ndim != axes or len(x) != rows:
            raise misfit(
                folder, f"{CONTENT}{name} is {_describe(x)}, not {kind} with {axes} axes and {rows} rows"
            )
        _check_finite(folder, CONTENT + name, x)
    content = ItemInputs.of_tensors(stored)
    offsets, values = content.category_offsets, content.category_values
    inside = ((values >= 0) & (values < category_values)).all()
    if offsets[0] != 0 or offsets[-1] != len(values) or (offsets.diff() < 0).any() or not inside:
        raise misfit(folder, f"{CONTENT}category_offsets and {CONTENT}category_values do not fit the sizes")
    return content


def _graph(folder: Path, tensors: dict[str, torch.Tensor], users: int, items: int) -> Histories | None:
    """The train interactions among `tensors`, checked; None where there are none."""
    names = {name for name in tensors if name.startswith(GRAPH)}
    if not names:
        return None
    _check_names(folder, names, {f"{GRAPH}offsets", f"{GRAPH}items"})
    offsets, edges = tensors[f"{GRAPH}offsets"], tensors[f"{GRAPH}items"]
    flat = all(x.dtype == torch.int64 and x.ndim == 1 for x in (offsets, edges))
    if not flat or len(offsets) != users + 1 or offsets[0] != 0 or offsets[-1] != len(edges):
        raise misfit(folder, f"{GRAPH}offsets and {GRAPH}items do not fit the sizes")
    if (offsets.diff() < 0).any() or not ((edges >= 0) & (edges < items)).all():
        raise misfit(folder, f"{GRAPH}offsets and {GRAPH}items do not fit each other")
    return Histories(offsets.numpy().astype(np.int64), edges.numpy())


_FLOAT, _BOOL, _INT = torch.float32, torch.bool, torch.int64
_MODALITY = {"": (_FLOAT, 2), "_present": (_BOOL, 1), "_tokens": (_FLOAT, 3)}
_KINDS = {
    "numbers": (_FLOAT, 2),
    "category_offsets": (_INT, 1),
    "category_values": (_INT, 1),
    "trained": (_BOOL, 1),
}


def _empty(folder: Path, kind: type[Model], options: Any, data: ModelData) -> Model:
    """The model without memory for its weights, which come from the file: wrong sizes cost no memory."""
    needs_graph = "graph" in kind.needs
    if needs_graph != (data.graph is not None):
        raise misfit(folder, f"model.safetensors {'lacks' if needs_graph else 'has'} {GRAPH}offsets")
    try:
        if needs_graph:  # computed from the graph, not read from the file
            return kind(options, data)
        with torch.device("meta"):
            return kind(options, data)
    except (RuntimeError, TypeError, OverflowError):  # sizes that do not fit 64 bits
        raise misfit(folder, "config.json asks for weights of impossible sizes") from None


def _check_names(folder: Path, names: set[str], wanted: set[str]) -> None:
    problems = [f"{name} is missing" for name in sorted(wanted - names)]
    problems += [f"{name} is unexpected" for name in sorted(names - wanted)]
    if problems:
        raise misfit(folder, f"model.safetensors does not fit config.json: {', '.join(problems)}")


def _check_weights(folder: Path, weights: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor]) -> None:
    _check_names(folder, {*weights}, {*wanted})
    for name, x in sorted(weights.items()):
        if x.shape != wanted[name].shape or x.dtype != wanted[name].dtype:
            raise misfit(folder, f"{name} is {_describe(x)}, config.json wants {_describe(wanted[name])}")
        _check_finite(folder, name, x)


def _check_finite(folder: Path, name: str, x: torch.Tensor) -> None:
    """Refuse numbers that are not finite, or so large that their products are not."""
    if x.is_floating_point() and not (x.abs() <= LARGEST).all():  # not: NaN compares as false
        raise misfit(folder, f"{name} has numbers that are not finite, or beyond {LARGEST:.0e}")


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
