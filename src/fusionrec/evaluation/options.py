"""Parameters of evaluation: the section `metrics`."""

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from fusionrec.params import Count, Natural, Positive, Probability, Section, Weight

Accuracy = Annotated[str, Field(pattern=r"^(precision|recall|f1|hit_rate|mrr|map|ndcg)@[1-9][0-9]*$")]
Reranker = Literal["weighted", "mmr", "dpp", "calibrated"]


class Baselines(Section):
    """What the model is measured against (see `fusionrec.models.baselines`).

    `recent` is the share of train's time that recent_popularity counts. The lists are what is tried on
    validation: `neighbours` and `shrinkage` for item_knn and user_knn, `l2` for ease, which is refused above
    `max_ease_items`.
    """

    names: list[Literal["random", "popularity", "recent_popularity", "item_knn", "user_knn", "ease"]]
    recent: Annotated[float, Field(gt=0, le=1)]
    neighbours: Annotated[list[Count], Field(min_length=1)]
    shrinkage: Annotated[list[Weight], Field(min_length=1)]
    l2: Annotated[list[Positive], Field(min_length=1)]
    max_ease_items: Count


class Metrics(Section):
    """Cut-offs `ks`, and what is hidden from the lists and what is ranked (see `evaluation.task`).

    `headline` metrics are those of slices, knock-outs, trade-off and bars. `negatives` are drawn for each
    user with the protocol `sampled`. `candidates` is a table of item_id, and user_id or not. `slices` names
    columns of the items' or users' table. `rerankers` are measured beside the model at `rerank.strength`, and
    at each strength of `tradeoff`.
    """

    seed: Natural
    ks: Annotated[list[Count], Field(min_length=1)]
    headline: Annotated[list[Accuracy], Field(min_length=1)]
    protocol: Literal["strict", "mmrec", "sampled"]
    negatives: Count
    candidates: str
    slices: list[str]
    rerankers: list[Reranker]
    tradeoff: list[Probability]
    baselines: Baselines

    @field_validator("headline")
    @classmethod
    def _at_a_cut_off(cls, headline: list[str], info: ValidationInfo) -> list[str]:
        for name in headline:
            if int(name.partition("@")[2]) not in info.data.get("ks", []):
                raise ValueError(f"{name}: its cut-off must be one of metrics.ks")
        return headline
