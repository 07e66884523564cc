"""Frozen vision encoders: pictures to vectors."""

from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import nn

from fusionrec import files, params
from fusionrec.encoders import pixels
from fusionrec.encoders.frozen import FrozenEncoder
from fusionrec.encoders.loading import complete, readable, refuse
from fusionrec.encoders.pixels import decode as decode
from fusionrec.encoders.pooling import NO_CLASS_TOKEN, Pooled, masked_mean
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
    with readable(folder):
        if entry.library == "timm":
            tower = _timm(folder, entry.pooling)
            return VisionEncoder(pixels.of_timm(tower.model), tower, entry, options, device, width)
        preprocess = pixels.of_transformers(folder)
        return VisionEncoder(preprocess, _transformers(folder, entry), entry, options, device, width)


def _transformers(folder: Path, entry: params.Encoder) -> nn.Module:
    from transformers import AutoModel

    model: Any = complete(AutoModel, folder, unused=() if entry.pooling == "pooled" else ("pooler.",))
    if entry.pooling == "projected":
        if not hasattr(model, "get_image_features"):
            raise UserError(f"{folder}: has no projection; pooling: projected is for CLIP and its kin")
        del model.text_model  # loaded to be checked, not needed
        return Pooled(model, model.get_image_features, entry.pooling, entry.layer)
    return Pooled(getattr(model, "vision_model", model), None, entry.pooling, entry.layer)


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
    refuse(folder, [*report.missing_keys, *report.unexpected_keys])
    model.reset_classifier(0)
    return TimmTower(model, pooling)
