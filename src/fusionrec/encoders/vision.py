"""Frozen vision encoders: pictures to vectors."""

from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import nn

from fusionrec import files
from fusionrec.encoders import loading, pixels
from fusionrec.encoders.frozen import FrozenEncoder
from fusionrec.encoders.options import Cache, EncoderEntry
from fusionrec.encoders.pooling import NO_CLASS_TOKEN, masked_mean, segments
from fusionrec.errors import UserError

EXAMPLES = [Image.new("RGB", edges, "gray") for edges in ((80, 60), (60, 80))]


class VisionEncoder(FrozenEncoder):
    """One encoder of pictures; see `FrozenEncoder`.

    Args:
        preprocess: maps decoded pictures to pixels.
        tower: maps pixels [n, 3, height, width] to vectors, and to tokens.
        entry, options, device, width: see `FrozenEncoder`.
    """

    def __init__(
        self,
        preprocess: pixels.Preprocess,
        tower: nn.Module,
        entry: EncoderEntry,
        options: Cache,
        device: torch.device,
        width: int | None = None,
    ):
        self.preprocess = preprocess
        super().__init__(tower, entry, options, device, EXAMPLES, width)

    def prepare(self, inputs: list[Any]) -> dict[str, torch.Tensor]:
        """n pictures, as files (JPEG, PNG, WebP) or as RGB -> `pixel_values`, float32 [n, 3, height, width].

        If the device is a GPU, they are on it already.
        """
        return {"pixel_values": self.preprocess(pixels.tensors(inputs, self.device))}

    def padded(self, text: Any) -> int:
        """Pictures need no padding."""
        return 0


def load(
    folder: Path,
    entry: EncoderEntry,
    options: Cache,
    device: torch.device,
    width: int | None = None,
) -> VisionEncoder:
    """Load a frozen encoder from a folder in Hugging Face layout.

    Args:
        folder: of a model of transformers or timm, as `entry.library` says.
        entry: pooling, layer, and whether vectors are scaled to length 1.
        options: precision, memory layout, compilation, `tokens`.
        device: the model is moved to it.
        width: expected width of the vectors; None: any.

    Raises:
        UserError: if a file is damaged, a tensor is missing, unexpected or has another shape, or the vectors do
            not have `width`.
    """
    with loading.readable(folder):
        if entry.library == "timm":
            timm_tower = _timm(folder, entry.pooling, options.tokens)
            preprocess = pixels.of_timm(timm_tower.model)
            return VisionEncoder(preprocess, timm_tower, entry, options, device, width)
        preprocess = pixels.of_transformers(folder)
        tower = loading.tower(
            folder, entry, options.tokens, "vision_model", "text_model", "get_image_features"
        )
        return VisionEncoder(preprocess, tower, entry, options, device, width)


class TimmTower(nn.Module):
    """A timm model and its pooling; see `Pooled`, whose attributes it has."""

    def __init__(self, model: Any, pooling: str, tokens: int):
        super().__init__()
        self.model, self.pooling, self.tokens = model, pooling, tokens

    def forward(self, pixel_values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """[n, 3, height, width] -> [n, width] and [n, tokens, width of a token].

        Raises:
            UserError: if `pooling` is cls and the model has no class token.
        """
        states = self.model.forward_features(pixel_values)
        sequence = self._sequence(states)
        patches = sequence[:, getattr(self.model, "num_prefix_tokens", 0) :]
        tokens = segments(patches, torch.ones_like(patches[:, :, 0]), self.tokens)
        if self.pooling == "pooled":
            return self.model.forward_head(states), tokens
        if self.pooling == "mean":
            return masked_mean(sequence, torch.ones_like(sequence[:, :, 0])), tokens
        if states.ndim == 4:
            raise UserError(NO_CLASS_TOKEN)
        return sequence[:, 0], tokens

    def _sequence(self, states: torch.Tensor) -> torch.Tensor:
        """[n, tokens, width]; the width of a map is the last dimension or, for convolutions, the second."""
        if states.ndim == 4 and states.shape[-1] != self.model.num_features:
            states = states.permute(0, 2, 3, 1)
        return states.flatten(1, -2)


def _timm(folder: Path, pooling: str, tokens: int) -> TimmTower:
    with loading.without("wandb"):  # timm imports it where it is installed, which takes two seconds
        import timm

    model: Any = timm.create_model(f"local-dir:{folder}", pretrained=False)
    report = model.load_state_dict(files.read_tensors(folder / "model.safetensors"), strict=False)
    loading.refuse(folder, [*report.missing_keys, *report.unexpected_keys])
    model.reset_classifier(0)
    return TimmTower(model, pooling, tokens)
