"""From hidden states to one vector."""

import torch


def masked_mean(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean over real tokens only (Reimers and Gurevych, "Sentence-BERT", EMNLP 2019).

    Args:
        states: [n, tokens, width].
        mask: [n, tokens], 1 at real tokens.

    Returns:
        [n, width].
    """
    weights = mask[:, :, None].to(states.dtype)
    return (states * weights).sum(1) / weights.sum(1).clamp(min=1)


def unit(vectors: torch.Tensor) -> torch.Tensor:
    """Rows scaled to length 1; the root is taken in double, where every CPU rounds it alike."""
    length = vectors.double().square().sum(1, keepdim=True).sqrt().clamp(min=1e-12)
    return (vectors.double() / length).float()
