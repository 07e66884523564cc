"""Bayesian personalised ranking: a target should score higher than its negatives (Rendle et al., UAI 2009)."""

import torch
import torch.nn.functional as F

from fusionrec.training.losses import LossStep, full

READS = "pairs"


def loss(step: LossStep) -> torch.Tensor:
    """[]: see `bpr_loss`."""
    pairs = step.pairs()
    return bpr_loss(pairs.positive, pairs.negative, pairs.valid)


def bpr_loss(
    positive: torch.Tensor, negative: torch.Tensor, valid: torch.Tensor | None = None
) -> torch.Tensor:
    """Bayesian personalised ranking, -log sigmoid(s+ - s-), mean over negatives, then over targets.

    Rendle et al., "BPR: Bayesian Personalized Ranking from Implicit Feedback", UAI 2009.

    Args:
        positive: [p] logits of targets.
        negative: [p, m] logits of the negatives of each.
        valid: bool [p, m], see `sampled_softmax_loss`; a target without a negative counts as 0.
    """
    losses = F.softplus(full(negative) - full(positive)[:, None])
    if valid is None:
        return losses.mean()
    return (losses.masked_fill(~valid, 0).sum(1) / valid.sum(1).clamp(min=1)).mean()
