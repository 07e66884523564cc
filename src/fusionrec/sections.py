"""All sections of params.yaml together, for commands and tests that need the whole file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fusionrec import params
from fusionrec.data.clean_options import Clean
from fusionrec.data.image_options import Images
from fusionrec.data.modalities import ENCODED
from fusionrec.data.sources import Raw
from fusionrec.data.strategies import Splits
from fusionrec.encoders.options import Cache, Encoders
from fusionrec.errors import UserError
from fusionrec.evaluation.options import Metrics
from fusionrec.experiments import names
from fusionrec.experiments.options import Search, Variants
from fusionrec.models.options import Model
from fusionrec.params import Section
from fusionrec.recommend.recs_options import Recs
from fusionrec.recommend.rerank_options import Rerank
from fusionrec.runtime import Runtime
from fusionrec.training.options import Train


class Params(Section):
    """All of params.yaml."""

    runtime: Runtime
    raw: Raw
    clean: Clean
    images: Images
    splits: Splits
    cache: Cache
    model: Model
    train: Train
    metrics: Metrics
    rerank: Rerank
    recs: Recs
    variants: Variants
    search: Search
    encoders: Encoders


def load(path: Path | str = params.PATH) -> Params:
    """Read and check all of params.yaml.

    Raises:
        UserError: one line for each key that is unknown, missing or of the wrong type.
    """
    return parse(params.read(path), str(path))


def parse(tree: dict[str, Any], source: str = params.PATH) -> Params:
    """Check parameters that are read already; see `load`."""
    checked: dict[str, Any] = {}
    problems: list[str] = []
    if unknown := params.unknown_sections(tree, source):
        problems.append(unknown)
    for name, field in Params.model_fields.items():
        section: Any = field.annotation
        try:
            checked[name] = params.parse(section, tree, source)
        except UserError as error:
            problems.append(str(error))
    if problems:
        raise UserError(params.listed(problems))
    read = Params.model_construct(**checked)
    if problems := list(_names(read, tree, source)):
        raise UserError(params.listed(problems))
    return read


def _names(read: Params, tree: dict[str, Any], source: str) -> Iterator[str]:
    """Problems with names that one section has of another: of encoders, and of parameters in lists of variants."""
    for modality in ENCODED:
        name, known = getattr(read.model, modality), list(getattr(read.encoders, modality))
        if name not in known:
            listed = ", ".join(known)
            yield f"{source}: parameter `model.{modality}`: no encoder {name!r} in encoders.{modality}; known: {listed}"
    try:
        names.check_space(read.search.space, tree)
    except UserError as error:
        yield f"{source}: {error}"
    for variants, settings in read.variants.root.items():
        for setting in settings:
            try:
                names.check_variant(setting, tree)
            except UserError as error:
                yield f"{source}: parameter `variants.{variants}`: {error}"
