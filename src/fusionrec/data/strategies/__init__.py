"""Split strategies."""

from typing import Annotated, Literal

from pydantic import field_validator

from fusionrec.choices import Choice
from fusionrec.params import Choosing, Count, Fraction, Natural


class Splits(Choosing):
    """TEMP."""

    seed: Natural
    strategy: Annotated[str, Choice("fusionrec.data.strategies", "splits.strategy")]
    val_fraction: Fraction
    test_fraction: Fraction
    min_interactions: Count
    tail: Fraction
    scaling: dict[str, Literal["standardization", "min_max", "log1p", "none"]]
    impute: Literal["mean", "median", "zero"]
    min_category_items: Count
