"""The whole model, against its formula; what it must not know; what drawing and dropping does."""

import math
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from fusionrec.data.histories import Histories
from fusionrec.models import trained_model
from fusionrec.models.contract import ModelData
from fusionrec.models.trained_model import TrainedModel
from fusionrec.models.zoo.fusion import FusionModel

from ..conftest import CATEGORY_VALUES, ITEMS, USERS

PAST = Histories.of(
    pd.DataFrame({"user": [0, 0, 0, 1], "item": [1, 2, 3, 4], "timestamp": [1, 2, 3, 1]}), USERS
)
ALL = np.arange(USERS)
LATEST = torch.from_numpy(PAST.latest(ALL, 5))
INITS = ["xavier_uniform", "xavier_normal", "kaiming_uniform", "kaiming_normal"]


def score(model: FusionModel, *arguments: Any, **named: Any) -> torch.Tensor:
    """Scores after the final activation."""
    return model.probability(model.logits(*arguments, **named))[0]


@pytest.fixture
def build(options, content):  # type: ignore[no-untyped-def]
    """A model with drawn weights; parameters and known users as asked for."""

    def built(known_users=None, inputs=content, **update: object) -> FusionModel:  # type: ignore[no-untyped-def]
        model = FusionModel(
            options.model_copy(update=update), ModelData(inputs, USERS, CATEGORY_VALUES, known_users)
        )
        model.reset(torch.Generator().manual_seed(5))
        with torch.no_grad():
            recency = None if model.pool is None else model.pool.recency
            for bias in (model.item_bias, model.content_bias.bias, recency):
                if bias is not None:
                    bias.add_(torch.arange(len(bias)) / 10)
        return model

    return built


@pytest.mark.parametrize("user", ["history", "id", "both"])
@pytest.mark.parametrize("final", ["none", "sigmoid", "tanh"])
def test_score_equals_the_formula(build, content, user, final) -> None:  # type: ignore[no-untyped-def]
    model = build(user=user, final_activation=final).eval()
    towers = model.towers(content)
    newest_first = [3, 2, 1]  # ranks 1, 2, 3 are in buckets 0, 1, 1
    expected = torch.zeros(8)
    if model.history is not None:
        for item, bucket in zip(newest_first, [0, 1, 1], strict=True):
            expected = expected + math.exp(bucket / 10) * towers.history[item] / math.sqrt(3 + 1)
    if model.users is not None:
        expected = expected + model.users.weight[0]
    logits = towers.candidates @ expected + towers.bias
    vectors = model.user_vectors(towers, torch.from_numpy(ALL), LATEST)
    activation = {"none": lambda x: x, "sigmoid": lambda x: 1 / (1 + (-x).exp()), "tanh": torch.tanh}[final]
    torch.testing.assert_close(model.probability(model.logits(vectors, towers))[0][0], activation(logits))
    torch.testing.assert_close(model.logits(vectors, towers)[0], logits)
    torch.testing.assert_close(TrainedModel(model, content).score(ALL, PAST)[0], logits)


def test_the_heads_dropout_reaches_scores_and_logits(build, content, generator) -> None:  # type: ignore[no-untyped-def]
    model = build(head="mlp")
    towers = model.towers(content)
    vectors = model.user_vectors(towers, torch.from_numpy(ALL), LATEST)
    for function in (partial(score, model), model.logits):
        drawn = [function(vectors, towers, None, generator()) for _ in range(2)]
        assert torch.equal(*drawn) and not torch.equal(drawn[0], function(vectors, towers))


def test_dropout_reaches_both_towers(build, content, generator) -> None:  # type: ignore[no-untyped-def]
    model = build()
    for still, dropped in zip(model.towers(content)[:3], model.towers(content, generator())[:3], strict=True):
        assert not torch.equal(still, dropped)


def test_bias_is_that_of_the_id_and_that_of_the_content(build, content) -> None:  # type: ignore[no-untyped-def]
    model = build()
    with torch.no_grad():
        model.content_bias.weight.normal_(generator=torch.Generator().manual_seed(1))
    towers = model.towers(content)
    own = torch.tensor([0, 0.1, 0.2, 0.3, 0.4, 0])
    expected = own + towers.candidates @ model.content_bias.weight[0] + model.content_bias.bias
    torch.testing.assert_close(towers.bias, expected)
    none = build(item_id=False)
    assert none.item_bias is None and none.towers(content).bias.shape == (ITEMS,)


def test_untrained_items_have_no_id_bias(build, content) -> None:  # type: ignore[no-untyped-def]
    model = build()
    with torch.no_grad():
        before = model.towers(content).bias.clone()
        model.item_bias += 1
        assert (model.towers(content).bias - before).tolist() == pytest.approx([1, 1, 1, 1, 1, 0], abs=1e-6)


def test_an_items_own_bias_goes_with_its_id(build, content) -> None:  # type: ignore[no-untyped-def]
    model = build(content_dropout=0, feature_dropout=0)
    dropped = model.towers(content, torch.Generator().manual_seed(1))
    _, known = model.candidates.encode(content, torch.Generator().manual_seed(1))
    never = model.towers(content._replace(trained=known))
    assert 0 < known.sum() < 5
    assert torch.equal(dropped.bias, never.bias)
    dropped.bias.sum().backward()
    assert torch.equal(model.item_bias.grad, known.float())


def test_ids_of_unknown_users_contribute_nothing(build, content) -> None:  # type: ignore[no-untyped-def]
    known = torch.tensor([True, True, False, True])
    for user in ("id", "both"):
        model = build(known_users=known, user=user)
        before = TrainedModel(model, content).score(ALL, PAST)
        with torch.no_grad():
            model.users.weight += 1
        same = (TrainedModel(model, content).score(ALL, PAST) == before).all(1)
        assert same.tolist() == [False, False, True, False]
        assert "known_users" not in dict(model.named_parameters()) and "known_users" in model.state_dict()


def test_a_user_of_whom_nothing_is_known_gets_the_bias(build, content) -> None:  # type: ignore[no-untyped-def]
    model = build(known_users=torch.zeros(USERS, dtype=torch.bool), user="both")
    trained = TrainedModel(model, content)
    torch.testing.assert_close(trained.score(ALL, PAST)[2], trained.towers.bias)


@pytest.mark.parametrize(
    ("fusion", "head", "history"),
    [*product(["concatenate", "gated", "attention", "cross_modal"], ["dot", "mlp"], ["sum", "attention"])],
)
@pytest.mark.parametrize("user", ["history", "id", "both"])
def test_every_weight_but_the_temperature_gets_a_gradient(  # type: ignore[no-untyped-def]
    build, with_tokens, fusion, head, history, user
) -> None:
    model = build(inputs=with_tokens, method=fusion, head=head, history=history, user=user)
    towers = model.towers(with_tokens)
    vectors = model.user_vectors(towers, torch.from_numpy(ALL), LATEST)
    score(model, vectors, towers).square().sum().backward()
    without = [name for name, weight in model.named_parameters() if weight.grad is None]
    assert without == ["log_temperature"]


def test_only_the_items_of_a_step_get_a_gradient(build, content) -> None:  # type: ignore[no-untyped-def]
    model = build(user="both")
    towers = model.towers(content, None, torch.tensor([4, 1]), torch.tensor([3, 0]))
    vectors = model.user_vectors(towers, torch.tensor([2]), torch.tensor([[-1, 1, 0, -1, -1]]))
    score(model, vectors, towers).square().sum().backward()

    def touched(weight: torch.Tensor) -> list[int]:
        assert weight.grad is not None
        return weight.grad.reshape(len(weight), -1).any(1).nonzero().squeeze(1).tolist()

    assert touched(model.candidates.ids.weight) == touched(model.item_bias) == [1, 4]
    assert touched(model.history.ids.weight) == [0, 3]
    assert touched(model.users.weight) == [2]


@pytest.mark.parametrize("head", ["dot", "mlp"])
@pytest.mark.parametrize("user", ["history", "id"])
def test_some_items_are_scored_as_all_are(build, content, head, user) -> None:  # type: ignore[no-untyped-def]
    model = build(head=head, user=user).eval()
    users = torch.from_numpy(ALL)
    whole = model.towers(content)
    scores = score(model, model.user_vectors(whole, users, LATEST), whole)
    candidates, history = torch.tensor([5, 2, 0]), torch.tensor([4, 3, 2, 1])
    some = model.towers(content, None, candidates, history)
    place = torch.where(LATEST > 0, 4 - LATEST, -1)
    vectors = model.user_vectors(some, users, place)
    torch.testing.assert_close(score(model, vectors, some), scores[:, candidates])
    columns = torch.tensor([[2, 0]] * USERS)
    torch.testing.assert_close(score(model, vectors, some, columns), scores[:, [0, 5]])


def test_only_the_newest_of_a_long_history_count(build, content) -> None:  # type: ignore[no-untyped-def]
    rows = [(0, item % ITEMS, item) for item in range(12)]
    long = pd.DataFrame(rows, columns=["user", "item", "timestamp"])
    score = TrainedModel(build(), content).score
    torch.testing.assert_close(
        score(ALL[:1], Histories.of(long, USERS)), score(ALL[:1], Histories.of(long.tail(5), USERS))
    )


@pytest.mark.parametrize("batch_norm", [False, True])
def test_a_catalogue_ranked_in_chunks_is_ranked_as_a_whole(build, content, batch_norm, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    model = build(head="mlp", batch_norm=batch_norm)
    towers = model.towers(content)  # moves the statistics of batch norm
    model.logits(model.user_vectors(towers, torch.from_numpy(ALL), LATEST), towers)
    trained = TrainedModel(model, content)
    whole = trained.score(ALL, PAST)
    lengths: list[int] = []
    inner = model.logits

    def logits(vectors, towers):  # type: ignore[no-untyped-def]
        lengths.append(len(towers.candidates))
        return inner(vectors, towers)

    monkeypatch.setattr(model, "logits", logits)
    for values, expected in ((2 * USERS * 6, [2, 2, 2]), (4 * USERS * 6, [4, 2]), (1, [1] * 6)):
        lengths.clear()
        monkeypatch.setattr(trained_model, "PAIR_VALUES", values)
        torch.testing.assert_close(trained.score(ALL, PAST), whole)
        assert lengths == expected


def test_a_saturated_activation_makes_no_ties(build, content) -> None:  # type: ignore[no-untyped-def]
    model = build(final_activation="sigmoid")
    with torch.no_grad():
        model.content_bias.bias += 40
    scores = TrainedModel(model, content).score(ALL[:1], PAST)[0]
    assert len(scores.unique()) == ITEMS


def test_temperature_is_learned_within_bounds(build) -> None:  # type: ignore[no-untyped-def]
    model = build()
    assert model.temperature.item() == pytest.approx(0.1)
    model = build(temperature=0.5)
    assert model.temperature.item() == pytest.approx(0.5)
    assert model.log_temperature.ndim == 0, "so that it does not decay"
    for far, bound in ((-100.0, 0.01), (7.0, 1.0)):
        with torch.no_grad():
            model.log_temperature.fill_(far)
        model.log_temperature.grad = None
        value = model.temperature
        value.backward()
        assert value.item() == pytest.approx(bound)
        assert model.log_temperature.grad is not None and model.log_temperature.grad != 0, "it can return"


@pytest.mark.parametrize("head", ["dot", "mlp"])
def test_initial_weights_repeat_and_every_init_differs(build, head) -> None:  # type: ignore[no-untyped-def]
    drawn = {}
    for scheme in INITS:
        first, again = (build(head=head, user="both", init=scheme).state_dict() for _ in range(2))
        assert all(torch.equal(first[name], again[name]) for name in first)
        drawn[scheme] = first
    matrices = [name for name, weight in drawn[INITS[0]].items() if name.endswith("linear.weight")]
    assert len(matrices) >= 6
    for name in matrices:
        assert len({tuple(weights[name].flatten().tolist()) for weights in drawn.values()}) == len(INITS)


def test_drawing_leaves_nothing_of_what_was(build) -> None:  # type: ignore[no-untyped-def]
    update = {
        "head": "mlp",
        "batch_norm": True,
        "projection_hidden_dim": 3,
        "method": "gated",
        "user": "both",
    }
    model = build(history="attention", **update)
    draw = torch.Generator().manual_seed(5)
    model.reset(draw)
    before = {name: x.clone() for name, x in model.state_dict().items()}
    with torch.no_grad():
        for name, x in model.state_dict().items():
            if name != "known_users":
                x.fill_(9)
    model.reset(torch.Generator().manual_seed(5))
    for name, x in model.state_dict().items():
        assert torch.equal(x, before[name]), name


@pytest.mark.parametrize("fusion", ["concatenate", "gated", "attention", "cross_modal"])
def test_torchs_global_generator_is_never_used(build, content, generator, fusion, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    state = torch.random.get_rng_state()
    model = build(method=fusion, head="mlp", user="both", projection_hidden_dim=3, batch_norm=True)
    towers = model.towers(content, generator())
    vectors = model.user_vectors(towers, torch.from_numpy(ALL), LATEST)
    score(model, vectors, towers, None, generator()).sum().backward()
    TrainedModel(model, content).score(ALL, PAST)
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize("fusion", ["concatenate", "gated", "attention", "cross_modal"])
@pytest.mark.parametrize("head", ["dot", "mlp"])
def test_half_precision_products_train_and_rank(build, with_tokens, generator, fusion, head) -> None:  # type: ignore[no-untyped-def]
    model = build(inputs=with_tokens, method=fusion, head=head, item_id=False, history="attention")

    def scores() -> torch.Tensor:
        towers = model.towers(with_tokens)
        return score(model, model.user_vectors(towers, torch.from_numpy(ALL), LATEST), towers)

    with torch.autocast("cpu", torch.bfloat16):
        half = scores()
    half.float().square().sum().backward()
    torch.testing.assert_close(half.float(), scores(), atol=0.02, rtol=0.05)


FUSED = [{}, {"method": "gated"}, {"method": "attention"}, {"method": "cross_modal"}, {"head": "mlp"}]


@pytest.mark.parametrize("update", [*FUSED, {"user": "id"}, {"user": "both"}, {"item_id": False}])
def test_an_item_that_is_new_is_scored_as_one_that_train_lacks(build, with_tokens, update) -> None:  # type: ignore[no-untyped-def]
    model = build(inputs=with_tokens, **update)
    trained = TrainedModel(model, with_tokens)
    rows = torch.tensor([5, 1])
    found = trained.among(with_tokens.take(rows)).score(ALL, PAST)
    torch.testing.assert_close(found[:, 0], trained.score(ALL, PAST)[:, 5], rtol=0, atol=1e-6)
    strange = with_tokens._replace(trained=torch.arange(ITEMS) == -1)
    without_id = model.towers(strange)
    latest = torch.from_numpy(PAST.latest(ALL, model.options.max_history))
    vectors = model.user_vectors(trained.towers, torch.from_numpy(ALL), latest)
    expected = model.logits(vectors, without_id._replace(history=trained.towers.history))[:, 1]
    torch.testing.assert_close(found[:, 1], expected, rtol=0, atol=1e-6)


def test_among_leaves_the_model_as_it_is(build, content) -> None:  # type: ignore[no-untyped-def]
    trained = TrainedModel(build(), content, list("abcdef"), list("wxyz"))
    before = trained.score(ALL, PAST)
    new = trained.among(content.take(torch.tensor([0])))
    assert new.score(ALL, PAST).shape == (USERS, 1) and torch.equal(trained.score(ALL, PAST), before)


@pytest.mark.parametrize("user", ["history", "id", "both"])
def test_a_stranger_is_a_user_of_whom_train_knows_nothing(build, content, user) -> None:  # type: ignore[no-untyped-def]
    known = torch.tensor([True, True, False, True])
    trained = TrainedModel(build(known_users=known, user=user), content)
    more = Histories(
        np.append(PAST.offsets, [len(PAST.items), len(PAST.items) + 2]), np.append(PAST.items, [0, 2])
    )
    assert len(more) == USERS + 2
    scores = trained.score(np.array([2, USERS, USERS + 1]), more)
    assert torch.equal(scores[0], scores[1]), "neither has an id that train knows, or a history"
    assert torch.equal(scores[1], scores[2]) == (user == "id")
    rows = np.array([0, 2, 3, USERS, USERS + 1])
    expected = {
        "history": [True, False, False, False, True],
        "id": [True, False, True, False, False],
        "both": [True, False, True, False, True],
    }
    assert trained.knows(rows, more).tolist() == expected[user]
