"""Softmax over sampled negatives, corrected for how often each is drawn (logQ)."""

import torch
import torch.nn.functional as F

from fusionrec.training.losses import LossStep, full

READS = "pairs"


def loss(step: LossStep) -> torch.Tensor:
    """[]: see `sampled_softmax_loss`."""
    pairs = step.pairs()
    return sampled_softmax_loss(
        pairs.positive, pairs.negative, pairs.positive_logq, pairs.negative_logq, pairs.valid
    )


def sampled_softmax_loss(
    positive: torch.Tensor,
    negative: torch.Tensor,
    positive_logq: torch.Tensor,
    negative_logq: torch.Tensor,
    valid: torch.Tensor | None = None,
) -> torch.Tensor:
    """Cross-entropy of each target among itself and its negatives, by logits s - log q, mean over targets.

    Without the correction often drawn items are pushed down more than others; with it, the more negatives, the
    nearer the gradient is to that of the softmax over all items, whatever they were drawn from.
    Bengio and Senecal, "Adaptive Importance Sampling to Accelerate Training of a Neural Probabilistic
    Language Model", 2008; Yi et al., "Sampling-Bias-Corrected Neural Modeling for Large Corpus Item
    Recommendations", RecSys 2019.

    Args:
        positive: [p] logits of targets.
        negative: [p, m] logits of the negatives of each.
        positive_logq: [p] log of the expected count of each target among the negatives (`Sampler.logq`).
        negative_logq: [p, m] that of each negative.
        valid: bool [p, m], false where a negative is none: an accidental hit. None: all are.
    """
    others = full(negative) - negative_logq
    if valid is not None:
        others = others.masked_fill(~valid, -torch.inf)
    logits = torch.cat([(full(positive) - positive_logq)[:, None], others], 1)
    return -F.log_softmax(logits, 1)[:, 0].mean()
