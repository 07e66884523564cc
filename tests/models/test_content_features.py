"""Contents of items as features: by hand, by definition, missing inputs, weights and errors."""

import numpy as np
import pytest
import torch

from fusionrec.data.item_inputs import ItemInputs
from fusionrec.errors import UserError
from fusionrec.models.content_features import ContentFeatures, multi_hot

from ..catalogue import contents
from .zoo.closed_forms import CATEGORY_VALUES, described, features


def fitted(content: ItemInputs, weights: dict[str, float], values: int = CATEGORY_VALUES) -> ContentFeatures:
    found = ContentFeatures("ridge", content, values, weights)
    found.fit(content)
    return found


def test_by_hand() -> None:
    """Item 2 has no picture, item 3 is new. Pictures of train items are 2 off their mean, numbers -1, -1 and 2."""
    content = contents(
        4,
        vision=torch.tensor([[1.0], [5], [0], [7]]),
        vision_present=torch.tensor([True, True, False, True]),
        numbers=torch.tensor([[3.0], [3], [6], [4]]),
        trained=torch.tensor([True, True, True, False]),
    )
    found = fitted(content, {"vision": 0.5}, 0)(content)
    root = np.sqrt(2)  # of the mean of 1, 1 and 4
    assert found.tolist() == pytest.approx(
        np.array([[-0.5, -1 / root], [0.5, -1 / root], [0, 2 / root], [1, 0]])
    )


@pytest.mark.parametrize("weights", [{}, {"vision": 0.3, "categories": 2.0}, {"language": 0.0}])
def test_it_is_what_the_definition_says(weights: dict[str, float]) -> None:
    content = described()
    found = fitted(content, weights)(content)
    np.testing.assert_allclose(found, features(content, weights), atol=1e-6)


def test_new_items_are_transformed_alike() -> None:
    content = described()
    found = fitted(content, {})
    rows = torch.tensor([6, 1, 3])
    assert torch.equal(found(content.take(rows)), found(content)[rows])


def test_multi_hot() -> None:
    content = contents(3)._replace(
        category_offsets=torch.tensor([0, 2, 2, 3]), category_values=torch.tensor([0, 2, 1])
    )
    assert multi_hot(content, 3).tolist() == [[1, 0, 1], [0, 0, 0], [0, 1, 0]]


def test_what_does_not_vary_is_zero() -> None:
    content = contents(3)._replace(numbers=torch.full((3, 2), 7.0))
    assert not fitted(content, {}, 0)(content).any()


def test_items_without_contents_are_refused() -> None:
    with pytest.raises(UserError, match=r"^ridge: the items have no contents.*model\.vision.*another model$"):
        ContentFeatures("ridge", contents(3), 0, {})
    with pytest.raises(UserError, match=r"no contents.*ridge\.weights above 0"):
        ContentFeatures("ridge", contents(3)._replace(numbers=torch.ones(3, 1)), 0, {"numbers": 0.0})


def test_a_weight_of_nothing_is_refused() -> None:
    with pytest.raises(
        UserError, match=r"^ridge: weights names visoin, but the inputs .* vision, language, numbers"
    ):
        ContentFeatures("ridge", described(), CATEGORY_VALUES, {"visoin": 0.3})
