"""What each stage will take."""

from typing import Any, NamedTuple

from fusionrec.preflight import work
from fusionrec.preflight.coefficients import TERMS
from fusionrec.preflight.sizes import Sizes

PARALLEL = (
    "images",
    "cache@vision",
    "cache@language",
    "metrics",
    "recs",
)  # stages that `runtime.workers` share
# what lowers the cost of a stage, most effective first
REMEDIES = {
    "raw": "use a part of the data",
    "clean": "raise clean.min_user_interactions, or use a part of the data",
    "splits": "raise clean.min_user_interactions",
    "images": "set raw.extensions to those that are needed",
    "cache@vision": "set runtime.device=cuda and cache.batch=64, or model.vision=none",
    "cache@language": "set runtime.device=cuda and cache.batch=64, or lower cache.max_tokens",
    "model": "run `fusionrec preset large`: a sampled loss, and validation on a part of the users",
    "metrics": "run `fusionrec preset large`: a part of the users, fewer baselines without values to try",
    "recs": "lower recs.users",
}


class Forecast(NamedTuple):
    """Of one stage: CPU seconds, bytes of memory at the peak, and bytes written; None: nobody has measured it."""

    stage: str
    seconds: float | None
    memory: float
    disk: float

    def hours(self, workers: int) -> float | None:
        """On the clock, if `workers` processes share what can be shared."""
        share = workers if self.stage in PARALLEL else 1
        return None if self.seconds is None else self.seconds / share / 3600


def stages(tree: dict[str, Any], sizes: Sizes) -> list[Forecast]:
    """The forecast of each stage, in the order in which they run.

    Args:
        tree: all of params.yaml.
        sizes: of the data.
    """
    units = work.units(tree, sizes)
    return [_stage(name, units, tree) for name in dict.fromkeys(term.stage for term in TERMS)]


def _stage(name: str, units: dict[str, float], tree: dict[str, Any]) -> Forecast:
    terms = [(units.get(term.unit, 0), term) for term in TERMS if term.stage == name]
    seconds = sum(count * term.seconds for count, term in terms)
    memory, disk = (sum(count * getattr(term, kind) for count, term in terms) for kind in ("memory", "disk"))
    return Forecast(name, seconds if _measured(name, tree) else None, memory, disk)


def _measured(stage: str, tree: dict[str, Any]) -> bool:
    """Whether the encoder of a cache is one that was measured, or reads vectors that are there."""
    modality = stage.partition("@")[2]
    encoder = work.parameter(tree, f"model.{modality}") if modality else "none"
    return encoder in ("none", "given") or any(
        term.stage == stage and term.unit.endswith(f" by {encoder}") for term in TERMS
    )
