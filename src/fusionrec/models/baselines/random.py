"""Random scores, drawn uniformly with a separate generator for each user."""

from fusionrec.models.baselines import Fitted, TrainData
from fusionrec.models.uniform_scores import UniformScores


def fit(train: TrainData, options: None) -> list[Fitted]:
    """Needs the seed alone."""
    return [Fitted(UniformScores(train.seed, train.items), {})]
