"""Tiny encoders in Hugging Face layout, and registry entries for them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from fusionrec import files, params
from fusionrec.encoders import convert

WORDS = [
    "[CLS]",
    "[PAD]",
    "[SEP]",
    "[UNK]",
    "[MASK]",
    "red",
    "green",
    "blue",
    "fish",
    "bird",
    "swims",
    "flies",
]
SMALL: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
}
STAGES: dict[str, Any] = {"hidden_sizes": [8, 16], "depths": [1, 1]}
PICTURES: dict[str, Callable[[], Any]] = {
    "clip": lambda: transformers.CLIPModel(
        transformers.CLIPConfig(
            text_config=SMALL | {"vocab_size": 50, "bos_token_id": 0, "eos_token_id": 1},
            vision_config=SMALL | {"image_size": 32, "patch_size": 8},
        )
    ),
    "dinov2": lambda: transformers.Dinov2Model(
        transformers.Dinov2Config(**SMALL, image_size=32, patch_size=8)
    ),
    "resnet": lambda: transformers.ResNetForImageClassification(
        transformers.ResNetConfig(**STAGES, embedding_size=8)
    ),
    "convnext": lambda: transformers.ConvNextForImageClassification(
        transformers.ConvNextConfig(**STAGES, num_stages=2)
    ),
}
TEXTS: dict[str, Callable[[], Any]] = {
    "bert": lambda: transformers.BertForMaskedLM(
        transformers.BertConfig(**SMALL, vocab_size=len(WORDS), pad_token_id=1)
    ),
    "roberta": lambda: transformers.RobertaModel(
        transformers.RobertaConfig(**SMALL, vocab_size=len(WORDS), pad_token_id=1)
    ),
    "mpnet": lambda: transformers.MPNetModel(
        transformers.MPNetConfig(**SMALL, vocab_size=len(WORDS), pad_token_id=1)
    ),
}


@pytest.fixture
def entry() -> Callable[..., params.Encoder]:
    def build(**changes: Any) -> params.Encoder:
        hub = {"id": "nobody/nothing", "revision": "0" * 40, "width": 32}
        tree = {"library": "transformers", "pooling": "mean", "layer": -1, "normalize": False}
        return params.Encoder.model_validate(tree | {"hub": hub, "pypi": None} | changes)

    return build


@pytest.fixture
def saved(tmp_path: Path) -> Callable[[str], tuple[Path, Any]]:
    """Saves the tiny model of that kind with seeded weights; returns its folder and the model itself."""

    def save(kind: str) -> tuple[Path, Any]:
        folder = tmp_path / kind
        with torch.random.fork_rng():
            torch.manual_seed(1)
            model = (PICTURES | TEXTS)[kind]().eval()
        model.save_pretrained(folder)
        if kind in TEXTS:
            vocabulary = {word: index for index, word in enumerate(WORDS)}
            transformers.BertTokenizer(vocab=vocabulary).save_pretrained(folder)
        else:
            processor = convert.image_processor(36, 32, convert.IMAGENET_MEAN, convert.IMAGENET_STD)
            files.write_json(folder / "preprocessor_config.json", processor)
        return folder, model

    return save
