"""The preprocessing of a picture, a text and attributes to the inputs of an item, as two files in a model's folder.

- `preparation.json`: parameters of cleaning and encoding, scalers and vocabularies
- `preparation.safetensors`: reductions of vectors, pieces of numbers

Together with the weights of the encoders, this is all that a new item needs. Weights that were trained with the
model are in the folder too.
"""

from pathlib import Path
from typing import Literal, NamedTuple

import torch
from pydantic import field_validator

from fusionrec import files
from fusionrec.data.clean_options import Clean
from fusionrec.data.image_options import Images
from fusionrec.data.item_inputs import Fitted, ItemInputs
from fusionrec.data.modalities import ENCODED, MODALITIES
from fusionrec.data.piecewise import Bins
from fusionrec.data.reduction import Reduction
from fusionrec.encoders.options import Cache, Encoders
from fusionrec.models.checkpoint import checked, misfit, read_json, read_tensors
from fusionrec.params import Positive, Section

NAME = "preparation.json", "preparation.safetensors"
LARGEST_BATCH = 65_536  # inputs; a batch is filled up to its length, so a larger one would exhaust memory


class PreparationOptions(Section):
    """All parameters that the inputs of a new item depend on.

    `encoders` holds the entries of the two encoders that `model` names, `cache` how they are run.
    """

    clean: Clean
    images: Images
    cache: Cache
    encoders: Encoders
    reproducible: Literal["portable", "machine", "off"]


class Preparation(NamedTuple):
    """Parameters, and what was fitted on train items."""

    options: PreparationOptions
    fitted: Fitted


class _Scaler(Section):
    log: bool
    fill: float
    low: float
    high: float
    offset: float
    scale: Positive


class _Attributes(Section):
    numbers: dict[str, _Scaler]
    categories: dict[str, list[str]]

    @field_validator("categories")
    @classmethod
    def _distinct(cls, categories: dict[str, list[str]]) -> dict[str, list[str]]:
        for name, values in categories.items():
            if len({*values}) < len(values):
                raise ValueError(f"{name} has a value twice")
        return categories


class _Stored(PreparationOptions):
    attributes: _Attributes

    @field_validator("encoders")
    @classmethod
    def _one_of_each(cls, encoders: Encoders) -> Encoders:
        for modality in ENCODED:
            if len(getattr(encoders, modality)) != 1:
                raise ValueError(f"{modality} needs one encoder")
        return encoders

    @field_validator("cache")
    @classmethod
    def _bounded(cls, cache: Cache) -> Cache:
        if cache.batch > LARGEST_BATCH:
            raise ValueError(f"batch is above {LARGEST_BATCH:,}")
        return cache


def save(folder: Path, preparation: Preparation) -> None:
    """Write both files into a folder, which exists or not."""
    options, fitted = preparation
    stored = options.model_dump() | {"attributes": fitted.attributes}
    files.write_json(folder / NAME[0], stored)
    tensors: dict[str, torch.Tensor] = {}
    tokens = {f"{name}_tokens": reduction for name, reduction in fitted.tokens.items()}
    for name, reduction in (fitted.vectors | tokens).items():
        tensors |= {f"{name}.{part}": x for part, x in reduction._asdict().items() if x is not None}
    for number, bins in zip(fitted.attributes["numbers"], fitted.bins or [], strict=bool(fitted.bins)):
        tensors |= {f"bins.{number}.{part}": torch.from_numpy(x) for part, x in bins._asdict().items()}
    files.write_tensors(folder / NAME[1], tensors)


def load(folder: Path | str) -> Preparation:
    """Read what `save` wrote.

    Raises:
        UserError: if a file is missing or broken, or the two do not fit together.
    """
    folder = Path(folder)
    stored = checked(_Stored, read_json(folder, NAME[0]), folder, NAME[0])
    tensors = read_tensors(folder, NAME[1])
    for name, x in tensors.items():
        if x.dtype != torch.float64 or not x.isfinite().all():
            raise misfit(folder, f"{NAME[1]}: {name} is not of finite float64 numbers")
    attributes = stored.attributes.model_dump()
    bins = [_bins(folder, tensors, number) for number in attributes["numbers"]]
    vectors = _reductions(folder, tensors, "")
    tokens = _reductions(folder, tensors, "_tokens")
    if tensors:
        raise misfit(folder, f"{NAME[1]}: {', '.join(sorted(tensors))} unexpected")
    options = PreparationOptions(**{name: getattr(stored, name) for name in PreparationOptions.model_fields})
    pieces = [one for one in bins if one is not None]
    if pieces and len(pieces) < len(bins):
        raise misfit(folder, f"{NAME[1]}: the pieces of some numbers are missing")
    return Preparation(options, Fitted(attributes, vectors, tokens, pieces or None))


def _bins(folder: Path, tensors: dict[str, torch.Tensor], number: str) -> Bins | None:
    """Remove the pieces of a number from `tensors`, and return them."""
    edges, centre = (tensors.pop(f"bins.{number}.{part}", None) for part in Bins._fields)
    if edges is None and centre is None:
        return None
    fits = edges is not None and centre is not None and edges.ndim == 1 and centre.shape == (len(edges) - 1,)
    if edges is None or centre is None or not fits or not (edges.diff() > 0).all():
        raise misfit(folder, f"{NAME[1]}: the pieces of {number} do not fit together")
    return Bins(edges.numpy(), centre.numpy())


def _reductions(folder: Path, tensors: dict[str, torch.Tensor], suffix: str) -> dict[str, Reduction]:
    """Remove the reductions of all modalities from `tensors`, and return those that exist, by modality."""
    each = {name: _reduction(folder, tensors, f"{name}{suffix}") for name in MODALITIES}
    return {name: reduction for name, reduction in each.items() if reduction is not None}


def _reduction(folder: Path, tensors: dict[str, torch.Tensor], name: str) -> Reduction | None:
    """Remove a reduction from `tensors`, and return it."""
    mean, basis, scale = (tensors.pop(f"{name}.{part}", None) for part in Reduction._fields)
    if mean is None and basis is None and scale is None:
        return None
    if mean is None or mean.ndim != 1 or scale is None or scale.ndim != 0 or scale <= 0:
        raise misfit(folder, f"{NAME[1]}: the reduction of {name} is incomplete")
    if basis is not None and (basis.ndim != 2 or len(basis) != len(mean)):
        raise misfit(folder, f"{NAME[1]}: the reduction of {name} does not fit together")
    return Reduction(mean, basis, scale)


def check_widths(folder: Path, fitted: Fitted, content: ItemInputs) -> None:
    """Check that vectors of new items will have the width of those of the catalogue.

    Raises:
        UserError: if they will not.
    """
    for name, modality in content.modalities.items():
        if name in fitted.vectors:
            mean, basis, _ = fitted.vectors[name]
            made, wanted = len(mean) if basis is None else basis.shape[1], modality.vectors.shape[1]
            if made != wanted:
                raise misfit(
                    folder, f"{NAME[1]}: {name} gives vectors of width {made}, the model has {wanted}"
                )
