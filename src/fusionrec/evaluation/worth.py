"""What each input of the model is worth at evaluation."""

from typing import Any

import numpy as np
import torch

from fusionrec.evaluation import knockouts, report, significance
from fusionrec.evaluation.task import Task, rank
from fusionrec.models.two_towers import TrainedModel


def of_inputs(
    model: TrainedModel, whole: report.Result, this: Task, headline: list[str], seed: int
) -> dict[str, Any]:
    """What the headline metrics lose without each input, absent or shuffled across items.

    Args:
        model: the whole model.
        whole: its result.
        this: the task.
        headline: metrics of accuracy.
        seed: of the shuffling and of the bootstrap.

    Returns:
        {modality: {absent or shuffled: {metric: {value, loss, low, high}}}}, paired by user.
    """
    ks = sorted({int(name.partition("@")[2]) for name in headline})
    samples = significance.samples(len(this.users), np.random.default_rng(seed))
    found: dict[str, Any] = {}
    for modality in knockouts.modalities(model):
        for how in ("absent", "shuffled"):
            without = knockouts.knock_out(model, modality, how, torch.Generator().manual_seed(seed))
            result = report.evaluate(rank(without, this, max(ks)).items, this, ks)
            found.setdefault(modality, {})[how] = report.losses(whole, result, headline, samples)
    return found
