"""Frozen vision encoders: pictures to vectors."""

from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import nn

from fusionrec import files, params
from fusionrec.encoders import loading, pixels
from fusionrec.encoders.frozen import FrozenEncoder
from fusionrec.encoders.pooling import NO_CLASS_TOKEN, masked_mean
from fusionrec.errors import UserError

EXAMPLES = [Image.new("RGB", edges, "gray") for edges in ((80, 60), (60, 80))]


class VisionEncoder(FrozenEncoder):
    """One encoder of pictures; see `FrozenEncoder`.

    Args:
        preprocess: decoded pictures to pixels.
        tower: pixels [n, 3, height, width] to vectors [n, width].
        entry, options, device, width: see `FrozenEncoder`.
    """

    def __init__(
        self,
        preprocess: pixels.Preprocess,
        tower: nn.Module,
        entry: params.Encoder,
        options: params.Cache,
        device: torch.device,
        width: int | None = None,
    ):
        self.preprocess = preprocess
        super().__init__(tower, entry, options, device, EXAMPLES, width)

    def prepare(self, inputs: list[Any]) -> dict[str, torch.Tensor]:
        """Pictures, as files (JPEG, PNG, WebP) or as RGB -> `pixel_values`, float32 [n, 3, height, width]."""
        return {"pixel_values": self.preprocess([pixels.tensor(picture) for picture in inputs])}

    def padded(self, text: Any) -> int:
        """Pictures need no padding."""
        return 0


def load(
    folder: Path,
    entry: params.Encoder,
    options: params.Cache,
    device: torch.device,
    width: int | None = None,
) -> VisionEncoder:
    """Load a frozen encoder from a folder in Hugging Face layout.

    Args:
        folder: of transformers or timm, as `entry.library` says.
        entry: pooling, layer, length.
        options: precision, memory layout, compilation.
        device: where the model is put.
        width: what its vectors must have; None: any.

    Raises:
        UserError: if a file is damaged, a tensor missing, unexpected or misshapen, or the width another.
    """
    with loading.readable(folder):
        if entry.library == "timm":
            timm_tower = _timm(folder, entry.pooling)
            preprocess = pixels.of_timm(timm_tower.model)
            return VisionEncoder(preprocess, timm_tower, entry, options, device, width)
        preprocess = pixels.of_transformers(folder)
        tower = loading.tower(folder, entry, "vision_model", "text_model", "get_image_features")
        return VisionEncoder(preprocess, tower, entry, options, device, width)


class TimmTower(nn.Module):
    """A timm model and its pooling, under the names of `Pooled`."""

    def __init__(self, model: Any, pooling: str):
        super().__init__()
        self.model, self.pooling = model, pooling

    def forward(self, pixel_values: torch.Tensor) -> torch.Tensor:
        """[n, 3, height, width] -> [n, width]."""
        if self.pooling == "pooled":
            return self.model(pixel_values)
        states = self.model.forward_features(pixel_values)
        if states.ndim == 4:
            if self.pooling == "cls":
                raise UserError(NO_CLASS_TOKEN)
            if states.shape[-1] != self.model.num_features:  # the width comes second
                states = states.permute(0, 2, 3, 1)
        states = states.flatten(1, -2)
        if self.pooling == "cls":
            return states[:, 0]
        return masked_mean(states, torch.ones_like(states[:, :, 0]))


def _timm(folder: Path, pooling: str) -> TimmTower:
    import timm

    model: Any = timm.create_model(f"local-dir:{folder}", pretrained=False)
    report = model.load_state_dict(files.read_tensors(folder / "model.safetensors"), strict=False)
    loading.refuse(folder, [*report.missing_keys, *report.unexpected_keys])
    model.reset_classifier(0)
    return TimmTower(model, pooling)
