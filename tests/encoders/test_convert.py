"""Conversions keep every tensor, under the name that the class of the model uses."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import timm
import torch
from onnx import TensorProto, helper, numpy_helper

from fusionrec import files
from fusionrec.encoders import convert, vision
from fusionrec.encoders.options import Cache, EncoderEntry
from fusionrec.errors import UserError

CPU = torch.device("cpu")
MATMULS = (".query.weight", ".key.weight", ".value.weight", ".dense.weight", ".fc1.weight", ".fc2.weight")


def onnx_file(path: Path, tensors: dict[str, torch.Tensor]) -> None:
    """Tensors as an exporter writes them: weights of products anonymous and transposed, positions cut in two."""
    constants: dict[str, np.ndarray] = {"onnx::MatMul_7": np.zeros((2, 2), np.float32)}
    nodes = [helper.make_node("MatMul", ["a", "onnx::MatMul_7"], ["b"], name="/decoder/MatMul")]
    for index, (name, tensor) in enumerate(tensors.items()):
        if name.endswith(MATMULS):
            anonymous = f"onnx::MatMul_{100 + index}"
            constants[anonymous] = tensor.T.contiguous().numpy()
            module = "/backbone/" + name.removesuffix(".weight").replace("encoder.layer.", "encoder/layer#")
            module = module.replace(".", "/").replace("layer#", "layer.") + "/MatMul"
            nodes.append(helper.make_node("MatMul", ["x", anonymous], [f"y{index}"], name=module))
        elif name == "embeddings.position_embeddings":
            constants["onnx::Concat_1"] = tensor[:, :1].numpy()
            constants["onnx::Reshape_2"] = tensor[:, 1:].numpy()
        elif name != "embeddings.mask_token":
            constants["backbone." + name] = tensor.numpy()
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])],
        [helper.make_tensor_value_info("b", TensorProto.FLOAT, [1])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    onnx.save(helper.make_model(graph), path)


def test_dinov2_out_of_an_onnx_graph(
    saved: Callable[[str], tuple[Path, Any]],
    entry: Callable[..., EncoderEntry],
    options: Callable[..., Cache],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder, model = saved("dinov2")
    tensors = files.read_tensors(folder / "model.safetensors")
    onnx_file(tmp_path / "model.onnx", tensors)
    sizes = {key: getattr(model.config, key) for key in convert.DINO_CONFIG}
    monkeypatch.setattr(convert, "DINO_CONFIG", sizes)
    convert.dinov2_onnx(tmp_path / "model.onnx", tmp_path / "converted")

    found = files.read_tensors(tmp_path / "converted" / "model.safetensors")
    assert found.keys() == tensors.keys()
    kept = tensors.keys() - {"embeddings.mask_token"}
    assert all(torch.equal(found[name], tensors[name]) for name in kept)
    vision.load(tmp_path / "converted", entry(pooling="cls"), options(), CPU)


def test_efficientnet_is_renamed_in_order(tmp_path: Path) -> None:
    wanted = timm.create_model(convert.EFFICIENTNET, pretrained=False).state_dict()
    renamed = {f"old.{index}": tensor for index, tensor in enumerate(wanted.values())}
    torch.save(renamed, tmp_path / "old.pth")
    convert.timm_state(tmp_path / "old.pth", tmp_path / "converted")
    found = files.read_tensors(tmp_path / "converted" / "model.safetensors")
    assert len(found) == 296 and found.keys() == wanted.keys()
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)


def test_efficientnet_with_another_shape_is_refused(tmp_path: Path) -> None:
    torch.save({"old": torch.zeros(3)}, tmp_path / "old.pth")
    with pytest.raises(UserError, match=r"old\.pth: its tensors are not those of tf_efficientnet_lite0"):
        convert.timm_state(tmp_path / "old.pth", tmp_path / "converted")


def test_efficientnet_pixels_are_scaled_as_in_the_original() -> None:
    x = torch.tensor([0.0, 127 / 255, 1.0])
    scaled = (x - convert.EFFICIENTNET_MEAN) / convert.EFFICIENTNET_STD
    torch.testing.assert_close(scaled, (x * 255 - 127) / 128)


def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path) -> None:
    torch.save({"old": Path("x")}, tmp_path / "old.pth")
    with pytest.raises(Exception, match="weights_only"):
        convert.timm_state(tmp_path / "old.pth", tmp_path / "converted")
