"""Parameters of evaluation: the section `metrics`."""

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from fusionrec.choices import Choice
from fusionrec.params import Choosing, Count, Natural, Probability

Accuracy = Annotated[str, Field(pattern=r"^(precision|recall|f1|hit_rate|mrr|map|ndcg)@[1-9][0-9]*$")]
Reranker = Literal["weighted", "mmr", "dpp", "calibrated"]


class Baselines(Choosing):
    """The baselines `names`, models in closed form; the parameters of each are under its name."""

    names: Annotated[list[str], Choice("fusionrec.models.zoo", "metrics.baselines.names")]


class Metrics(Choosing):
    """What is measured: metric `families` at the cut-offs `ks`, for lists made as `protocol` says.

    `headline` metrics, of accuracy, are those of slices, ablation, trade-off and bars. With the protocol `sampled`
    each user's held-out items are ranked among `negatives` others. `candidates` is a table of what is ranked (see
    `fusionrec.evaluation.protocol`). With `users` above 0, only so many random users are measured. `slices` names
    columns of the items' or users' table. `rerankers` are measured beside the model at `rerank.strength`, and at each
    strength of `tradeoff`.
    """

    seed: Natural
    ks: Annotated[list[Count], Field(min_length=1)]
    families: Annotated[list[str], Choice("fusionrec.evaluation.metrics", "metrics.families")]
    headline: Annotated[list[Accuracy], Field(min_length=1)]
    protocol: Literal["strict", "mmrec", "new", "sampled"]
    negatives: Count
    candidates: str
    users: Natural
    slices: list[str]
    rerankers: list[Reranker]
    tradeoff: list[Probability]
    baselines: Baselines

    @field_validator("families")
    @classmethod
    def _accuracy_first(cls, families: list[str]) -> list[str]:
        if families[:1] != ["accuracy"]:
            raise ValueError("must start with accuracy, whose metrics are the headline")
        return families

    @field_validator("headline")
    @classmethod
    def _at_a_cut_off(cls, headline: list[str], info: ValidationInfo) -> list[str]:
        for name in headline:
            if int(name.partition("@")[2]) not in info.data.get("ks", []):
                raise ValueError(f"{name}: its cut-off must be one of metrics.ks")
        return headline
