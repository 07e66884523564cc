"""Numbers and categories: fitted on train items only."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from fusionrec import params
from fusionrec.data import attributes

ITEMS = pd.DataFrame(
    {
        "item_id": list("abcd"),
        "number_price": [1.0, 3.0, np.nan, 1000.0],
        "category_genre": [["x", "y"], ["x"], [], ["z"]],
    }
)
TRAINED = np.array([True, True, True, False])


def fit(**options: Any) -> dict[str, Any]:
    defaults: dict[str, Any] = {"strategy": "temporal", "val_fraction": 0.1, "test_fraction": 0.1}
    chosen: dict[str, Any] = {"scaling": "standardization", "min_category_items": 1} | options
    return attributes.fit(ITEMS, TRAINED, params.Splits(**defaults, **chosen))


def test_standardization_ignores_items_outside_train() -> None:
    assert fit()["numbers"]["number_price"] == {"log": False, "offset": 2.0, "scale": 1.0}
    np.testing.assert_array_equal(
        attributes.numbers(ITEMS, fit()), np.array([[-1, 0], [1, 0], [0, 1], [998, 0]], np.float32)
    )


def test_min_max() -> None:
    values = attributes.numbers(ITEMS, fit(scaling="min_max"))[:, 0]
    np.testing.assert_allclose(values, [0, 1, 0, 499.5])


def test_log1p_is_standardised_and_odd() -> None:
    fitted = fit(scaling="log1p")["numbers"]["number_price"]
    assert fitted["offset"] == pytest.approx((np.log(2) + np.log(4)) / 2)
    negative = ITEMS.assign(number_price=[-1.0, -3.0, np.nan, 0.0])
    values = attributes.numbers(
        negative, {"numbers": {"number_price": {"log": True, "offset": 0, "scale": 1}}}
    )
    np.testing.assert_allclose(values[:, 0], [-np.log(2), -np.log(4), 0, 0], rtol=1e-6)


def test_none_leaves_values_alone() -> None:
    assert attributes.numbers(ITEMS, fit(scaling="none"))[:2, 0].tolist() == [1, 3]


def test_a_column_without_values_in_train() -> None:
    empty = ITEMS.assign(number_price=[np.nan] * 3 + [5.0])
    fitted = attributes.fit(empty, TRAINED, params.Splits(
        strategy="temporal", val_fraction=0.1, test_fraction=0.1, scaling="standardization", min_category_items=1
    ))  # fmt: skip
    assert attributes.numbers(empty, fitted)[3].tolist() == [5, 0]


def test_vocabulary_groups_rare_and_unseen_values() -> None:
    fitted = fit(min_category_items=2)
    assert fitted["categories"] == {"category_genre": ["(other)", "x"]}
    bags, values = attributes.categories(ITEMS, fitted)
    assert values == 2
    parts = np.split(bags.values, bags.offsets[1:-1])
    assert [part.tolist() for part in parts] == [[0, 1], [1], [], [0]]


def test_columns_are_numbered_through() -> None:
    items = ITEMS.assign(category_tag=pd.Series([["x"], [], ["x"], []]))
    fitted = {"categories": {"category_genre": ["(other)", "x"], "category_tag": ["(other)", "x"]}}
    bags, values = attributes.categories(items, fitted)
    assert values == 4 and bags.values.tolist() == [0, 1, 3, 1, 3, 0]


def test_no_attributes() -> None:
    bare = ITEMS[["item_id"]]
    fitted: dict[str, Any] = {"numbers": {}, "categories": {}}
    assert attributes.numbers(bare, fitted).shape == (4, 0)
    bags, values = attributes.categories(bare, fitted)
    assert values == 0 and bags.offsets.tolist() == [0] * 5
