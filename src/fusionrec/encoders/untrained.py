"""Small models with random weights, in the layout of published models: for quick tests without a download."""

import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fusionrec.encoders.loading import quiet
from fusionrec.errors import UserError

SEED = 1
# as many layers as the published base models, so that the `layer` of an entry exists
SMALL: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 12,
    "num_attention_heads": 2,
    "intermediate_size": 64,
}
STAGES: dict[str, Any] = {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1]}
EDGE = 32  # pixels of the input
TIMM_EDGE = 64
CHARACTERS = string.ascii_lowercase + string.digits + string.punctuation


def write(architecture: str, folder: Path) -> None:
    """Write a model and its tokenizer or preprocessing into the new folder `folder`.

    Args:
        architecture: a key of `ARCHITECTURES`, or the name of a timm model, which keeps its size.
        folder: is created, with config.json, model.safetensors, and the other files of a published model.

    Raises:
        UserError: if the architecture is unknown.
    """
    import timm
    import torch

    quiet()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        if architecture in ARCHITECTURES:
            for part in ARCHITECTURES[architecture]():
                part.save_pretrained(folder)
        elif timm.is_model(architecture):
            settings: Any = timm.get_pretrained_cfg(architecture)
            edges = {} if settings.fixed_input_size else {"input_size": (3, TIMM_EDGE, TIMM_EDGE)}
            model = timm.create_model(architecture, pretrained=False, pretrained_cfg_overlay=edges)
            timm.models.save_for_hf(model, str(folder), safe_serialization=True)
        else:
            known = ", ".join(ARCHITECTURES)
            raise UserError(f"untrained: {architecture} is neither one of {known} nor a model of timm")


def _clip() -> tuple[Any, ...]:
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPTokenizer

    bytes_ = [byte + end for end in ("", "</w>") for byte in sorted(ByteLevel.alphabet())]
    words = _numbered([*bytes_, "<|startoftext|>", "<|endoftext|>"])
    start, end = words["<|startoftext|>"], words["<|endoftext|>"]
    texts = SMALL | {
        "bos_token_id": start,
        "eos_token_id": end,
        "pad_token_id": end,
        "vocab_size": len(words),
    }
    pictures = SMALL | {"image_size": EDGE, "patch_size": EDGE // 4}
    config = CLIPConfig(text_config=texts, vision_config=pictures, projection_dim=SMALL["hidden_size"])
    processor = CLIPImageProcessor(size={"shortest_edge": EDGE}, crop_size=EDGE)
    return CLIPModel(config), processor, CLIPTokenizer(words, [], model_max_length=77)


def _dinov2() -> tuple[Any, ...]:
    from transformers import BitImageProcessor, Dinov2Config, Dinov2Model

    config = Dinov2Config(**SMALL, image_size=EDGE, patch_size=EDGE // 4)
    return Dinov2Model(config), BitImageProcessor(size={"shortest_edge": EDGE + 4}, crop_size=EDGE)


def _resnet() -> tuple[Any, ...]:
    from transformers import ConvNextImageProcessor, ResNetConfig, ResNetForImageClassification

    config = ResNetConfig(**STAGES, embedding_size=STAGES["hidden_sizes"][0])
    return ResNetForImageClassification(config), ConvNextImageProcessor(size={"shortest_edge": EDGE})


def _convnext() -> tuple[Any, ...]:
    from transformers import ConvNextConfig, ConvNextForImageClassification, ConvNextImageProcessor

    config = ConvNextConfig(**STAGES)
    return ConvNextForImageClassification(config), ConvNextImageProcessor(size={"shortest_edge": EDGE})


def _bert() -> tuple[Any, ...]:
    from transformers import BertConfig, BertForMaskedLM, BertTokenizer

    words = _numbered(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *_pieces()])
    config = BertConfig(**SMALL, vocab_size=len(words))
    return BertForMaskedLM(config), BertTokenizer(words, model_max_length=512)


def _roberta() -> tuple[Any, ...]:
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import RobertaConfig, RobertaForMaskedLM, RobertaTokenizer

    words = _numbered(["<s>", "<pad>", "</s>", "<unk>", *sorted(ByteLevel.alphabet()), "<mask>"])
    config = RobertaConfig(**SMALL, vocab_size=len(words), max_position_embeddings=514)
    return RobertaForMaskedLM(config), RobertaTokenizer(words, [], model_max_length=512)


def _mpnet() -> tuple[Any, ...]:
    from transformers import MPNetConfig, MPNetModel, MPNetTokenizer

    words = _numbered(["<s>", "<pad>", "</s>", "<unk>", *_pieces(), "[UNK]", "<mask>"])
    config = MPNetConfig(**SMALL, vocab_size=len(words), max_position_embeddings=514)
    return MPNetModel(config), MPNetTokenizer(words, model_max_length=512)


def _pieces() -> list[str]:
    """Word pieces of one character each, from which every word can be composed."""
    return [start + letter for start in ("", "##") for letter in CHARACTERS]


def _numbered(words: list[str]) -> dict[str, int]:
    return {word: number for number, word in enumerate(words)}


ARCHITECTURES: dict[str, Callable[[], tuple[Any, ...]]] = {
    "clip": _clip,
    "dinov2": _dinov2,
    "resnet": _resnet,
    "convnext": _convnext,
    "bert": _bert,
    "roberta": _roberta,
    "mpnet": _mpnet,
}
