"""SASRec: what a position depends on, what an item is, and histories without an order."""

from typing import Any

import pytest
import torch
from pydantic import ValidationError

from fusionrec.data.item_inputs import ItemInputs
from fusionrec.errors import UserError
from fusionrec.models.contract import ModelData
from fusionrec.models.zoo.sasrec import Model, Options

from ..conftest import CATEGORY_VALUES, USERS

OPTIONS: dict[str, Any] = {
    "items": "both", "dim": 4, "layers": 2, "heads": 2, "max_history": 4, "dropout": 0.3, "id_dropout": 0.5,
    "content_dropout": 0.0, "history_dropout": 0.0, "losses": {"softmax": 1.0},
}  # fmt: skip
LATEST = torch.tensor([[3, 2, 1, 0], [-1, 4, -1, 1], [-1, -1, -1, -1]])
ALL = torch.arange(3)


def build(content: ItemInputs, **update: Any) -> Model:
    model = Model(Options(**OPTIONS | update), ModelData(content, USERS, CATEGORY_VALUES))
    model.reset(torch.Generator().manual_seed(1))
    return model.eval()


def changed(latest: torch.Tensor, column: int) -> torch.Tensor:
    other = latest.clone()
    other[0, column] = 4
    return other


@pytest.mark.parametrize("column", range(4))
def test_a_later_item_never_changes_an_earlier_position(content: ItemInputs, column: int) -> None:
    model = build(content)
    towers = model.towers(content)
    before = model.moment_vectors(towers, LATEST)
    same = (model.moment_vectors(towers, changed(LATEST, column)) == before).all(2)
    assert same[0].tolist() == [place > column for place in range(4)], "the newest is first"
    assert same[1:].all()


def test_padding_changes_nothing(content: ItemInputs) -> None:
    model = build(content)
    towers = model.towers(content)
    vectors = model.user_vectors(towers, ALL, LATEST)
    with torch.no_grad():
        towers.history[0] += 1  # what padding points to
    assert torch.equal(model.user_vectors(towers, ALL, LATEST)[1], vectors[1])
    assert not torch.equal(model.user_vectors(towers, ALL, LATEST)[0], vectors[0]), "its oldest item"
    states = model.moment_vectors(towers, LATEST)
    torch.testing.assert_close(vectors[1], states[1, 1])  # the newest item that is there
    assert not vectors[2].any()


def test_without_an_order_a_history_is_a_set(content: ItemInputs) -> None:
    model = build(content)
    towers = model.towers(content)
    forward, backward = (model.user_vectors(towers, ALL, x, False) for x in (LATEST, LATEST.flip(1)))
    torch.testing.assert_close(forward, backward)
    timed = model.user_vectors(towers, ALL, LATEST.flip(1))
    assert not torch.allclose(timed[0], model.user_vectors(towers, ALL, LATEST)[0])
    assert not forward[2].any()


def test_an_item_is_its_id_and_its_contents(content: ItemInputs) -> None:
    model = build(content)
    assert model.ids is not None and model.contents is not None
    contents = model.contents(content)
    vectors = model.towers(content).candidates
    torch.testing.assert_close(vectors[:5], contents[:5] + model.ids[:5])
    torch.testing.assert_close(vectors[5], contents[5])  # train lacks it, so its id was not trained
    torch.testing.assert_close(model.new_towers(content).candidates, contents)
    trained = model.towers(content, torch.Generator().manual_seed(2)).candidates
    without = torch.isclose(trained, contents).all(1)
    assert without[:5].any() and not without.all(), "some ids are dropped"


def test_content_only_has_no_ids(content: ItemInputs) -> None:
    model = build(content, items="content")
    assert model.ids is None and model.contents is not None and model.scores_new_items
    torch.testing.assert_close(model.towers(content).candidates, model.contents(content))
    assert model.inputs() == ["vision", "language", "numbers", "categories"]


def test_ids_alone_cannot_score_new_items(content: ItemInputs) -> None:
    model = build(content, items="id")
    assert not model.scores_new_items and model.inputs() == ["id"]
    vectors = model.towers(content, torch.Generator().manual_seed(2)).candidates
    assert vectors[:5].any(1).all(), "no id is dropped"
    assert not vectors[5].any(), "an id that was not trained is not used"
    with pytest.raises(UserError, match=r"model\.sasrec\.items"):
        model.new_towers(content)


def test_heads_must_divide_the_width() -> None:
    with pytest.raises(ValidationError, match="heads must divide dim"):
        Options(**OPTIONS | {"heads": 3})
