"""Random scores, drawn uniformly with a separate generator for each user."""

from fusionrec.models.baselines import Settings, TrainData
from fusionrec.models.uniform_scores import UniformScores


def variants(options: None) -> list[Settings]:
    """One: there are no hyper-parameters to choose."""
    return [{}]


def fit(train: TrainData, options: None, settings: Settings) -> UniformScores:
    """Needs the seed alone."""
    return UniformScores(train.seed, train.items)
