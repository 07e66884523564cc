"""Monitored metrics, against those of the evaluation and by hand."""

import math

import numpy as np
import pandas as pd
import pytest
import torch

from fusionrec.data.histories import Histories
from fusionrec.errors import UserError
from fusionrec.evaluation.metrics import accuracy, catalogue, popularity
from fusionrec.evaluation.validation import validator
from fusionrec.models.fixed_scores import FixedScores

USERS, ITEMS = 5, 8


def log(rows: list[tuple[int, int]]) -> Histories:
    table = pd.DataFrame(rows, columns=["user", "item"]).assign(timestamp=range(len(rows)))
    return Histories.of(table, USERS)


TRAIN = log([(user, user) for user in range(USERS)])
VAL = log([(0, 1), (0, 2), (2, 7), (4, 0)])
SCORES = np.random.default_rng(0).permutation(USERS * ITEMS).reshape(USERS, ITEMS).astype(np.float32) / 7


def found(monitor: str) -> dict[str, float]:
    return validator(TRAIN, VAL, TRAIN, ITEMS, monitor)(FixedScores(SCORES))


def lists(k: int) -> np.ndarray:
    masked = SCORES.copy()
    masked[np.arange(USERS), np.arange(USERS)] = -np.inf
    return np.argsort(-masked[[0, 2, 4]], 1)[:, :k]


@pytest.mark.parametrize("name", list(accuracy.METRICS))
def test_accuracy_is_over_users_who_have_something_to_find(name: str) -> None:
    relevant = [{1, 2}, {7}, {0}]
    hits = np.array([[item in items for item in row] for items, row in zip(relevant, lists(3), strict=True)])
    expected = accuracy.METRICS[name](hits, np.array([2, 1, 1]), 3).mean()
    assert found(f"{name}@3")[f"{name}@3"] == pytest.approx(expected)


def test_the_usual_ones_stand_beside() -> None:
    assert found("map@3").keys() == {"map@3", "ndcg@3", "recall@3"}


def test_catalogue_metrics() -> None:
    assert found("coverage@3")["coverage@3"] == catalogue.coverage(lists(3), ITEMS)
    assert found("gini@3")["gini@3"] == pytest.approx(catalogue.gini(lists(3), ITEMS))
    chosen = np.bincount(TRAIN.items, minlength=ITEMS)
    assert found("novelty@3")["novelty@3"] == pytest.approx(
        popularity.novelty(lists(3), chosen, USERS, [3]).mean()
    )


def test_the_loss_by_hand() -> None:
    expected = []
    for user, item in ((0, 1), (0, 2), (2, 7), (4, 0)):
        others = [SCORES[user, i] for i in range(ITEMS) if i != user]
        expected.append(math.log(sum(math.exp(score) for score in others)) - SCORES[user, item])
    assert found("loss")["loss"] == pytest.approx(np.mean(expected), rel=1e-6)


def test_the_loss_leaves_out_what_cannot_be_ranked() -> None:
    scores = SCORES.copy()
    scores[:, 7] = -np.inf
    kept = log([(0, 1), (0, 2), (4, 0)])  # VAL without item 7
    one, other = (validator(TRAIN, held_out, TRAIN, ITEMS, "loss") for held_out in (VAL, kept))
    assert one(FixedScores(scores))["loss"] == other(FixedScores(scores))["loss"] < math.inf


def test_a_model_of_ids_cannot_be_monitored_on_new_items() -> None:
    class OfIds(FixedScores):
        ranks_untrained_items = False

    with pytest.raises(UserError, match="set it to ndcg@5"):
        validator(TRAIN, VAL, TRAIN, ITEMS, "ndcg_new@5")(OfIds(SCORES))


def test_an_oracle_scores_one() -> None:
    known = torch.zeros(USERS, ITEMS)
    known[[0, 0, 2, 4], [1, 2, 7, 0]] = 1
    assert validator(TRAIN, VAL, TRAIN, ITEMS, "ndcg@10")(FixedScores(known.numpy()))["ndcg@10"] == 1.0


def test_new_items_are_ranked_among_themselves() -> None:
    masked = SCORES.copy()
    masked[:, :USERS] = -np.inf  # everything that train knows
    ranked = np.argsort(-masked[[0, 2, 4]], 1, kind="stable")[:, : ITEMS - USERS]
    hits = np.array(
        [[item in items for item in row] for items, row in zip([{1, 2}, {7}, {0}], ranked, strict=True)]
    )
    assert found("ndcg_new@5") == {
        "ndcg_new@5": pytest.approx(accuracy.ndcg(hits, np.array([2, 1, 1]), 5).mean()),
        "recall_new@5": pytest.approx(accuracy.recall(hits, np.array([2, 1, 1]), 5).mean()),
    }


def test_what_cannot_be_watched_is_refused() -> None:
    with pytest.raises(UserError, match=r"train\.monitor: no metric 'auc'; known: loss, .*ndcg"):
        found("auc@10")
    with pytest.raises(UserError, match="no user has a validation item"):
        validator(TRAIN, log([]), TRAIN, ITEMS, "ndcg@10")


def test_a_sample_of_users_stands_for_all() -> None:
    """Each user alone is one of the three samples of one user; a sample of all is all."""
    alone = set()
    for user in (0, 2, 4):
        held_out = log([pair for pair in [(0, 1), (0, 2), (2, 7), (4, 0)] if pair[0] == user])
        alone.add(validator(TRAIN, held_out, TRAIN, ITEMS, "ndcg@5")(FixedScores(SCORES))["ndcg@5"])
    sampled = validator(TRAIN, VAL, TRAIN, ITEMS, "ndcg@5", sample=1)
    assert sampled(FixedScores(SCORES)) == sampled(FixedScores(SCORES))
    assert sampled(FixedScores(SCORES))["ndcg@5"] in alone
    assert validator(TRAIN, VAL, TRAIN, ITEMS, "ndcg@5", sample=3)(FixedScores(SCORES)) == found("ndcg@5")
