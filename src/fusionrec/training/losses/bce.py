"""Binary cross-entropy: a target is a choice, a negative is none (He et al., WWW 2017)."""

import torch
import torch.nn.functional as F

from fusionrec.training.losses import LossStep, full

READS = "pairs"


def loss(step: LossStep) -> torch.Tensor:
    """[]: see `bce_loss`."""
    pairs = step.pairs()
    hit, activation = step.probability(pairs.positive.float())
    miss, _ = step.probability(pairs.negative.float())
    return bce_loss(hit, miss, activation, pairs.valid)


def bce_loss(
    positive: torch.Tensor, negative: torch.Tensor, activation: str, valid: torch.Tensor | None = None
) -> torch.Tensor:
    """Binary cross-entropy, -log p(s+) - sum log(1 - p(s-)), mean over a target and its negatives, then targets.

    He et al., "Neural Collaborative Filtering", WWW 2017.

    Args:
        positive: [p] scores of targets, as they leave the final activation.
        negative: [p, m] scores of the negatives of each.
        activation: the final activation, which says what a score means. `none`: a logit, p = sigmoid(s);
            `sigmoid`: p = s; `tanh`: p = (s + 1) / 2.
        valid: bool [p, m], see `sampled_softmax_loss`.
    """
    hit = _log_probability(full(positive), activation, True)
    miss = _log_probability(full(negative), activation, False)
    if valid is None:
        valid = torch.ones_like(miss, dtype=torch.bool)
    total = hit + miss.masked_fill(~valid, 0).sum(1)
    return -(total / (1 + valid.sum(1))).mean()


def _log_probability(scores: torch.Tensor, activation: str, chosen: bool) -> torch.Tensor:
    """log p or log(1 - p); finite where an activation is saturated, and its gradient is 0 there."""
    if activation == "none":
        return F.logsigmoid(scores if chosen else -scores)
    probability = {"sigmoid": scores, "tanh": (scores + 1) / 2}[activation]
    return (probability if chosen else 1 - probability).clamp(min=torch.finfo(scores.dtype).tiny).log()
