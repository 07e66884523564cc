"""Recommendation lists for users. Unlike in evaluation, a user's whole history is used, held-out parts included."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch

from fusionrec import runtime
from fusionrec.data.histories import Histories
from fusionrec.evaluation import catalogue_ranking
from fusionrec.evaluation.catalogue_ranking import Lists
from fusionrec.models.popularity_scores import PopularityScores
from fusionrec.models.trained_model import TrainedModel
from fusionrec.recommend import limits, rerank, vectors
from fusionrec.recommend.approximate import Index
from fusionrec.recommend.limits import Limit
from fusionrec.recommend.rerank import RerankFeatures
from fusionrec.recommend.rerank_options import Rerank

USERS = 2048  # lists of so many users are computed and written together
HISTORY, POPULARITY = "history", "popularity"  # what a list is based on


class Rules(NamedTuple):
    """Rules for lists.

    Attributes:
        k: length of the lists.
        filter_seen: whether items of a user's history stay out of the list.
        excluded: int64 [n], rows of items that are never recommended.
        limits: limits on categories.
        rerank: how the best candidates are re-ranked.
    """

    k: int
    filter_seen: bool
    excluded: np.ndarray
    limits: list[Limit]
    rerank: Rerank

    @property
    def candidates(self) -> int:
        """How many of a user's best items are considered."""
        plain = self.rerank.method == "none" and not self.limits
        return self.k if plain else max(self.k, self.rerank.max_candidates)


class Block(NamedTuple):
    """Lists of some of the requested users.

    Attributes:
        positions: int64 [n], which of the requested users these are.
        lists: [n, k].
        from_history: bool [n], whether the list is based on the user's history, not on popularity.
    """

    positions: np.ndarray
    lists: Lists
    from_history: np.ndarray


class ModelOrPopularity:
    """A `Recommender`: the model's scores for users that the model knows, popularity for all others."""

    def __init__(
        self, model: TrainedModel, popularity: PopularityScores, past: Histories, excluded: np.ndarray
    ):
        self.model, self.popularity, self.past = model, popularity, past
        self.excluded = torch.from_numpy(excluded).to(model.device)

    def score(self, users: np.ndarray, past: Histories) -> torch.Tensor:
        """See `Recommender.score`. The items of `past` are kept out of the lists; they are no input of the model."""
        scores = self.model.score(users, self.past)
        unknown = ~self.model.knows(users, self.past)
        if unknown.any():
            scores[torch.from_numpy(unknown)] = self.popularity.score(users[unknown], past).to(scores.device)
        return scores.index_fill_(1, self.excluded, -torch.inf)


def stream(
    model: TrainedModel,
    popularity: PopularityScores,
    users: np.ndarray,
    past: Histories,
    rules: Rules,
    features: RerankFeatures | None,
    threads: int = 0,
) -> Iterator[Block]:
    """Lists of users, in their order. The memory that is used does not grow with the number of users.

    Args:
        model: scores items for users that it knows.
        popularity: scores items for all other users.
        users: int64 [n], rows of `past`; the model need not know them.
        past: the history of each row.
        rules: see `Rules`.
        features: features of all items for re-ranking; None if nothing is re-ranked.
        threads: number of threads that compute blocks at the same time; 0: only the main thread.
    """
    recommender = ModelOrPopularity(model, popularity, past, rules.excluded)
    seen = past if rules.filter_seen else Histories(np.zeros_like(past.offsets), past.items[:0])

    def block(start: int) -> Block:
        batch = users[start : start + USERS]
        best = catalogue_ranking.top_k(recommender, batch, seen, rules.candidates)
        positions = start + np.arange(len(batch))
        return Block(positions, _by_rules(best, batch, past, rules, features), model.knows(batch, past))

    yield from runtime.ahead(block, range(0, len(users), USERS), threads)


def of_batch(
    model: TrainedModel,
    popularity: PopularityScores,
    users: np.ndarray,
    past: Histories,
    rules: Sequence[Rules],
    features: RerankFeatures | None,
    index: Index | None = None,
) -> list[Block]:
    """A list for each of some users, by rules of its own, all from one matrix product.

    These are the lists of `stream`; the last bits of scores may differ, because the product has another shape.

    Args:
        model: see `stream`.
        popularity: see `stream`.
        users: int64 [n], distinct rows of `past`.
        past: the history of each row.
        rules: [n].
        features: None if none of `rules` re-ranks.
        index: finds the best items of users that the model knows, most of them. None: all items are scored.
    """
    nothing = np.zeros(0, np.int64)
    left_out = [
        np.concatenate([past[user] if each.filter_seen else nothing, each.excluded])
        for user, each in zip(users, rules, strict=True)
    ]
    known, most = model.knows(users, past), max(each.candidates for each in rules)
    found = (
        index.best(vectors.user_vectors(model, users, past), left_out, most)
        if index and known.all()
        else None
    )
    if found is None:
        scores = ModelOrPopularity(model, popularity, past, nothing).score(users, past)
        for row, items in enumerate(left_out):
            scores[row, torch.from_numpy(items)] = -torch.inf
        found = catalogue_ranking.best(scores, most)
    blocks = []
    for row, each in enumerate(rules):
        one = np.array([row])
        own = Lists(found.items[one, : each.candidates], found.scores[one, : each.candidates])
        reranked = features if each.rerank.method != "none" else None
        blocks.append(Block(one, _by_rules(own, users[one], past, each, reranked), known[one]))
    return blocks


def _by_rules(
    best: Lists, users: np.ndarray, past: Histories, rules: Rules, features: RerankFeatures | None
) -> Lists:
    """Re-rank the best candidates and apply the limits."""
    k = rules.candidates if rules.limits else rules.k
    if features is not None:
        best = rerank.rerank(best, features, past, users, k, rules.rerank)
    return limits.apply(best, rules.limits, rules.k) if rules.limits else best
