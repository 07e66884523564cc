"""Vision models give the vectors that transformers or timm computes, or one clear error."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
import transformers
from PIL import Image

from fusionrec import files, sections
from fusionrec.encoders import untrained, vision, weights
from fusionrec.encoders.options import Cache, EncoderEntry
from fusionrec.errors import UserError

from .incomplete import Change, Incomplete, write_changed

CPU = torch.device("cpu")
ENCODERS = sections.load(Path(__file__).resolve().parents[2] / "params.yaml").encoders
NAMES = ["clip", "dino", "resnet", "convnext", "efficientnet"]  # whose forward passes are written out below
Saved = Callable[[str], tuple[Path, Any]]
Entry = Callable[..., EncoderEntry]
Options = Callable[..., Cache]


def picture(colour: str, kind: str = "PNG", mode: str = "RGB") -> bytes:
    buffer = io.BytesIO()
    image = Image.new("RGB", (50, 40), colour)
    image.paste("white", (10, 5, 30, 20))
    image.convert(mode).save(buffer, kind)
    return buffer.getvalue()


BLOBS = [picture("red"), picture("blue"), picture("green")]


@torch.inference_mode()
def plain(name: str, folder: Path, x: torch.Tensor) -> torch.Tensor:
    """A forward pass as the model's card describes it."""
    if name == "efficientnet":
        network: Any = timm.create_model("tf_efficientnet_lite0", pretrained=False, num_classes=1000).eval()
        network.load_state_dict(files.read_tensors(folder / "model.safetensors"))
        return network.forward_head(network.forward_features(x), pre_logits=True)
    model: Any = transformers.AutoModel.from_pretrained(folder).eval()
    if name == "clip":
        return model.visual_projection(model.vision_model(pixel_values=x).pooler_output)
    if name == "dino":
        return model(x, output_hidden_states=True).hidden_states[11][:, 0]
    return model(x).pooler_output.flatten(1)


@pytest.mark.parametrize("name", NAMES)
def test_the_registrys_encoders_agree_with_a_plain_forward_pass(
    name: str, tmp_path: Path, options: Options
) -> None:
    entry = ENCODERS.vision[name]
    assert entry is not None and entry.untrained is not None
    untrained.write(entry.untrained, tmp_path / name)
    local = ENCODERS.model_copy(update={"weights": "local", "folder": str(tmp_path)})
    folder = weights.locate(name, entry, local)
    encoder = vision.load(folder, entry, options(), CPU)
    x = encoder.prepare(BLOBS)["pixel_values"]
    found = encoder.encode(BLOBS)
    assert found.shape == (3, encoder.width) and found.dtype == torch.float32
    torch.testing.assert_close(found, plain(name, folder, x), rtol=1e-5, atol=1e-5)
    assert found.std(0).mean() > 1e-3, "pictures differ"


@torch.inference_mode()
def patches(name: str, folder: Path, x: torch.Tensor) -> torch.Tensor:
    """Their states in a forward pass, [n, patches, width]."""
    if name == "efficientnet":
        network: Any = timm.create_model("tf_efficientnet_lite0", pretrained=False, num_classes=1000).eval()
        network.load_state_dict(files.read_tensors(folder / "model.safetensors"))
        return network.forward_features(x).flatten(2).transpose(1, 2)
    model: Any = transformers.AutoModel.from_pretrained(folder).eval()
    if name == "clip":
        return model.vision_model(pixel_values=x).last_hidden_state[:, 1:]
    if name == "dino":
        return model(x, output_hidden_states=True).hidden_states[11][:, 1:]
    return model(x).last_hidden_state.flatten(2).transpose(1, 2)


def pooled(states: torch.Tensor, count: int) -> torch.Tensor:
    """[n, tokens, width] -> [n, count * width]."""
    return torch.nn.functional.adaptive_avg_pool1d(states.transpose(1, 2), count).transpose(1, 2).flatten(1)


@pytest.mark.parametrize("name", NAMES)
def test_the_registrys_tokens_agree_with_a_plain_forward_pass(
    name: str, tmp_path: Path, options: Options
) -> None:
    entry = ENCODERS.vision[name]
    assert entry is not None and entry.untrained is not None
    untrained.write(entry.untrained, tmp_path / name)
    encoder = vision.load(tmp_path / name, entry, options(tokens=3), CPU)
    found = encoder.encode(BLOBS)
    assert torch.equal(
        found[:, : encoder.width], vision.load(tmp_path / name, entry, options(), CPU).encode(BLOBS)
    )
    states = patches(name, tmp_path / name, encoder.prepare(BLOBS)["pixel_values"])
    assert encoder.token_width == states.shape[2]
    torch.testing.assert_close(found[:, encoder.width :], pooled(states, 3), rtol=1e-5, atol=1e-5)


VIT: dict[str, Any] = untrained.SMALL | {"num_hidden_layers": 2, "image_size": 32, "patch_size": 8}
SWIN: dict[str, Any] = {
    "image_size": 32,
    "embed_dim": 8,
    "depths": [1, 1],
    "num_heads": [1, 2],
    "window_size": 2,
}
# models beyond the registry, their pooling, and how many states come before the patches
OTHERS: dict[str, tuple[Callable[[], Any], str, int]] = {
    "vit": (lambda: transformers.ViTModel(transformers.ViTConfig(**VIT)), "cls", 1),
    "registers": (
        lambda: transformers.Dinov2WithRegistersModel(transformers.Dinov2WithRegistersConfig(**VIT)), "cls", 5,
    ),
    "siglip": (lambda: transformers.SiglipVisionModel(transformers.SiglipVisionConfig(**VIT)), "pooled", 0),
    "swin": (lambda: transformers.SwinModel(transformers.SwinConfig(**SWIN)), "pooled", 0),
    "regnet": (
        lambda: transformers.RegNetModel(
            transformers.RegNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], groups_width=4)
        ), "pooled", 0,
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", OTHERS)
def test_any_other_model_by_an_entry(kind: str, tmp_path: Path, entry: Entry, options: Options) -> None:
    build, pooling, first = OTHERS[kind]
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = build().eval()
    model.save_pretrained(tmp_path)
    transformers.ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(tmp_path)
    encoder = vision.load(tmp_path, entry(pooling=pooling), options(tokens=3), CPU)
    with torch.inference_mode():
        output = model(**encoder.prepare(BLOBS))
    states = output.last_hidden_state
    states = states.flatten(2).transpose(1, 2) if states.ndim == 4 else states
    vectors = states[:, 0] if pooling == "cls" else output.pooler_output.flatten(1)
    wanted = torch.cat([vectors, pooled(states[:, first:], 3)], 1)
    torch.testing.assert_close(encoder.encode(BLOBS), wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("pooling", ["cls", "mean", "pooled"])
def test_the_poolings_of_transformers(pooling: str, saved: Saved, entry: Entry, options: Options) -> None:
    folder, model = saved("dinov2")
    encoder = vision.load(folder, entry(pooling=pooling), options(), CPU)
    with torch.inference_mode():
        output = model(**encoder.prepare(BLOBS))
    states = output.last_hidden_state
    wanted = {"cls": states[:, 0], "mean": states.mean(1), "pooled": output.pooler_output}[pooling]
    torch.testing.assert_close(encoder.encode(BLOBS), wanted, rtol=1e-5, atol=1e-5)


def test_the_mean_over_a_map(saved: Saved, entry: Entry, options: Options) -> None:
    folder, model = saved("resnet")
    encoder = vision.load(folder, entry(pooling="mean"), options(), CPU)
    with torch.inference_mode():
        wanted = model.resnet(**encoder.prepare(BLOBS)).last_hidden_state.mean((2, 3))
    torch.testing.assert_close(encoder.encode(BLOBS), wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("pooling", ["cls", "pooled"])
def test_clips_own_states_without_the_projection(
    pooling: str, saved: Saved, entry: Entry, options: Options
) -> None:
    folder, model = saved("clip")
    encoder = vision.load(folder, entry(pooling=pooling), options(), CPU)
    with torch.inference_mode():
        output = model.vision_model(**encoder.prepare(BLOBS))
    wanted = output.pooler_output if pooling == "pooled" else output.last_hidden_state[:, 0]
    torch.testing.assert_close(encoder.encode(BLOBS), wanted, rtol=1e-5, atol=1e-5)


def test_last_layer_and_length_one(saved: Saved, entry: Entry, options: Options) -> None:
    folder, _ = saved("dinov2")
    ordinary = vision.load(folder, entry(pooling="cls"), options(), CPU).encode(BLOBS)
    scaled = vision.load(folder, entry(pooling="cls", normalize=True), options(), CPU).encode(BLOBS)
    torch.testing.assert_close(scaled, ordinary / ordinary.norm(dim=1, keepdim=True))
    earlier = vision.load(folder, entry(pooling="cls", layer=1), options(), CPU).encode(BLOBS)
    assert not torch.allclose(ordinary, earlier)


@pytest.mark.parametrize("mode", ["L", "RGBA", "CMYK"])
def test_other_colour_modes_become_rgb(mode: str, saved: Saved, entry: Entry, options: Options) -> None:
    encoder = vision.load(saved("resnet")[0], entry(pooling="pooled"), options(), CPU)
    found = encoder.encode([picture("gray", "TIFF" if mode == "CMYK" else "PNG", mode)])
    torch.testing.assert_close(found, encoder.encode([picture("gray")]), rtol=0.05, atol=0.01)


@pytest.mark.parametrize(
    ("kind", "chosen", "message"),
    [
        ("resnet", {"pooling": "cls"}, "has no class token"),
        ("resnet10t", {"library": "timm", "pooling": "cls"}, "has no class token"),
        ("bert", {"pooling": "projected"}, "has no projection"),
        ("dinov2", {"pooling": "projected"}, "has no projection"),
        ("dinov2", {"pooling": "cls", "layer": 13}, "layer 13: the model's hidden layers are 0 to 12"),
    ],
)
def test_what_the_model_does_not_have(
    kind: str, chosen: dict[str, Any], message: str, tmp_path: Path, entry: Entry, options: Options
) -> None:
    folder = tmp_path / kind
    untrained.write(kind, folder)
    files.write_json(folder / "preprocessor_config.json", {"image_processor_type": "BitImageProcessor"})
    with pytest.raises(UserError, match=message):
        vision.load(folder, entry(**chosen), options(), CPU)


def test_another_width_than_the_registrys(saved: Saved, entry: Entry, options: Options) -> None:
    folder, _ = saved("dinov2")
    assert vision.load(folder, entry(pooling="cls"), options(), CPU, width=32).width == 32
    with pytest.raises(UserError, match=r"have width 32, its entry in params\.yaml says 768"):
        vision.load(folder, entry(pooling="cls"), options(), CPU, width=768)


@pytest.mark.parametrize(
    ("kind", "tensor"),
    [
        ("clip", "vision_model.encoder.layers.1.mlp.fc1.weight"),
        ("clip", "visual_projection.weight"),
        ("dinov2", "encoder.layer.1.mlp.fc1.weight"),
        ("resnet", "resnet.embedder.embedder.normalization.running_var"),
        ("convnext", "convnext.encoder.stages.0.layers.0.dwconv.weight"),
        ("tf_efficientnet_lite0", "conv_stem.weight"),
    ],
)
class TestIncomplete(Incomplete):
    @pytest.fixture
    def load(self, kind: str, tmp_path: Path, entry: Entry, options: Options) -> Callable[[Change], Any]:
        """Loads a checkpoint after a change to its tensors."""
        pooling = {"clip": "projected", "dinov2": "cls"}.get(kind, "pooled")
        library = "timm" if kind.startswith("tf_") else "transformers"

        def load(change: Change) -> Any:
            write_changed(kind, tmp_path / kind, change)
            return vision.load(tmp_path / kind, entry(library=library, pooling=pooling), options(), CPU)

        return load


def test_old_index_buffers_are_dropped(saved: Saved, entry: Entry, options: Options) -> None:
    """Published CLIP checkpoints hold the position ids of both towers."""
    folder, _ = saved("clip")
    wanted = vision.load(folder, entry(pooling="projected"), options(), CPU).encode(BLOBS)
    tensors = files.read_tensors(folder / "model.safetensors")
    names = ["vision_model.embeddings.position_ids", "text_model.embeddings.position_ids"]
    files.write_tensors(
        folder / "model.safetensors", tensors | {name: torch.arange(17)[None] for name in names}
    )
    assert torch.equal(vision.load(folder, entry(pooling="projected"), options(), CPU).encode(BLOBS), wanted)


def test_half_precision_files_compute_in_single(saved: Saved, entry: Entry, options: Options) -> None:
    folder, _ = saved("dinov2")
    tensors = files.read_tensors(folder / "model.safetensors")
    files.write_tensors(folder / "model.safetensors", {name: t.half() for name, t in tensors.items()})
    encoder = vision.load(folder, entry(pooling="cls"), options(), CPU)
    assert {parameter.dtype for parameter in encoder.tower.parameters()} == {torch.float32}


# a transformer with a class token, one whose map has the width last, and a network that has it second
TIMM: dict[str, dict[str, Any]] = {
    "vit_tiny_patch16_224": {"embed_dim": 24, "depth": 2, "num_heads": 2},
    "swin_tiny_patch4_window7_224": {"embed_dim": 8, "depths": (1, 1, 1, 1), "num_heads": (1, 1, 2, 2)},
    "resnet10t": {},
}
PLACES = {"vit_tiny_patch16_224": (1,), "swin_tiny_patch4_window7_224": (1, 2), "resnet10t": (2, 3)}


@pytest.mark.parametrize(
    ("name", "pooling"),
    [("vit_tiny_patch16_224", "cls"), *((name, pooling) for name in TIMM for pooling in ("mean", "pooled"))],
)
def test_the_poolings_of_timm(
    name: str, pooling: str, tmp_path: Path, entry: Entry, options: Options
) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model: Any = timm.create_model(name, pretrained=False, num_classes=7, **TIMM[name]).eval()
    config = {"model_args": TIMM[name], "num_classes": 7}
    timm.models.save_for_hf(model, str(tmp_path), config, safe_serialization=True)
    encoder = vision.load(tmp_path, entry(library="timm", pooling=pooling), options(tokens=2), CPU)
    with torch.inference_mode():
        states = model.forward_features(encoder.prepare(BLOBS)["pixel_values"])
        wanted = {
            "cls": states[:, 0],
            "mean": states.mean(PLACES[name]),
            "pooled": model.forward_head(states, pre_logits=True),
        }
    tokens = states[:, 1:] if states.ndim == 3 else states.movedim(PLACES[name], (1, 2)).flatten(1, 2)
    both = torch.cat([wanted[pooling], pooled(tokens, 2)], 1)
    torch.testing.assert_close(encoder.encode(BLOBS), both, rtol=1e-5, atol=1e-5)
