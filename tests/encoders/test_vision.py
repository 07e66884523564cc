"""Any supported family from a folder gives what transformers itself computes, or one clear error."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from PIL import Image
from transformers import AutoImageProcessor

from fusionrec import files, params
from fusionrec.encoders import vision
from fusionrec.errors import UserError

CPU = torch.device("cpu")
Saved = Callable[[str], tuple[Path, Any]]
Entry = Callable[..., params.Encoder]


def picture(colour: str, kind: str = "PNG", mode: str = "RGB") -> bytes:
    buffer = io.BytesIO()
    image = Image.new("RGB", (50, 40), colour)
    image.paste("white", (10, 5, 30, 20))
    image.convert(mode).save(buffer, kind)
    return buffer.getvalue()


@torch.inference_mode()
def expected(kind: str, model: Any, x: torch.Tensor) -> torch.Tensor:
    if kind == "clip":
        return model.vision_model(x).pooler_output
    if kind == "dinov2":
        return model(x, output_hidden_states=True).hidden_states[1][:, 0]
    return getattr(model, kind)(x).pooler_output.flatten(1)


@pytest.mark.parametrize("kind", ["clip", "dinov2", "resnet", "convnext"])
def test_agrees_with_a_plain_forward_pass(kind: str, saved: Saved, entry: Entry) -> None:
    folder, model = saved(kind)
    chosen = {"pooling": "cls", "layer": 1} if kind == "dinov2" else {"pooling": "pooled"}
    blobs = [picture("red"), picture("blue"), picture("green")]
    processor = AutoImageProcessor.from_pretrained(folder, local_files_only=True)
    x = processor(images=[Image.open(io.BytesIO(blob)) for blob in blobs], return_tensors="pt")[
        "pixel_values"
    ]
    assert x.shape == (3, 3, 32, 32)
    found = vision.load(folder, entry(**chosen), CPU).encode(blobs)
    torch.testing.assert_close(found, expected(kind, model, x), rtol=1e-5, atol=1e-5)


def test_last_layer_and_length_one(saved: Saved, entry: Entry) -> None:
    folder, _ = saved("dinov2")
    blobs = [picture("red"), picture("blue")]
    plain = vision.load(folder, entry(pooling="cls"), CPU).encode(blobs)
    scaled = vision.load(folder, entry(pooling="cls", normalize=True), CPU).encode(blobs)
    torch.testing.assert_close(scaled, plain / plain.norm(dim=1, keepdim=True))
    earlier = vision.load(folder, entry(pooling="cls", layer=1), CPU).encode(blobs)
    assert not torch.allclose(plain, earlier)


@pytest.mark.parametrize("mode", ["L", "RGBA", "CMYK"])
def test_other_colour_modes_become_rgb(mode: str, saved: Saved, entry: Entry) -> None:
    encoder = vision.load(saved("resnet")[0], entry(pooling="pooled"), CPU)
    found = encoder.encode([picture("gray", "TIFF" if mode == "CMYK" else "PNG", mode)])
    torch.testing.assert_close(found, encoder.encode([picture("gray")]), rtol=0.05, atol=0.01)


def tamper(folder: Path, change: Callable[[dict[str, torch.Tensor]], Any]) -> None:
    tensors = files.read_tensors(folder / "model.safetensors")
    change(tensors)
    files.write_tensors(folder / "model.safetensors", tensors)


def test_a_missing_tensor_is_refused(saved: Saved) -> None:
    folder, _ = saved("dinov2")
    tamper(folder, lambda tensors: tensors.pop("encoder.layer.1.mlp.fc1.weight"))
    with pytest.raises(UserError, match=r"do not fit config\.json.*mlp\.fc1\.weight"):
        vision.vision_tower(folder)


def test_an_unexpected_tensor_is_refused(saved: Saved) -> None:
    folder, _ = saved("dinov2")
    tamper(folder, lambda tensors: tensors.update(adapter=torch.zeros(2)))
    with pytest.raises(UserError, match=r"do not fit config\.json.*adapter"):
        vision.vision_tower(folder)


def test_old_index_buffers_and_the_other_tower_are_dropped(saved: Saved) -> None:
    """Published CLIP checkpoints hold the position ids of both towers."""
    folder, model = saved("clip")
    names = ["vision_model.embeddings.position_ids", "text_model.embeddings.position_ids"]
    tamper(folder, lambda tensors: tensors.update({name: torch.arange(17)[None] for name in names}))
    assert len(vision.vision_tower(folder).state_dict()) == len(model.vision_model.state_dict())


TIMM = {
    "input_size": [3, 32, 32],
    "interpolation": "bicubic",
    "crop_pct": 1.0,
    "mean": [0.5] * 3,
    "std": [0.25] * 3,
}


class TestTimm:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        with torch.random.fork_rng():
            torch.manual_seed(1)
            model = timm.create_model("resnet10t", pretrained=False)
        files.write_tensors(tmp_path / "model.safetensors", model.state_dict())
        files.write_json(tmp_path / "config.json", {"architecture": "resnet10t", "pretrained_cfg": TIMM})
        return tmp_path

    def test_agrees_with_a_plain_forward_pass(self, folder: Path, entry: Entry) -> None:
        found = vision.load(folder, entry(library="timm", pooling="pooled"), CPU).encode([picture("red")])
        model: Any = timm.create_model("resnet10t", pretrained=False).eval()
        model.load_state_dict(files.read_tensors(folder / "model.safetensors"))
        image = (
            Image.open(io.BytesIO(picture("red")))
            .resize((40, 32), Image.Resampling.BICUBIC)
            .crop((4, 0, 36, 32))
        )
        raw = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8).view(32, 32, 3)
        x = (raw.permute(2, 0, 1)[None] / 255 - 0.5) / 0.25
        with torch.inference_mode():
            wanted = model.forward_head(model.forward_features(x), pre_logits=True)
        torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)

    def test_repeats_though_batch_norm_has_moving_statistics(self, folder: Path, entry: Entry) -> None:
        encoder = vision.load(folder, entry(library="timm", pooling="pooled"), CPU)
        assert torch.equal(encoder.encode([picture("red")]), encoder.encode([picture("red")]))

    def test_a_missing_tensor_is_refused(self, folder: Path, entry: Entry) -> None:
        tamper(folder, lambda tensors: tensors.pop("conv1.0.weight"))
        with pytest.raises(RuntimeError, match=r"conv1\.0\.weight"):
            vision.load(folder, entry(library="timm", pooling="pooled"), CPU)
