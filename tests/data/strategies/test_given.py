"""given: the data set's own parts, by hand."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from fusionrec.data import splits, strategies
from fusionrec.data.split_labels import TEST, TRAIN, VAL, Log
from fusionrec.errors import ProofError, UserError

from . import common

PARTS = ["0", "train", "0", "1", "2", "train"]
OWN = {"train": ["train", "0"], "val": 1, "test": ["2"]}  # a single value need not be a list


def log(parts: list[Any] | None) -> Log:
    rows = np.arange(6)
    return Log(rows // 3, rows, rows, None if parts is None else pd.Categorical(parts))


def test_the_values_of_the_column_say_the_part() -> None:
    labels = common.labels(log(PARTS), "given", OWN)
    assert labels.tolist() == [TRAIN, TRAIN, TRAIN, VAL, TEST, TRAIN]


def test_parts_follow_their_interactions_into_canonical_order() -> None:
    table = pd.DataFrame(
        {"user_id": ["b", "a", "b", "a"], "item_id": ["i01", "i02", "i03", "i04"], "timestamp": [9, 5, 1, 2]}
    ).assign(split=["test", "val", "train", "train"])
    read, users = splits.index(table, common.ITEMS["item_id"])
    assert users.tolist() == ["a", "b"] and read.given is not None
    assert [*zip(read.user.tolist(), read.item.tolist(), list(read.given), strict=True)] == [
        (0, 4, "train"), (0, 2, "val"), (1, 3, "train"), (1, 1, "test"),
    ]  # fmt: skip
    options = common.options("given")
    assert splits.split(read, common.ITEMS, options).labels.tolist() == [TRAIN, VAL, TRAIN, TEST]


@pytest.mark.parametrize(
    ("parts", "message"),
    [(None, r"name no parts; set raw\.files\.columns\.split"),
     (["dev", *PARTS[1:]], r"holds dev; say in splits\.given which part that is, besides train: \['train', '0'\]"),
     ([None, *PARTS[1:]], "holds nothing; say")],
)  # fmt: skip
def test_what_no_parameter_explains_is_refused(parts: list[Any] | None, message: str) -> None:
    with pytest.raises(UserError, match=message):
        common.labels(log(parts), "given", OWN)


def test_a_missing_validation_part_is_drawn_from_train() -> None:
    """Of six train interactions a third, of two none: fewer than min_interactions stay whole."""
    user = np.repeat([0, 1], [8, 3])
    rows = np.arange(11)
    parts: list[Any] = ["train"] * 6 + ["test"] * 2 + ["train", "train", "test"]
    own: dict[str, Any] = {"val": []}
    read = Log(user, rows, rows, pd.Categorical(parts))
    shared: dict[str, Any] = {"val_fraction": 1 / 3, "min_interactions": 3}
    labels = common.labels(read, "given", own, **shared)
    assert np.bincount(labels[:6], minlength=3).tolist() == [4, 2, 0]
    assert labels[6:].tolist() == [TEST, TEST, TRAIN, TRAIN, TEST]
    task = common.given(read, "given", own, **shared)
    strategies.load("given").check(labels, task)
    others = [common.labels(read, "given", own, seed=seed, **shared).tolist() for seed in range(5)]
    assert len({*map(tuple, others)}) > 1


def test_a_validation_part_that_is_named_but_missing_is_refused() -> None:
    with pytest.raises(
        UserError, match=r"no interaction is of the part val: \['val'\]; set splits\.given\.val to \[\]"
    ):
        common.labels(log(["train", "test"] * 3), "given")


@pytest.mark.parametrize("label", [TRAIN, VAL])
def test_a_label_that_is_not_the_given_one_is_found(label: int) -> None:
    task = common.given(log(PARTS), "given", OWN)
    strategy = strategies.load("given")
    labels = strategy.label(task, common.rng())
    strategy.check(labels, task)
    labels[4] = label
    with pytest.raises(ProofError, match="has only interactions that the data names"):
        strategy.check(labels, task)
