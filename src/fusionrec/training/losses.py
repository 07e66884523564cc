"""Losses over scores.

Each ranking loss is a mean over targets, so that those of parts of a batch are put together by their numbers
of targets. Scores are logits, before the final activation; only `bce_loss` takes what comes out of it. Half
precision is raised to float32.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch.utils.checkpoint import checkpoint


def softmax_loss(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Cross-entropy over all candidates, -log(exp(s+) / sum_j exp(s_j)), mean over targets.

    Args:
        logits: [n, items]; -inf where an item is no candidate.
        targets: int64 [n, targets], padded with -1.
    """
    return _cross_entropies(logits, targets).mean()


def chunked_softmax(
    score: Callable[[slice], torch.Tensor], rows: int, targets: torch.Tensor, chunk: int
) -> torch.Tensor:
    """`softmax_loss` in bounded memory: logits of one chunk of rows are alive, and computed again backward.

    Chen et al., "Training Deep Nets with Sublinear Memory Cost", 2016.

    Args:
        score: the logits [length, items] of a slice of rows; called twice, so it must not draw at random.
        rows: their number.
        targets: int64 [rows, targets], padded with -1.
        chunk: rows at a time. Where one chunk holds all, this is `softmax_loss`.
    """
    if rows <= chunk:
        return softmax_loss(score(slice(0, rows)), targets)

    def part(start: int) -> torch.Tensor:
        place = slice(start, min(start + chunk, rows))
        return _cross_entropies(score(place), targets[place]).sum()

    parts = [
        checkpoint(part, start, use_reentrant=False, preserve_rng_state=False)
        for start in range(0, rows, chunk)
    ]
    return torch.stack(parts).sum() / (targets >= 0).sum()


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
    others = _full(negative) - negative_logq
    if valid is not None:
        others = others.masked_fill(~valid, -torch.inf)
    logits = torch.cat([(_full(positive) - positive_logq)[:, None], others], 1)
    return -F.log_softmax(logits, 1)[:, 0].mean()


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
    losses = F.softplus(_full(negative) - _full(positive)[:, None])
    if valid is None:
        return losses.mean()
    return (losses.masked_fill(~valid, 0).sum(1) / valid.sum(1).clamp(min=1)).mean()


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
    hit = _log_probability(_full(positive), activation, True)
    miss = _log_probability(_full(negative), activation, False)
    if valid is None:
        valid = torch.ones_like(miss, dtype=torch.bool)
    total = hit + miss.masked_fill(~valid, 0).sum(1)
    return -(total / (1 + valid.sum(1))).mean()


def info_nce_loss(vision: torch.Tensor, language: torch.Tensor, temperature: torch.Tensor) -> torch.Tensor:
    """Contrastive loss between the picture and the text of an item, symmetric, mean over items.

    Logits are cosines / temperature; each picture is to find its text among all texts, and the reverse.
    Van den Oord et al., "Representation Learning with Contrastive Predictive Coding", 2018; Radford et al.,
    "Learning Transferable Visual Models From Natural Language Supervision", ICML 2021.

    Args:
        vision: [n, d] vectors of pictures, one row an item: an item that came twice would be its own negative.
        language: [n, d] vectors of the texts of the same items.
        temperature: [] above 0.

    Returns:
        [] loss; 0 where there are fewer than two items to tell apart.
    """
    if len(vision) < 2:
        return 0 * (vision.sum() + language.sum() + temperature)
    logits = _full(F.normalize(vision, dim=1) @ F.normalize(language, dim=1).T) / temperature
    own = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2


def _cross_entropies(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """The loss of each target that is no padding, in order."""
    log_probability = F.log_softmax(logits, 1, dtype=_wide(logits)).gather(1, targets.clamp(min=0))
    return -log_probability[targets >= 0]


def _log_probability(scores: torch.Tensor, activation: str, chosen: bool) -> torch.Tensor:
    """log p or log(1 - p); finite where an activation is saturated, and its gradient is 0 there."""
    if activation == "none":
        return F.logsigmoid(scores if chosen else -scores)
    probability = {"sigmoid": scores, "tanh": (scores + 1) / 2}[activation]
    return (probability if chosen else 1 - probability).clamp(min=torch.finfo(scores.dtype).tiny).log()


def _full(scores: torch.Tensor) -> torch.Tensor:
    return scores.to(_wide(scores))


def _wide(scores: torch.Tensor) -> torch.dtype:
    return torch.promote_types(scores.dtype, torch.float32)
