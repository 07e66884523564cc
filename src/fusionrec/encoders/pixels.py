"""From the bytes of a picture to the input of a model, preprocessed as the model's configuration says."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torchvision.transforms import Resize, v2  # type: ignore[import-untyped]

JPEG = b"\xff\xd8\xff"  # the first bytes of every JPEG file

# uint8 pictures [3, height, width], each of its own size, to float32 [n, 3, edge, edge] on their device
Preprocess = Callable[[list[torch.Tensor]], torch.Tensor]


def decode(blob: bytes) -> Image.Image:
    """The picture in a file (JPEG, PNG, WebP), as RGB."""
    return Image.open(io.BytesIO(blob)).convert("RGB")


def tensor(picture: bytes | Image.Image) -> torch.Tensor:
    """A picture, as a file (JPEG, PNG, WebP) or as RGB: uint8 [3, height, width].

    Pillow decodes it, as in the stage `images`: a decoder that has not seen a hostile file before may not survive it.
    """
    image = decode(picture) if isinstance(picture, bytes) else picture
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)


def tensors(pictures: list[bytes | Image.Image], device: torch.device) -> list[torch.Tensor]:
    """Each picture as uint8 [3, height, width], on the device; a GPU decodes all JPEG files at once."""
    jpegs: dict[int, bytes] = {}
    if device.type == "cuda":
        blobs = {i: one for i, one in enumerate(pictures) if isinstance(one, bytes)}
        jpegs = {i: blob for i, blob in blobs.items() if blob.startswith(JPEG)}
    decoded = dict(zip(jpegs, _on_gpu(list(jpegs.values()), device), strict=True))
    return [decoded[i] if i in decoded else tensor(picture).to(device) for i, picture in enumerate(pictures)]


def _on_gpu(blobs: list[bytes], device: torch.device) -> list[torch.Tensor]:
    """JPEG files decoded by nvJPEG; those that it refuses are decoded on the CPU."""
    if not blobs:
        return []
    from torchvision.io import ImageReadMode, decode_jpeg  # type: ignore[import-untyped]

    try:
        return decode_jpeg([_bytes(blob) for blob in blobs], ImageReadMode.RGB, device)
    except torch.OutOfMemoryError:
        raise
    except RuntimeError:  # about any of the files
        if len(blobs) == 1:
            return [tensor(blobs[0]).to(device)]
        return [pixels for blob in blobs for pixels in _on_gpu([blob], device)]


def _bytes(blob: bytes) -> torch.Tensor:
    return torch.frombuffer(bytearray(blob), dtype=torch.uint8)


def of_transformers(folder: Path) -> Preprocess:
    """The preprocessing of a transformers model, by the class that its preprocessor_config.json names.

    The class's torchvision backend resizes uint8 with antialiasing and normalises in one fused step. The pixels of
    the Pillow backend differ by 1e-5 of the range on average (1e-3 if the ratio of width to height changes).
    """
    from transformers import AutoImageProcessor

    processor = AutoImageProcessor.from_pretrained(
        folder, local_files_only=True, trust_remote_code=False, backend="torchvision"
    )

    def preprocess(pictures: list[torch.Tensor]) -> torch.Tensor:
        # grouping pictures by size would only copy them
        return processor(images=pictures, return_tensors="pt", disable_grouping=True)["pixel_values"]

    return preprocess


def of_timm(model: Any) -> Preprocess:
    """The preprocessing of a timm model, by its `pretrained_cfg`.

    These are timm's steps, on uint8 with antialiasing, and one fused normalisation. On average the pixels differ
    from those of timm, which resizes with Pillow, by 1e-5 of the range (1e-3 if the ratio of width to height
    changes).
    """
    from timm.data import create_transform, resolve_data_config

    settings = resolve_data_config(model=model)
    steps = create_transform(**settings, normalize=False).transforms
    geometry = v2.Compose([_on_uint8(step) for step in steps])
    mean, std = (torch.tensor(settings[name])[:, None, None] * 255 for name in ("mean", "std"))

    def preprocess(pictures: list[torch.Tensor]) -> torch.Tensor:
        pixels = torch.stack([geometry(picture) for picture in pictures]).float()
        return pixels.sub_(mean.to(pixels.device)).div_(std.to(pixels.device))

    return preprocess


def _on_uint8(step: Any) -> Any:
    """Replace torchvision's first `Resize`, which converts to float and back, by its second, which does not."""
    if isinstance(step, Resize):
        return v2.Resize(step.size, step.interpolation, antialias=True)
    return step
