"""Ranking losses over dot-product scores."""

import torch
import torch.nn.functional as F


def softmax_loss(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Cross-entropy over all candidates, mean over targets.

    Args:
        logits: [n, items]; -inf where an item is no candidate.
        targets: int64 [n, targets], padded with -1.
    """
    present = targets >= 0
    log_probability = F.log_softmax(logits, 1).gather(1, targets.clamp(min=0))
    return -log_probability[present].mean()


def bpr_loss(positive: torch.Tensor, negative: torch.Tensor) -> torch.Tensor:
    """Bayesian personalised ranking, -log sigmoid(positive - negative), mean over all pairs.

    Rendle et al., "BPR: Bayesian Personalized Ranking from Implicit Feedback", UAI 2009.

    Args:
        positive: [n] scores of targets.
        negative: [n, negatives] scores of negatives of the same examples.
    """
    return F.softplus(negative - positive[:, None]).mean()
