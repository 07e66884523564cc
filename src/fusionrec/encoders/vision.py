"""Frozen vision encoders: pictures to vectors."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import nn

from fusionrec import files, params
from fusionrec.encoders import onednn
from fusionrec.encoders.loading import complete
from fusionrec.encoders.pooling import unit

Preprocess = Callable[[list[Image.Image]], torch.Tensor]


class VisionEncoder:
    """One encoder, ready for use.

    Args:
        model: frozen; takes pixels [n, 3, height, width].
        preprocess: pictures to pixels.
        pool: the model's output to vectors [n, width].
        normalize: whether vectors get length 1.
        device: where the model is.
    """

    def __init__(
        self,
        model: nn.Module,
        preprocess: Preprocess,
        pool: Callable[[torch.Tensor], torch.Tensor],
        normalize: bool,
        device: torch.device,
    ):
        self.model = onednn.route(model.eval().requires_grad_(False).to(device), device)
        self.preprocess, self.pool, self.normalize, self.device = preprocess, pool, normalize, device

    @torch.inference_mode()
    def encode(self, pictures: Sequence[bytes | Image.Image]) -> torch.Tensor:
        """Pictures, as files (JPEG, PNG, WebP) or decoded to RGB, to float32 [n, width] on the CPU."""
        pixels = self.preprocess([decode(p) if isinstance(p, bytes) else p for p in pictures])
        vectors = self.pool(pixels.to(self.device)).float()
        return (unit(vectors) if self.normalize else vectors).cpu()


def decode(blob: bytes) -> Image.Image:
    """The picture in a file (JPEG, PNG, WebP), as RGB."""
    return Image.open(io.BytesIO(blob)).convert("RGB")


def load(folder: Path, entry: params.Encoder, device: torch.device) -> VisionEncoder:
    """Load a frozen encoder from a folder in Hugging Face layout.

    Raises:
        UserError: if a tensor is missing, unexpected or misshapen.
    """
    if entry.library == "timm":
        return _timm(folder, entry, device)
    from transformers import AutoImageProcessor

    model = vision_tower(folder)
    processor = AutoImageProcessor.from_pretrained(folder, local_files_only=True)

    def preprocess(pictures: list[Image.Image]) -> torch.Tensor:
        return processor(images=pictures, return_tensors="pt")["pixel_values"]

    def pool(pixels: torch.Tensor) -> torch.Tensor:
        if entry.pooling == "pooled":
            return model(pixels).pooler_output.flatten(1)
        hidden = model(pixels, output_hidden_states=True)
        if entry.layer == -1:
            return hidden.last_hidden_state[:, 0]
        return hidden.hidden_states[entry.layer][:, 0]

    return VisionEncoder(model, preprocess, pool, entry.normalize, device)


def vision_tower(folder: Path) -> nn.Module:
    """The picture side of a checkpoint: of CLIP the vision tower alone, of other models the whole."""
    from transformers import AutoConfig, AutoModel, CLIPVisionModel

    kind = AutoConfig.from_pretrained(folder, local_files_only=True).model_type
    loader = CLIPVisionModel if kind == "clip" else AutoModel
    return complete(loader, folder)


def _timm(folder: Path, entry: params.Encoder, device: torch.device) -> VisionEncoder:
    import timm

    config = files.read_json(folder / "config.json")
    model: Any = timm.create_model(config["architecture"], pretrained=False)
    model.load_state_dict(files.read_tensors(folder / "model.safetensors"), strict=True)
    model.reset_classifier(0)
    settings = timm.data.resolve_data_config(pretrained_cfg=config["pretrained_cfg"])
    transform = timm.data.create_transform(**settings, is_training=False)

    def preprocess(pictures: list[Image.Image]) -> torch.Tensor:
        return torch.stack([transform(picture) for picture in pictures])

    return VisionEncoder(model, preprocess, model, entry.normalize, device)
