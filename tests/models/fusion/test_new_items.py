"""The regression for new items against its definition, on a small catalogue."""

import numpy as np
import pandas as pd
import pytest
import torch
from tests.catalogue import contents

from fusionrec.data.histories import Histories
from fusionrec.data.item_inputs import ItemInputs
from fusionrec.models.contract import ModelData
from fusionrec.models.fusion.new_items import LeftOut, NewItems, Regression
from fusionrec.models.fusion.smoothing import Smoothing
from fusionrec.models.interaction_matrix import matrix

ITEMS, USERS, L2 = 14, 50, 0.4
NEW = np.array([5, 11])
OPTIONS = Regression(
    weights={"vision": 0.5, "language": 1.0}, bandwidth=1.0, l2=L2, popularity=0.3, dim=99, anchors=99,
    smoothing=Smoothing(l2=5, own=0.1, max_items=100, rank=4),
)  # fmt: skip


def catalogue() -> ItemInputs:
    draw, trained = torch.Generator().manual_seed(0), torch.ones(ITEMS, dtype=torch.bool)
    trained[NEW] = False
    return contents(
        ITEMS,
        vision=torch.randn(ITEMS, 5, generator=draw),
        language=torch.randn(ITEMS, 4, generator=draw),
        trained=trained,
    )


def train() -> Histories:
    rng = np.random.default_rng(0)
    rows = [
        (user, item)
        for user in range(USERS)
        for item in range(ITEMS)
        if item not in NEW and (item == user % 5 or rng.random() < 0.2 + 0.02 * item)
    ]
    return Histories.of(pd.DataFrame(rows, columns=["user", "item"]).assign(timestamp=0), USERS + 1)


def fitted(**changes: object) -> tuple[NewItems, LeftOut]:
    model = NewItems(OPTIONS.model_copy(update=changes), ModelData(catalogue(), USERS, 0))
    return model, model.fit(catalogue(), train())


def kernels(model: NewItems) -> np.ndarray:
    features = model.features(catalogue()).double()
    found: np.ndarray = torch.exp(-(torch.cdist(features, features) ** 2) / 2 / model.bandwidth**2).numpy()
    return found


def test_scores_are_what_the_definition_says() -> None:
    model, left = fitted()
    known = np.setdiff1d(np.arange(ITEMS), NEW)
    kernel, chosen = kernels(model), matrix(train(), np.arange(USERS), ITEMS).toarray()[:, known]
    inverse = np.linalg.inv(kernel[np.ix_(known, known)] + L2 * np.eye(len(known)))
    log = 0.3 * (np.log(chosen.sum(0)) - np.log(chosen.sum(0)).mean())
    smooth = left.smoother.of(matrix(train(), np.arange(USERS), ITEMS)[:, known])
    said = smooth @ inverse @ kernel[np.ix_(known, NEW)] / chosen.sum(1)[:, None]
    expected = said * np.exp(log @ inverse @ kernel[np.ix_(known, NEW)])
    found = model.users(np.arange(USERS), train()) @ model.vectors(catalogue().take(torch.from_numpy(NEW))).T
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-5)


def test_train_items_are_predicted_as_if_they_were_new() -> None:
    model, left = fitted()
    known = np.setdiff1d(np.arange(ITEMS), NEW)
    smooth = left.smoother.of(matrix(train(), np.arange(USERS), ITEMS)[:, known])
    chosen = matrix(train(), np.arange(USERS), ITEMS).toarray()[:, known]
    log = 0.3 * (np.log(chosen.sum(0)) - np.log(chosen.sum(0)).mean())
    found, kernel = left.scores(np.arange(USERS), train()).numpy(), kernels(model)[np.ix_(known, known)]
    for place in (0, 6):
        others = np.arange(len(known)) != place
        solved = np.linalg.solve(
            kernel[np.ix_(others, others)] + L2 * np.eye(others.sum()), kernel[others, place]
        )
        expected = smooth[:, others] @ solved * np.exp(log[others] @ solved) / chosen.sum(1)
        np.testing.assert_allclose(found[:, place], expected, atol=1e-4)


def test_what_is_cut_is_little() -> None:
    users, new = np.arange(USERS), catalogue().take(torch.from_numpy(NEW))
    whole, cut = (fitted(dim=dim)[0] for dim in (99, 9))
    scores = [(model.users(users, train()) @ model.vectors(new).T).numpy() for model in (whole, cut)]
    assert cut.history.shape == (ITEMS, 9)
    assert np.corrcoef(scores[0].ravel(), scores[1].ravel())[0, 1] > 0.95


def test_some_anchors_are_close_to_all() -> None:
    users, new = np.arange(USERS), catalogue().take(torch.from_numpy(NEW))
    scores = [
        (model.users(users, train()) @ model.vectors(new).T).numpy()
        for model in (fitted(anchors=count)[0] for count in (99, 11))
    ]
    assert fitted(anchors=11)[0].anchors.shape == (11, 9)
    assert np.corrcoef(scores[0].ravel(), scores[1].ravel())[0, 1] > 0.8


def test_a_user_is_the_mean_of_the_whole_history_of_train_items() -> None:
    model, _ = fitted()
    past = Histories(np.array([0, 3, 3, 4]), np.array([0, 1, int(NEW[0]), int(NEW[1])]))
    found = model.users(np.arange(3), past)
    torch.testing.assert_close(found[0], model.history[[0, 1]].mean(0))
    assert found[1].equal(model.mean) and found[2].equal(model.mean), "nothing is known of them"


def test_weights_of_inputs_are_chosen_unless_they_are_given() -> None:
    chosen, _ = fitted(weights={"vision": 0.5})
    assert chosen.features.weights["vision"] == 0.5 and {*chosen.features.weights} == {"vision", "language"}
    assert fitted()[0].features.weights == {"vision": 0.5, "language": 1.0}


@pytest.mark.parametrize("own", [0.0, 1.0])
def test_held_out_choices_change_nothing(own: float) -> None:
    """Only train histories are read: more users at prediction do not change the weights."""
    options = {"smoothing": OPTIONS.smoothing.model_copy(update={"own": own})}
    model, _ = fitted(**options)
    before = {name: x.clone() for name, x in model.state_dict().items()}
    model.users(np.array([0]), Histories(np.array([0, 2]), np.array([3, 4])))
    assert all(x.equal(before[name]) for name, x in model.state_dict().items())
