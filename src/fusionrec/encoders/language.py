"""Frozen language encoders: texts to vectors."""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from fusionrec import params
from fusionrec.encoders import onednn
from fusionrec.encoders.loading import complete
from fusionrec.encoders.pooling import masked_mean, unit


class LanguageEncoder:
    """One encoder, ready for use; texts longer than `max_tokens` are cut."""

    def __init__(
        self, model: nn.Module, tokenizer: Any, entry: params.Encoder, max_tokens: int, device: torch.device
    ):
        self.model = onednn.route(model.eval().requires_grad_(False).to(device), device)
        self.tokenizer, self.entry, self.max_tokens, self.device = tokenizer, entry, max_tokens, device

    @torch.inference_mode()
    def encode(self, texts: list[str]) -> torch.Tensor:
        """Texts to float32 [n, width] on the CPU."""
        tokens = self.tokenizer(
            texts, padding=True, truncation=True, max_length=self.max_tokens, return_tensors="pt"
        ).to(self.device)
        states = self.model(**tokens, output_hidden_states=True).hidden_states[self.entry.layer]
        mean = self.entry.pooling == "mean"
        vectors = masked_mean(states, tokens["attention_mask"]) if mean else states[:, 0]
        return (unit(vectors) if self.entry.normalize else vectors.float()).cpu()


def load(folder: Path, entry: params.Encoder, max_tokens: int, device: torch.device) -> LanguageEncoder:
    """Load a frozen encoder and its tokenizer from a folder in Hugging Face layout.

    Raises:
        UserError: if a tensor is missing, unexpected or misshapen.
    """
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    return LanguageEncoder(
        complete(AutoModel, folder, unused=("pooler.",)), tokenizer, entry, max_tokens, device
    )
