"""Pixels equal those of the model's own processor, up to rounding."""

import io
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from torchvision.io import ImageReadMode  # type: ignore[import-untyped]
from transformers import AutoImageProcessor

from fusionrec import files, sections
from fusionrec.data import images
from fusionrec.encoders import convert, pixels

ROOT = Path(__file__).resolve().parents[2]
EDGES = {
    "portrait": (300, 441),
    "landscape": (640, 360),
    "tiny": (17, 23),
    "square": (224, 224),
    "odd": (257, 225),
    "thin": (900, 64),
}
CONVNEXT = {
    "feature_extractor_type": "ConvNextFeatureExtractor",
    "crop_pct": 0.875,
    "do_normalize": True,
    "do_resize": True,
    "resample": 3,
    "image_mean": list(convert.IMAGENET_MEAN),
    "image_std": list(convert.IMAGENET_STD),
}
# preprocessor_config.json of the published models
PROCESSORS: dict[str, dict[str, Any]] = {
    "clip": {
        "feature_extractor_type": "CLIPFeatureExtractor",
        "crop_size": 224,
        "do_center_crop": True,
        "do_normalize": True,
        "do_resize": True,
        "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711],
        "resample": 3,
        "size": 224,
    },
    "dino": convert.image_processor(256, 224, convert.IMAGENET_MEAN, convert.IMAGENET_STD),
    "resnet": CONVNEXT | {"size": 224},
    "convnext": CONVNEXT | {"size": 224},
    "convnext-384": CONVNEXT | {"size": 384},
    "vit": {
        "image_processor_type": "ViTImageProcessor",
        "size": {"height": 224, "width": 224},
        "resample": 2,
    },
}


def picture(edges: tuple[int, int], mode: str = "RGB") -> Image.Image:
    """Smooth colours with a sharp edge and some noise, as photographs have."""
    rng = np.random.default_rng(sum(edges))
    image = Image.fromarray(rng.integers(0, 256, (5, 4, 3), np.uint8)).resize(edges, Image.Resampling.BICUBIC)
    image.paste("white", (0, 0, edges[0] // 3, edges[1] // 2))
    noise = Image.fromarray(rng.integers(0, 256, (edges[1], edges[0], 3), np.uint8))
    return Image.blend(image, noise, 0.1).convert(mode)


def encoded(image: Image.Image, kind: str, **settings: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **settings)
    return buffer.getvalue()


def small(kind: str, mode: str = "RGB", **settings: Any) -> bytes:
    return encoded(picture((41, 31), "L" if mode == "I;16" else mode).convert(mode), kind, **settings)


def animation(kind: str) -> bytes:
    return small(kind, save_all=True, append_images=[picture((31, 41)).resize((41, 31))])


FILES: dict[str, Callable[[], bytes]] = {
    **{f"JPEG {mode}": partial(small, "JPEG", mode) for mode in ("RGB", "L", "CMYK")},
    **{f"PNG {mode}": partial(small, "PNG", mode) for mode in ("RGB", "L", "RGBA", "LA", "P", "1", "I;16")},
    "JPEG progressive": partial(small, "JPEG", progressive=True),
    "WebP": partial(small, "WEBP"),
    "WebP lossless": partial(small, "WEBP", "RGBA", lossless=True),
    "WebP animation": partial(animation, "WEBP"),
    "GIF animation": partial(animation, "GIF"),
    "TIFF": partial(small, "TIFF", "CMYK"),
}


@pytest.mark.parametrize("name", FILES)
def test_every_file_becomes_what_pillow_makes_of_it(name: str) -> None:
    blob = FILES[name]()
    wanted = np.asarray(Image.open(io.BytesIO(blob)).convert("RGB"))
    assert np.array_equal(pixels.tensor(blob).permute(1, 2, 0).numpy(), wanted)


def test_a_picture_that_is_decoded_already() -> None:
    image = picture((41, 31))
    assert np.array_equal(pixels.tensor(image).permute(1, 2, 0).numpy(), np.asarray(image))


def test_a_damaged_file() -> None:
    with pytest.raises(OSError, match="cannot identify"):
        pixels.tensor(b"not a picture")


class NvJpeg:
    """`decode_jpeg` for a GPU that is not there; it refuses lists that hold one of `refused`."""

    def __init__(self, refused: tuple[bytes, ...] = ()) -> None:
        self.calls: list[int] = []
        self.refused = refused

    def __call__(self, blobs: list[torch.Tensor], mode: ImageReadMode, device: torch.device) -> Any:
        assert mode == ImageReadMode.RGB and device.type == "cuda"
        self.calls.append(len(blobs))
        read = [bytes(blob.numpy()) for blob in blobs]
        if set(read) & set(self.refused):
            raise RuntimeError("nvjpeg: not supported")
        return [pixels.tensor(blob) + 1 for blob in read]


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Callable[[NvJpeg], torch.device]:
    """A device that says of itself that it is a GPU; what is sent there stays here."""

    def install(decode: NvJpeg) -> torch.device:
        monkeypatch.setattr("torchvision.io.decode_jpeg", decode)
        monkeypatch.setattr(torch.Tensor, "to", lambda tensor, *_, **__: tensor)
        return torch.device("cuda:0")

    return install


def test_a_gpu_decodes_jpegs_together(gpu: Callable[[NvJpeg], torch.device]) -> None:
    jpegs, png, image = [small("JPEG"), small("JPEG", "L")], small("PNG"), picture((41, 31))
    decode = NvJpeg()
    mixed: list[Any] = [jpegs[0], png, image, jpegs[1]]
    found = pixels.tensors(mixed, gpu(decode))
    assert decode.calls == [2]
    wanted = [pixels.tensor(one) for one in mixed]
    wanted[0], wanted[3] = wanted[0] + 1, wanted[3] + 1
    assert all(torch.equal(one, other) for one, other in zip(found, wanted, strict=True))


def test_what_a_gpu_refuses_is_decoded_as_everywhere_else(gpu: Callable[[NvJpeg], torch.device]) -> None:
    good, cmyk = small("JPEG"), small("JPEG", "CMYK")
    decode = NvJpeg(refused=(cmyk,))
    found = pixels.tensors([good, cmyk, good], gpu(decode))
    assert decode.calls == [3, 1, 1, 1]
    wanted = [pixels.tensor(good) + 1, pixels.tensor(cmyk), pixels.tensor(good) + 1]
    assert all(torch.equal(one, other) for one, other in zip(found, wanted, strict=True))
    with pytest.raises(OSError, match="cannot identify"):
        pixels.tensors([pixels.JPEG + b"damaged"], gpu(NvJpeg(refused=(pixels.JPEG + b"damaged",))))


def test_a_gpu_that_is_full_is_no_refusal(gpu: Callable[[NvJpeg], torch.device]) -> None:
    """The batch is halved instead."""

    class Full(NvJpeg):
        def __call__(self, *_: Any) -> Any:
            raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(torch.OutOfMemoryError):
        pixels.tensors([small("JPEG")], gpu(Full()))


def test_without_a_gpu_nothing_asks_for_nvjpeg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torchvision.io.decode_jpeg", lambda *_: pytest.fail("asked"))
    (found,) = pixels.tensors([small("JPEG")], torch.device("cpu"))
    assert torch.equal(found, pixels.tensor(small("JPEG")))


@pytest.mark.parametrize("model", PROCESSORS)
def test_transformers_stay_on_the_device(model: str, tmp_path: Path) -> None:
    """On the device `meta`, which has shapes and no values: whatever met another device would raise."""
    files.write_json(tmp_path / "preprocessor_config.json", PROCESSORS[model])
    there = [torch.empty(3, *edges, dtype=torch.uint8, device="meta") for edges in ((300, 400), (224, 90))]
    assert pixels.of_transformers(tmp_path)(there).device.type == "meta"


def test_timm_stays_on_the_device() -> None:
    with torch.device("meta"):
        model = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    there = [torch.empty(3, *edges, dtype=torch.uint8, device="meta") for edges in ((300, 400), (224, 90))]
    found = pixels.of_timm(model)(there)
    assert found.device.type == "meta" and found.shape == (2, 3, 224, 224)


def compare(found: torch.Tensor, wanted: torch.Tensor, std: list[float], average: float = 1e-4) -> None:
    """Shares of the range; where the ratio of edges is kept, no pixel is further off than 3 of 255 either."""
    assert found.shape == wanted.shape and found.dtype == torch.float32
    difference = (found - wanted).abs() * torch.tensor(std)[:, None, None]
    assert difference.mean() < average
    assert difference.max() < 3.5 / 255 or average > 1e-4


@pytest.mark.parametrize("model", PROCESSORS)
def test_transformers_agree_with_the_pillow_processor(model: str, tmp_path: Path) -> None:
    files.write_json(tmp_path / "preprocessor_config.json", PROCESSORS[model])
    reference = AutoImageProcessor.from_pretrained(tmp_path, backend="pil")
    preprocess = pixels.of_transformers(tmp_path)
    average = 1e-3 if model in ("vit", "convnext-384") else 1e-4
    for edges in EDGES.values():
        for mode in ("RGB", "L"):
            image = picture(edges, mode)
            found = preprocess([pixels.tensor(encoded(image, "PNG"))])
            wanted = reference(images=image.convert("RGB"), return_tensors="pt")["pixel_values"]
            compare(found, wanted, reference.image_std, average)


@pytest.mark.parametrize(
    "name", ["tf_efficientnet_lite0", "resnet50", "vit_small_patch14_dinov2", "mixer_b16_224"]
)
def test_timm_agrees_with_its_transform_on_pillow(name: str) -> None:
    with torch.device("meta"):
        model = timm.create_model(name, pretrained=False)
    settings = timm.data.resolve_data_config(model=model)
    reference = timm.data.create_transform(**settings, is_training=False)
    preprocess = pixels.of_timm(model)
    for edges in EDGES.values():
        image = picture(edges)
        compare(preprocess([pixels.tensor(image)])[0], reference(image), settings["std"])


def test_a_constant_picture_by_hand(tmp_path: Path) -> None:
    processor = convert.image_processor(36, 32, (0.5, 0.25, 0.0), (0.5, 0.25, 1.0))
    files.write_json(tmp_path / "preprocessor_config.json", processor)
    grey = pixels.tensor(Image.new("RGB", (50, 70), (255, 51, 102)))
    found = pixels.of_transformers(tmp_path)([grey, grey])
    assert found.shape == (2, 3, 32, 32)
    for channel, value in enumerate((1.0, -0.2, 0.4)):
        torch.testing.assert_close(found[:, channel], torch.full((2, 32, 32), value))


def test_alone_or_among_others(tmp_path: Path) -> None:
    files.write_json(tmp_path / "preprocessor_config.json", PROCESSORS["clip"])
    preprocess = pixels.of_transformers(tmp_path)
    pictures = [pixels.tensor(picture(edges)) for edges in (*EDGES.values(), EDGES["portrait"])]
    together = preprocess(pictures)
    assert all(torch.equal(preprocess([one])[0], row) for one, row in zip(pictures, together, strict=True))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_what_was_accepted_is_decoded_as_when_it_was_checked(kind: str) -> None:
    """Pictures with damage that Pillow tolerates: another decoder of PNG files ended the process."""
    pixels_of = np.random.default_rng(0).integers(0, 255, (8, 8, 3), np.uint8)
    buffer, options, accepted = io.BytesIO(), sections.load(ROOT / "params.yaml").images, 0
    Image.fromarray(pixels_of).resize((80, 100), Image.Resampling.BICUBIC).save(buffer, kind)
    whole = buffer.getvalue()
    for place in range(60, len(whole), max(1, len(whole) // 200)):
        damaged = whole[:place] + bytes([whole[place] ^ 16]) + whole[place + 1 :]
        blob = images.prepare(damaged, options).blob
        if blob is not None:
            accepted += 1
            with Image.open(io.BytesIO(blob)) as image:
                expected = np.array(image.convert("RGB"))
            assert np.array_equal(pixels.tensor(blob).permute(1, 2, 0).numpy(), expected)
    assert accepted or kind == "WEBP"
