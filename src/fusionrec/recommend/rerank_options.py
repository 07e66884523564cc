"""Parameters of re-ranking: the section `rerank`."""

from typing import Literal, Self

from pydantic import model_validator

from fusionrec.params import Count, Probability, Section


class Rerank(Section):
    """How lists are made of the `max_candidates` best of a user (see `fusionrec.recommend.rerank`).

    `strength` 0 keeps their order, 1 looks at it no more. `novelty` is the second weight of `weighted`.
    """

    method: Literal["none", "weighted", "mmr", "dpp", "calibrated"]
    max_candidates: Count
    strength: Probability
    novelty: Probability

    @model_validator(mode="after")
    def _leaves_something(self) -> Self:
        if self.method == "weighted" and self.strength + self.novelty > 1:
            raise ValueError("strength and novelty must add up to at most 1")
        return self
