"""Parameters of experiments: the sections `variants` and `search`. No stage depends on them."""

from typing import Annotated, Literal, Self

from pydantic import Field, RootModel, model_validator

from fusionrec.params import Count, Natural, Section


class Range(Section):
    """A number from `low` to `high`, both included; `log` draws its logarithm uniformly.

    With `when`, such as model.fusion.method=gated,attention, the dimension varies only in trials in which a
    dimension above it has one of these values.
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
    """What `fusionrec search` searches; no stage depends on it.

    `startup` trials are random and run to their end, the others at least for `warmup` epochs. `space` maps names
    of parameters to their dimensions.
    """

    seed: Natural
    startup: Count
    warmup: Natural
    space: Annotated[dict[str, Dimension], Field(min_length=1)]


class Variants(RootModel[dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")], list[str]]]):
    """Lists of overrides by name; `fusionrec variants` runs all combinations of a list's values."""
