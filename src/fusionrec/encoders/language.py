"""Frozen language encoders: texts to vectors."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from fusionrec.encoders import loading
from fusionrec.encoders.frozen import FrozenEncoder
from fusionrec.encoders.options import Cache, EncoderEntry
from fusionrec.errors import UserError

MULTIPLE = 8  # tokens
WAITING = 65_536  # most texts whose tokens are kept
VOCABULARIES = ("tokenizer.json", "vocab.txt", "vocab.json")


class LanguageEncoder(FrozenEncoder):
    """One encoder of texts; see `FrozenEncoder`.

    Args:
        tokenizer: a fast tokenizer of transformers.
        limit: texts are cut after this many tokens.
        tower: maps `input_ids`, `token_type_ids`, `attention_mask` [n, tokens] to vectors, and to tokens.
        entry, options, device, width: see `FrozenEncoder`.
    """

    def __init__(
        self,
        tokenizer: Any,
        limit: int,
        tower: nn.Module,
        entry: EncoderEntry,
        options: Cache,
        device: torch.device,
        width: int | None = None,
    ):
        # the tokenizer inside that of transformers, whose own call sets truncation and padding: unsafe in threads
        self.tokenizer, self.limit = tokenizer.backend_tokenizer, limit
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(limit)
        self.filler = tokenizer.pad_token_id or 0
        self.typed = "token_type_ids" in tokenizer.model_input_names
        self.waiting: dict[str, np.ndarray] = {}
        super().__init__(tower, entry, options, device, ["a"], width)

    def padded(self, text: str) -> int:
        """Number of tokens to which a single text is padded: a multiple of 8, or the limit.

        The tokens are kept for `prepare`, so that no text is tokenised twice.
        """
        tokens = self._tokens(text)
        if len(self.waiting) < WAITING:
            self.waiting[text] = tokens
        return self._padded(tokens)

    def prepare(self, inputs: list[str]) -> dict[str, torch.Tensor]:
        """n texts -> int64 [n, tokens] each, padded to the largest `padded` of the texts."""
        kept = [self.waiting.pop(text, None) for text in inputs]
        tokenised = [
            self._tokens(text) if row is None else row for text, row in zip(inputs, kept, strict=True)
        ]
        shape = len(inputs), max(map(self._padded, tokenised))
        ids, types, mask = np.full(shape, self.filler), np.zeros(shape, int), np.zeros(shape, int)
        for row, tokens in enumerate(tokenised):
            ids[row, : tokens.shape[1]], types[row, : tokens.shape[1]] = tokens
            mask[row, : tokens.shape[1]] = 1
        batch = {"input_ids": ids, "attention_mask": mask} | ({"token_type_ids": types} if self.typed else {})
        return {name: torch.from_numpy(table) for name, table in batch.items()}

    def _tokens(self, text: str) -> np.ndarray:
        """int32 [2, tokens]: the numbers and the types of a text's tokens."""
        encoding = self.tokenizer.encode(text)
        return np.array([encoding.ids, encoding.type_ids], np.int32)

    def _padded(self, tokens: np.ndarray) -> int:
        return min(-(-tokens.shape[1] // MULTIPLE) * MULTIPLE, self.limit)


def load(
    folder: Path,
    entry: EncoderEntry,
    options: Cache,
    device: torch.device,
    width: int | None = None,
) -> LanguageEncoder:
    """Load a frozen encoder and its tokenizer from a folder in Hugging Face layout.

    Args:
        folder: of a transformers model.
        entry: pooling, layer, and whether vectors are scaled to length 1.
        options: precision, compilation, `tokens`, and `max_tokens`, which the model may limit further.
        device: the model is moved to it.
        width: expected width of the vectors; None: any.

    Raises:
        UserError: if a file is damaged, a tensor is missing, unexpected or has another shape, or the vectors do
            not have `width`.
    """
    from transformers import AutoTokenizer

    with loading.readable(folder):
        if not any(
            (folder / name).is_file() for name in VOCABULARIES
        ):  # transformers would make up an empty one
            raise UserError(f"{folder}: has no tokenizer: none of {', '.join(VOCABULARIES)}")
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        tower = loading.tower(
            folder, entry, options.tokens, "text_model", "vision_model", "get_text_features"
        )
        limit = min(options.max_tokens, tokenizer.model_max_length, positions(tower.model))
        if not ignores_padding(tower, tokenizer):
            raise UserError(
                f"{folder}: its vectors change with the padding of a text; such models are not supported"
            )
        return LanguageEncoder(tokenizer, limit, tower, entry, options, device, width)


@torch.inference_mode()
def ignores_padding(tower: nn.Module, tokenizer: Any) -> bool:
    """Whether a text has the same vector with and without padding, except for rounding; SigLIP's differ."""
    short = tokenizer("a", return_tensors="pt")
    fillers = {"input_ids": tokenizer.pad_token_id or 0}
    long = {name: nn.functional.pad(row, (0, 4), value=fillers.get(name, 0)) for name, row in short.items()}
    return torch.cosine_similarity(tower.eval()(**short)[0], tower(**long)[0]).item() > 0.99


def positions(model: Any) -> int:
    """The most tokens that a model accepts; RoBERTa and MPNet count positions from that of the padding."""
    for name, module in model.named_modules():
        if name.endswith("embeddings.position_embeddings") and isinstance(module, nn.Embedding):
            return module.num_embeddings - (0 if module.padding_idx is None else module.padding_idx + 1)
    config = getattr(model.config, "text_config", model.config)
    return getattr(config, "max_position_embeddings", 2**30)
