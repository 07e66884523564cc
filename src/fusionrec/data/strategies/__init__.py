"""Split strategies, one per file: pure functions from an interaction log to a label for each interaction.

Meng et al. 2020 (arXiv:2007.13237) compare the common ones. A module of this package has

- `READS`: the parameters of the section `splits`, besides its own, that the result depends on;
- `label(given, rng)`: int8 [n], the part of each interaction, a position in `split_labels.PARTS`;
- `check(labels, given)`: the proofs that the strategy kept its promises, a list of `leakage.Proof`; raises ProofError;

and, where they apply,

- `class Options(Section)`: its own parameters, read from `splits.<name>`;
- `FOLDS_IN = True`: interactions may be labelled FOLD_IN: they are known when their user is evaluated, and
  never trained on;
- `by_time(given)`: whether the order in time decides; then a log without times is refused;
- `cuts(given)`: the timestamps at which parts begin, by name; they are reported and drawn.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Generic, Literal, TypeVar

from pydantic import Field, field_validator

from fusionrec import choices
from fusionrec.choices import Choice
from fusionrec.params import Choosing, Count, Fraction, Natural

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from fusionrec.data.leakage import Proof
    from fusionrec.data.split_labels import Log

PACKAGE = "fusionrec.data.strategies"
NumberScaling = Literal["standardization", "min_max", "log1p", "none"]
O = TypeVar("O")  # noqa: E741  (Options of a strategy)


class Splits(Choosing):
    """How interactions are split, and what is fitted on the train part.

    Each strategy says in its file which of the parameters it reads. `tail` is the share of train interactions
    that the items outside the short head have together (see `fusionrec.data.memberships.tail`). A new item is a near
    duplicate of a train item if the similarity of their texts is at least `near_text` (see
    `fusionrec.data.near_texts`). `scaling` maps number columns, by name, to a scaling; `impute` fills missing numbers;
    category values of fewer than `min_category_items` train items are merged into one (see
    `fusionrec.data.attributes`).
    """

    seed: Natural
    strategy: Annotated[str, Choice("fusionrec.data.strategies", "splits.strategy")]
    val_fraction: Fraction
    test_fraction: Fraction
    min_interactions: Annotated[int, Field(ge=3)]
    tail: Fraction
    near_text: Annotated[float, Field(gt=0, le=1)] | None
    scaling: dict[str, NumberScaling]
    impute: Literal["mean", "median", "zero"]
    min_category_items: Count

    @field_validator("scaling")
    @classmethod
    def _has_default(cls, scaling: dict[str, str]) -> dict[str, str]:
        if "default" not in scaling:
            raise ValueError("needs the key `default`, for columns that are not named")
        return scaling


@dataclass(frozen=True)
class Given(Generic[O]):
    """What a strategy is given.

    Attributes:
        log: all interactions, in canonical order.
        items: the catalogue, in the order of the item rows of `log`.
        options: the parameters that all strategies share.
        own: the strategy's own parameters; None if it has none.
    """

    log: "Log"
    items: "pd.DataFrame"
    options: Splits
    own: O


@dataclass(frozen=True)
class Strategy:
    """A loaded strategy; the attributes are described at the top of this file."""

    label: "Callable[[Given[Any], np.random.Generator], np.ndarray]"
    check: "Callable[[np.ndarray, Given[Any]], list[Proof]]"
    reads: tuple[str, ...]
    folds_in: bool
    cuts: Callable[[Given[Any]], dict[str, int]]
    by_time: Callable[[Given[Any]], bool]


def load(name: str) -> Strategy:
    """Import the strategy `name`, and no other."""
    module = choices.load(PACKAGE, name)
    return Strategy(
        module.label, module.check, module.READS, getattr(module, "FOLDS_IN", False),
        getattr(module, "cuts", lambda given: {}), getattr(module, "by_time", lambda given: False),
    )  # fmt: skip
