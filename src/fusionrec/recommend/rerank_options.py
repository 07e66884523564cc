"""Parameters of re-ranking: the section `rerank`."""

from typing import Literal, Self

from pydantic import model_validator

from fusionrec.params import Count, Probability, Section


class Rerank(Section):
    """How a list is picked from the `max_candidates` best items of a user (see `fusionrec.recommend.rerank`).

    With `strength` 0 the list keeps the order of the scores, with 1 the scores are ignored. `novelty` is the second
    weight of the method `weighted`.
    """

    method: Literal["none", "weighted", "mmr", "dpp", "calibrated"]
    max_candidates: Count
    strength: Probability
    novelty: Probability

    @model_validator(mode="after")
    def _weights_add_up(self) -> Self:
        if self.method == "weighted" and self.strength + self.novelty > 1:
            raise ValueError("strength and novelty must add up to at most 1")
        return self
