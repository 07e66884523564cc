"""The learner of the demo: it finds tastes from choices, and uses no taste that it is not shown."""

import numpy as np
import torch

from fusionrec.data.demo import demo_choices
from fusionrec.data.demo.demo_truth import Truth
from fusionrec.data.histories import Histories
from fusionrec.evaluation.trait_learner import RATE, TraitLearner

TRAITS = {"colour": 2, "shape": 3}
ITEMS = 30


def truth(users: int) -> Truth:
    rng = np.random.default_rng(1)
    traits = demo_choices.one_hot(demo_choices.draw_traits(rng, ITEMS, TRAITS), TRAITS)
    names = [f"i{item}" for item in range(ITEMS)]
    taste, appeal = demo_choices.draw_taste(rng, users, TRAITS), rng.normal(size=ITEMS).astype(np.float32)
    return Truth([f"u{user}" for user in range(users)], names, taste, traits, appeal)


def chosen(known: Truth, count: int) -> Histories:
    """Choices of each user, drawn from softmax(utility), without repetition."""
    noise = np.random.default_rng(2).gumbel(size=(len(known.users), ITEMS))
    order = np.argsort(-(known.taste @ known.traits.T + known.appeal + noise), axis=1)
    return Histories(np.arange(len(known.users) + 1) * count, order[:, :count].ravel())


def test_tastes_are_the_most_probable_ones() -> None:
    """The condition of a maximum: where a weight is above 0, expected choices and the rate are the observed ones."""
    known = truth(40)
    past, learner = chosen(known, 12), TraitLearner(known, known.items)
    users = np.arange(40)
    taste = learner.tastes(users, past).double()
    traits, appeal = torch.from_numpy(known.traits).double(), torch.from_numpy(known.appeal).double()
    observed = torch.stack([traits[past.items[past.offsets[u] : past.offsets[u + 1]]].sum(0) for u in users])
    slope = 12 * (torch.addmm(appeal, taste, traits.T).softmax(1) @ traits) - observed + RATE
    inside = taste > 0
    assert inside.any(1).float().mean() > 0.8 and slope[inside].abs().max() < 0.2
    assert slope[~inside].min() > -0.2, "a weight of 0 would fall, if it could"


def test_it_is_between_popularity_and_the_oracle() -> None:
    known = truth(400)
    past, users = chosen(known, 10), np.arange(400)
    utility = torch.from_numpy(known.taste @ known.traits.T + known.appeal)
    found = TraitLearner(known, known.items).score(users, past)

    def likelihood(scores: torch.Tensor) -> float:  # of a choice that is not in the history
        return float((utility.softmax(1) * scores.log_softmax(1)).sum(1).mean())

    popularity = torch.from_numpy(known.appeal).expand(400, ITEMS)
    assert likelihood(popularity) + 0.1 < likelihood(found) < likelihood(utility)


def test_true_tastes_are_not_used_and_unknown_users_get_appeal() -> None:
    known = truth(5)
    nobody = Histories(np.zeros(6, np.int64), np.zeros(0, np.int64))
    past, users = chosen(known, 8), np.array([3, 1])
    found = TraitLearner(known, known.items).score(users, past)
    other = known._replace(taste=known.taste[::-1].copy())
    assert TraitLearner(other, known.items).score(users, past).equal(found)
    few = TraitLearner(known, ["i7", "i2"])
    assert few.score(users, nobody).equal(torch.from_numpy(known.appeal[[7, 2]]).expand(2, 2))
