"""Models that a data set is too large for are refused by their own limits, without being imported."""

import pytest

from fusionrec.errors import UnsuitableDataError
from fusionrec.models.size_limits import check, check_selected

OPTIONS = {"l2": [1], "max_items": 10, "max_users": 5}


def test_up_to_the_limits_and_without_limits_everything_is_taken() -> None:
    check("some", OPTIONS, 10, 5)
    check("some", {}, 10**9, 10**9)


@pytest.mark.parametrize(
    ("items", "users", "message"),
    [
        (11, 5, "some: takes at most 10 items.*there are 11;.*max_items"),
        (10, 6, "at most 5 users.*max_users"),
    ],
)
def test_one_more_is_refused_with_the_parameter_to_change(items: int, users: int, message: str) -> None:
    with pytest.raises(UnsuitableDataError, match=message):
        check("some", OPTIONS, items, users)


def test_only_the_selected_model_counts() -> None:
    tree = {"model": {"name": "fusion", "fusion": {"dim": 4}, "ease": {"max_items": 1}}}
    check_selected(tree, 10, 10)
    tree["model"]["name"] = "ease"
    with pytest.raises(UnsuitableDataError, match=r"^ease: takes at most 1 items"):
        check_selected(tree, 10, 10)
