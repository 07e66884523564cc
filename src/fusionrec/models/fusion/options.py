"""Parameters of the fusion model: `model.fusion`."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from fusionrec.choices import Choice
from fusionrec.models.fusion.new_items import Regression
from fusionrec.params import Count, Fraction, Natural, Positive, Section, Weight

UNUSED = {
    "weights": {}, "bandwidth": 1, "l2": 1, "popularity": 0, "dim": 1, "anchors": 1,
    "smoothing": {"l2": 1, "own": 0, "max_items": 0, "rank": 1},
}  # fmt: skip


class FusionOptions(Section):
    """Inputs, user representation, fusion, head and losses.

    `projection_hidden_dim: 0` projects inputs linearly. `fusion_weight` scales what gates and attention add to the
    plain sum of the parts; `projection_gain` is the initial scale of projections. `dropout` acts in hidden layers,
    the four others on inputs. `losses` are weights of the terms of the loss; 0 switches a term off.
    `temperature` is the initial one of the contrastive loss, which is learned.

    `new_items` says how items without a train interaction are scored: by the tower and a regression from contents
    together, if the head is `dot`, or as all others. `exploration` is added to their scores.
    """

    before: ClassVar[dict[str, Any]] = {"new_items": "tower", "exploration": 0.0, "regression": UNUSED}

    item_id: bool
    categories: bool
    numbers: bool
    user: Literal["history", "id", "both"]
    history: Literal["sum", "attention"]
    max_history: Count
    dim: Count
    projection_hidden_dim: Natural
    method: Annotated[str, Choice("fusionrec.models.fusions", "model.fusion.method")]
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
    losses: Annotated[dict[str, Weight], Choice("fusionrec.training.losses", "model.fusion.losses")]
    temperature: Annotated[float, Field(ge=0.01, le=1)]
    new_items: Literal["both", "tower"]
    exploration: float
    regression: Regression

    @field_validator("num_attention_heads")
    @classmethod
    def _divides_dim(cls, heads: int, info: ValidationInfo) -> int:
        if info.data.get("dim", heads) % heads:
            raise ValueError("must divide model.fusion.dim")
        return heads
