"""Parameters of training: the section `train`."""

from typing import Annotated, Literal

from pydantic import Field

from fusionrec.params import Count, Fraction, Natural, Positive, Probability, Section


class Negatives(Section):
    """`ratio` for each target, drawn again for each batch, by `strategy` (see `fusionrec.training.samplers`).

    `alpha` is the exponent of popularity.
    """

    strategy: Literal["uniform", "popularity", "popularity_inverse", "in_batch"]
    ratio: Count
    alpha: Annotated[float, Field(ge=0, le=10)]


class Finetune(Section):
    """How encoders that are not frozen are trained.

    `blocks` counts the last blocks that are trained, 0: all; with a `lora_rank` above 0 low-rank adapters
    are trained instead. In each step `items` targets are encoded again, with the augmentation of `cache`.
    """

    lr: Positive
    blocks: Natural
    lora_rank: Natural
    items: Count
    gradient_checkpointing: bool


class Train(Section):
    """`batch` counts users, `targets` the next choices that are predicted together.

    With `sampling: interactions`, each interaction is the first target of an example at most once in an epoch; with
    `users`, users are drawn in proportion to the square root of their number of interactions.
    With `moments: all`, a causal step predicts after each of the latest choices of a history, not at one moment.
    The share `masked` of the steps hides random choices of a history instead of the next ones.
    `monitor` is a validation metric and `direction` says whether more of it is better; it is
    measured on `validation_users` random users, 0: on all. `clip` bounds the
    norm of the gradient, 0 does not. `momentum` is for sgd; `decay_every` (epochs) for step, `plateau` for
    plateau (epochs without a better validation), `decay` for both. With `ema` above 0 the moving average of
    the weights is what is validated and kept.
    """

    seed: Natural
    negatives: Negatives
    targets: Count
    moments: Literal["one", "all"]
    masked: Probability
    batch: Count
    sampling: Literal["users", "interactions"]
    accumulate: Count
    epochs: Count
    monitor: Annotated[str, Field(pattern=r"^(loss|[a-z_0-9]+@[1-9][0-9]*)$")]
    direction: Literal["max", "min"]
    validation_users: Natural
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
