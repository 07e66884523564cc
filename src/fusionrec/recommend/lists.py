"""Recommendation lists for people, not for measuring: everything that is known of a user is used."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch

from fusionrec import runtime
from fusionrec.data.histories import Histories
from fusionrec.evaluation import catalogue_ranking
from fusionrec.evaluation.catalogue_ranking import Lists
from fusionrec.models.baselines.popularity import Popularity
from fusionrec.models.trained_model import TrainedModel
from fusionrec.recommend import limits, rerank
from fusionrec.recommend.limits import Limit
from fusionrec.recommend.rerank import RerankFeatures
from fusionrec.recommend.rerank_options import Rerank

USERS = 2048  # whose lists are made and written together
HISTORY, POPULARITY = "history", "popularity"  # what a list is based on


class Rules(NamedTuple):
    """What lists are like.

    Attributes:
        k: their length.
        filter_seen: whether what a user chose stays out.
        excluded: int64, rows of items that are never recommended.
        limits: on categories.
        rerank: how the best candidates are put in order.
    """

    k: int
    filter_seen: bool
    excluded: np.ndarray
    limits: list[Limit]
    rerank: Rerank

    @property
    def candidates(self) -> int:
        """How many of a user's best are looked at."""
        plain = self.rerank.method == "none" and not self.limits
        return self.k if plain else max(self.k, self.rerank.max_candidates)


class Block(NamedTuple):
    """Lists of some users: their places in the audience, int64 [n]; own: bool [n], based on their history."""

    places: np.ndarray
    lists: Lists
    own: np.ndarray


class ForAnybody:
    """A `Recommender`: the model's scores where it knows the user, popularity where it does not."""

    def __init__(self, model: TrainedModel, popularity: Popularity, past: Histories, excluded: np.ndarray):
        self.model, self.popularity, self.past = model, popularity, past
        self.excluded = torch.from_numpy(excluded).to(model.device)

    def score(self, users: np.ndarray, past: Histories) -> torch.Tensor:
        """See `Recommender.score`; `past` is what is kept out of the lists, and no input."""
        scores = self.model.score(users, self.past)
        unknown = ~self.model.knows(users, self.past)
        if unknown.any():
            scores[torch.from_numpy(unknown)] = self.popularity.score(users[unknown], past).to(scores.device)
        return scores.index_fill_(1, self.excluded, -torch.inf)


def stream(
    model: TrainedModel,
    popularity: Popularity,
    users: np.ndarray,
    past: Histories,
    rules: Rules,
    traits: RerankFeatures | None,
    threads: int = 0,
) -> Iterator[Block]:
    """Lists of `users`, in their order; memory depends on neither their number nor that of the blocks.

    Args:
        model: scores.
        popularity: scores for those of whom the model knows nothing.
        users: int64 [n], rows of `past`; the model need not know them.
        past: what is known of each row.
        rules: see `Rules`.
        traits: of all items; None where nothing is re-ranked.
        threads: that work at the same time.
    """
    recommender = ForAnybody(model, popularity, past, rules.excluded)
    seen = past if rules.filter_seen else Histories(np.zeros_like(past.offsets), past.items[:0])

    def block(start: int) -> Block:
        some = users[start : start + USERS]
        best = catalogue_ranking.top_k(recommender, some, seen, rules.candidates)
        places = start + np.arange(len(some))
        return Block(places, _made(best, some, past, rules, traits), model.knows(some, past))

    yield from runtime.ahead(block, range(0, len(users), USERS), threads)


def _made(
    best: Lists, users: np.ndarray, past: Histories, rules: Rules, traits: RerankFeatures | None
) -> Lists:
    """The lists that the rules make of the best candidates."""
    k = rules.candidates if rules.limits else rules.k
    if traits is not None:
        best = rerank.rerank(best, traits, past, users, k, rules.rerank)
    return limits.apply(best, rules.limits, rules.k) if rules.limits else best
