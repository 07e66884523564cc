"""Contrastive alignment of the modalities of an item, such as picture and text (InfoNCE, as in CLIP)."""

import torch
import torch.nn.functional as F

from fusionrec.training.losses import LossStep, full

READS = "modalities"


def loss(step: LossStep) -> torch.Tensor:
    """[]: see `info_nce_loss`; the mean over all pairs of modalities."""
    pairs, temperature = step.modalities()
    return torch.stack([info_nce_loss(one, other, temperature) for one, other in pairs]).mean()


def info_nce_loss(one: torch.Tensor, other: torch.Tensor, temperature: torch.Tensor) -> torch.Tensor:
    """Contrastive loss between two modalities of an item, symmetric, mean over items.

    Logits are cosines / temperature; each picture is to find its text among all texts, and the reverse.
    Van den Oord et al., "Representation Learning with Contrastive Predictive Coding", 2018; Radford et al.,
    "Learning Transferable Visual Models From Natural Language Supervision", ICML 2021.

    Args:
        one: [n, d] vectors of one modality, one row an item: an item that came twice would be its own negative.
        other: [n, d] vectors of another modality of the same items.
        temperature: [] above 0.

    Returns:
        [] loss; 0 where there are fewer than two items to tell apart.
    """
    if len(one) < 2:
        return 0 * (one.sum() + other.sum() + temperature)
    logits = full(F.normalize(one, dim=1) @ F.normalize(other, dim=1).T) / temperature
    own = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2
