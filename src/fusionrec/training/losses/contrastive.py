"""Contrastive alignment of the picture and the text of an item (InfoNCE, as in CLIP)."""

import torch
import torch.nn.functional as F

from fusionrec.training.losses import LossStep, full

READS = "modalities"


def loss(step: LossStep) -> torch.Tensor:
    """[]: see `info_nce_loss`."""
    return info_nce_loss(*step.modalities())


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
    logits = full(F.normalize(vision, dim=1) @ F.normalize(language, dim=1).T) / temperature
    own = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2
