"""Numbers and categories: fitted on train items only, and finite for any value."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from fusionrec.data import attributes
from fusionrec.data.strategies import Splits
from fusionrec.errors import UserError

from .strategies import common

ITEMS = pd.DataFrame(
    {
        "item_id": list("abcd"),
        "number_price": [1.0, 3.0, np.nan, 1000.0],
        "category_genre": [["x", "y"], ["x"], [], ["z"]],
    }
)
TRAINED = np.array([True, True, True, False])
SCALINGS = ["standardization", "min_max", "log1p", "none"]
IMPUTES = ["mean", "median", "zero"]


def options(scaling: dict[str, Any] | str = "standardization", **changes: Any) -> Splits:
    by_column = {"default": scaling} if isinstance(scaling, str) else scaling
    chosen: dict[str, Any] = {"scaling": by_column, "impute": "mean", "min_category_items": 1}
    return common.options("leave_one_out", **chosen | changes)


def numbers(values: Any, scaling: str, impute: str = "mean", trained: Any = None) -> np.ndarray:
    """The scaled column and its flags, fitted on the rows where `trained`, all by default."""
    items = pd.DataFrame({"number_x": np.array(values, np.float64)})
    trained = np.ones(len(items), bool) if trained is None else np.array(trained, bool)
    fitted = attributes.fit(items, trained, options(scaling, impute=impute))
    return attributes.numbers(items, json.loads(json.dumps(fitted, allow_nan=False)))


def test_standardization_ignores_items_outside_train() -> None:
    fitted = attributes.fit(ITEMS, TRAINED, options())
    assert fitted["numbers"] == {
        "number_price": {"log": False, "fill": 2.0, "low": 1.0, "high": 3.0, "offset": 2.0, "scale": 1.0}
    }
    expected = np.array([[-1, 0], [1, 0], [0, 1], [1, 0]], np.float32)
    np.testing.assert_array_equal(attributes.numbers(ITEMS, fitted), expected)


def test_min_max_keeps_unseen_values_within_0_and_1() -> None:
    assert numbers([1, 3, 2, 1000, -5], "min_max", trained=[1, 1, 0, 0, 0])[:, 0].tolist() == [
        0,
        1,
        0.5,
        1,
        0,
    ]


def test_log1p_is_standardised_and_odd() -> None:
    log = np.log([2, 4])
    expected = [(log[0] - log.mean()) / log.std(), (log[1] - log.mean()) / log.std()]
    np.testing.assert_allclose(numbers([1, 3], "log1p")[:, 0], expected, rtol=1e-6)
    np.testing.assert_allclose(
        numbers([-3, -1, 1, 3], "log1p")[:2, 0], -numbers([-3, -1, 1, 3], "log1p")[:1:-1, 0]
    )


def test_none_leaves_values_alone() -> None:
    assert numbers([1, 3, 1000], "none", trained=[1, 1, 0])[:, 0].tolist() == [1, 3, 1000]


def test_scaling_of_single_columns() -> None:
    items = pd.DataFrame({"number_a": [1.0, 3.0], "number_b": [1.0, 3.0], "number_default": [1.0, 3.0]})
    fitted = attributes.fit(items, np.ones(2, bool), options({"default": "min_max", "b": "none"}))
    assert attributes.numbers(items, fitted)[:, ::2].tolist() == [[0, 1, 0], [1, 3, 1]]


def test_scaling_of_an_unknown_column_is_an_error() -> None:
    with pytest.raises(UserError, match=r"splits\.scaling: .*: prize; known: price"):
        attributes.fit(ITEMS, TRAINED, options({"default": "none", "prize": "log1p"}))
    with pytest.raises(UserError, match="there are none"):
        attributes.fit(ITEMS[["item_id"]], TRAINED, options({"default": "none", "prize": "log1p"}))


@pytest.mark.parametrize(("impute", "fill"), [("mean", 4.0), ("median", 2.0), ("zero", 0.0)])
def test_missing_values_are_imputed_and_flagged(impute: str, fill: float) -> None:
    values = [1, 2, 9, np.nan, 99]
    trained = [1, 1, 1, 1, 0]
    assert numbers(values, "none", impute, trained)[3].tolist() == [fill, 1]
    scaled = numbers(values, "min_max", impute, trained)
    assert scaled[3].tolist() == [(fill - 1) / 8, 1]
    assert scaled[:, 1].tolist() == [0, 0, 0, 1, 0]


def test_imputed_is_the_raw_value_also_of_a_log() -> None:
    mean_of_raw = numbers([0, 2, 4, np.nan, 2], "log1p", "mean")
    assert mean_of_raw[3, 0] == mean_of_raw[4, 0]


def test_a_column_without_values_in_train_is_zero() -> None:
    for scaling in ["standardization", "min_max", "log1p"]:
        for impute in IMPUTES:
            scaled = numbers([np.nan, np.nan, 5, 1e300], scaling, impute, trained=[1, 1, 0, 0])
            assert scaled.tolist() == [[0, 1], [0, 1], [0, 0], [0, 0]]


@pytest.mark.parametrize("scaling", ["standardization", "min_max", "log1p"])
def test_a_constant_column_and_a_single_row_are_zero(scaling: str) -> None:
    for values, trained in (([5, 5, 5, 7], [1, 1, 1, 0]), ([5, 7], [1, 0])):
        np.testing.assert_allclose(numbers(values, scaling, trained=trained)[:, 0], 0, atol=1e-12)


def test_huge_values_keep_their_sign() -> None:
    scaled = numbers([-1e300, 0, 1e300], "standardization")[:, 0]
    np.testing.assert_allclose(scaled, [-np.sqrt(1.5), 0, np.sqrt(1.5)], rtol=1e-6)


FLOATS = st.floats(allow_nan=True, allow_infinity=True)


@given(
    st.lists(st.tuples(FLOATS, st.booleans()), min_size=1),
    st.sampled_from(SCALINGS),
    st.sampled_from(IMPUTES),
)
def test_always_finite_and_in_order(rows: list[tuple[float, bool]], scaling: str, impute: str) -> None:
    values = np.array([value for value, _ in rows])
    scaled = numbers(values, scaling, impute, [seen for _, seen in rows])
    assert scaled.dtype == np.float32 and np.isfinite(scaled).all()
    assert (scaled[:, 1] == np.isnan(values)).all()
    present = scaled[~np.isnan(values), 0][np.argsort(values[~np.isnan(values)])]
    assert (present == np.sort(present)).all()


TAME = st.floats(-1e6, 1e6).map(lambda value: round(value, 3))


@given(st.lists(TAME, min_size=2), st.lists(TAME | st.just(np.nan)), st.sampled_from(IMPUTES))
def test_agrees_with_scikit_learn(train: list[float], other: list[float], impute: str) -> None:
    imputer = SimpleImputer(strategy="constant" if impute == "zero" else impute, fill_value=0.0)
    known, values = np.array(train)[:, None], np.array(train + other)[:, None]
    filled = imputer.fit(known).transform(values)
    reach = np.append(known, imputer.statistics_)
    filled = filled.clip(reach.min(), reach.max())
    seen = np.arange(len(values)) < len(known)
    for name, scaler in {"standardization": StandardScaler(), "min_max": MinMaxScaler()}.items():
        theirs = scaler.fit(known).transform(filled)
        ours = numbers(values[:, 0], name, impute, seen)[:, :1]
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


def test_items_outside_train_change_nothing() -> None:
    genres = pd.Series([["x", "y"], ["x"], [], ["y", "w"]])
    other = ITEMS.assign(number_price=[1.0, 3.0, np.nan, -7.0], category_genre=genres)
    assert attributes.fit(other, TRAINED, options()) == attributes.fit(ITEMS, TRAINED, options())


def test_vocabulary_groups_rare_and_unseen_values() -> None:
    fitted = attributes.fit(ITEMS, TRAINED, options(min_category_items=2))
    assert fitted["categories"] == {"category_genre": ["x"]}
    bags, values = attributes.categories(ITEMS, fitted)
    assert values == 2
    parts = np.split(bags.values, bags.offsets[1:-1])
    assert [part.tolist() for part in parts] == [[0, 1], [1], [], [0]]


def test_an_item_has_each_value_once() -> None:
    items = pd.DataFrame({"category_genre": [["p", "q", "r"], ["x", "x"]]})
    bags, _ = attributes.categories(items, {"categories": {"category_genre": ["x"]}})
    assert bags.offsets.tolist() == [0, 1, 2] and bags.values.tolist() == [0, 1]


def test_columns_are_numbered_through() -> None:
    items = ITEMS.assign(category_tag=pd.Series([["x"], [], ["x"], []]))
    fitted = {"categories": {"category_genre": ["x"], "category_tag": ["x"]}}
    bags, values = attributes.categories(items, fitted)
    assert values == 4 and bags.values.tolist() == [0, 1, 3, 1, 3, 0]


def test_no_name_of_a_value_stands_for_others() -> None:
    items = pd.DataFrame({"category_tag": [["(other)"], ["(other)", "a"], ["b"]]})
    fitted = attributes.fit(items, np.ones(3, bool), options(min_category_items=2))
    bags, values = attributes.categories(items, fitted)
    assert values == 2 and bags.values.tolist() == [1, 0, 1, 0]


def test_a_column_without_values() -> None:
    items = pd.DataFrame({"category_tag": [[], []]})
    fitted = attributes.fit(items, np.ones(2, bool), options())
    bags, values = attributes.categories(items, fitted)
    assert values == 1 and bags.offsets.tolist() == [0, 0, 0] and len(bags.values) == 0


def test_neither_the_order_of_columns_nor_the_index_matters() -> None:
    items = ITEMS.assign(number_a=[1.0, 2.0, 3.0, 4.0], category_a=pd.Series([["p"], ["q"], [], ["p"]]))
    turned = items[items.columns[::-1]].set_index(pd.Index([7, 7, 8, 9]))
    fitted, same = (attributes.fit(table, TRAINED, options()) for table in (items, turned))
    assert json.dumps(fitted) == json.dumps(same)
    np.testing.assert_array_equal(attributes.numbers(items, fitted), attributes.numbers(turned, fitted))
    for ours, theirs in zip(
        attributes.categories(items, fitted)[0], attributes.categories(turned, fitted)[0], strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


def test_no_attributes() -> None:
    bare = ITEMS[["item_id"]]
    fitted = attributes.fit(bare, TRAINED, options())
    assert fitted == {"numbers": {}, "categories": {}}
    assert attributes.numbers(bare, fitted).shape == (4, 0)
    bags, values = attributes.categories(bare, fitted)
    assert values == 0 and bags.offsets.tolist() == [0] * 5
