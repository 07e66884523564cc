"""Any supported family from a folder gives what transformers computes for each text alone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoTokenizer

from fusionrec import params
from fusionrec.encoders import language

CPU = torch.device("cpu")
Saved = Callable[[str], tuple[Path, Any]]
Entry = Callable[..., params.Encoder]
SENTENCES = ["red fish swims", "blue bird", "green bird flies red fish swims blue fish", "fish"]


@torch.inference_mode()
def states(kind: str, folder: Path, model: Any, text: str, layer: int = -1) -> torch.Tensor:
    """[tokens, 32] of one text, without padding."""
    tokens = AutoTokenizer.from_pretrained(folder)(text, return_tensors="pt")
    body = model.bert if kind == "bert" else model
    return body(**tokens, output_hidden_states=True).hidden_states[layer][0]


@pytest.mark.parametrize("kind", ["bert", "roberta", "mpnet"])
def test_mean_of_each_text_alone_whatever_the_padding(kind: str, saved: Saved, entry: Entry) -> None:
    folder, model = saved(kind)
    found = language.load(folder, entry(), 128, CPU).encode(SENTENCES)
    wanted = torch.stack([states(kind, folder, model, text).mean(0) for text in SENTENCES])
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)


def test_first_token_and_length_one(saved: Saved, entry: Entry) -> None:
    folder, model = saved("bert")
    found = language.load(folder, entry(pooling="cls", layer=1, normalize=True), 128, CPU).encode(SENTENCES)
    wanted = torch.stack([states("bert", folder, model, text, layer=1)[0] for text in SENTENCES])
    torch.testing.assert_close(found, wanted / wanted.norm(dim=1, keepdim=True), rtol=1e-5, atol=1e-5)


def test_long_texts_are_cut(saved: Saved, entry: Entry) -> None:
    encoder = language.load(saved("bert")[0], entry(), 8, CPU)  # 6 words and two markers
    kept = "red fish swims blue bird flies"
    torch.testing.assert_close(
        encoder.encode([f"{kept} green green"]), encoder.encode([kept]), rtol=0, atol=0
    )
