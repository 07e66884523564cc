"""What only a GPU can show; skipped where there is none."""

import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from fusionrec.encoders import language, pixels, untrained, vision
from fusionrec.evaluation import catalogue_ranking
from fusionrec.models.fusion.options import FusionOptions
from fusionrec.models.trained_model import TrainedModel
from fusionrec.models.zoo.fusion import FusionModel
from fusionrec.training import loop
from fusionrec.training.loop import Epoch
from fusionrec.training.resume import Interrupted

from .training.conftest import MODEL, PARAMS, TRAIN, USERS, build, cycle, losses, updated, world
from .training.test_loop import next_is_first

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
COMPILES = pytest.mark.skipif(
    tuple(map(int, torch.__version__.split(".")[:2])) < (2, 14), reason="older compilers fail on named tuples"
)
CPU, GPU = torch.device("cpu"), torch.device("cuda")
ALL = [
    (modality, name)
    for modality in ("vision", "language")
    for name, entry in getattr(PARAMS.encoders, modality).items()
    if entry
]


@pytest.fixture(autouse=True)
def _deterministic(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    torch.use_deterministic_algorithms(True)


def jpeg(seed: int, mode: str = "RGB") -> bytes:
    draw, buffer = np.random.default_rng(seed), io.BytesIO()
    smooth = Image.fromarray(draw.integers(0, 256, (6, 8, 3), np.uint8)).resize((160, 120))
    smooth.convert(mode).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def test_pictures_are_decoded_as_on_the_cpu() -> None:
    """Chroma is upsampled differently, which changes few values much; CMYK, grey and broken files too."""
    files: list[bytes | Image.Image] = [jpeg(1), jpeg(2, "L"), jpeg(3, "CMYK"), jpeg(4)]
    for ours, theirs in zip(pixels.tensors(files, GPU), pixels.tensors(files, CPU), strict=True):
        assert ours.device.type == "cuda" and ours.shape == theirs.shape
        assert (ours.cpu().float() - theirs.float()).abs().mean() < 3


@pytest.mark.parametrize(("modality", "name"), ALL)
def test_encoders_agree_with_the_cpu(modality: str, name: str, tmp_path: Path) -> None:
    entry = getattr(PARAMS.encoders, modality)[name]
    untrained.write(entry.untrained, tmp_path / name)
    module: Any = vision if modality == "vision" else language
    inputs = ["a red fox", "two blue whales at sea"] if modality == "language" else []
    for seed in (1, 2) if modality == "vision" else ():
        inputs.append(pixels.decode(jpeg(seed)))  # type: ignore[arg-type]
    on_cpu = module.load(tmp_path / name, entry, PARAMS.cache, CPU).encode(inputs)
    on_gpu = module.load(tmp_path / name, entry, PARAMS.cache, GPU)
    if modality == "language":
        torch.testing.assert_close(on_gpu.encode(inputs), on_cpu, rtol=1e-3, atol=1e-4)
    # pictures are resized on the GPU, which rounds a few pixels differently
    assert torch.cosine_similarity(on_gpu.encode(inputs), on_cpu).min() > 0.999
    assert torch.equal(on_gpu.encode(inputs), on_gpu.encode(inputs))
    half = PARAMS.cache.model_copy(update={"precision": "bf16", "channels_last": True})
    found = module.load(tmp_path / name, entry, half, GPU).encode(inputs)
    assert torch.cosine_similarity(found, on_cpu).min() > 0.99


def train(seed: int = 1, model: FusionOptions = MODEL, **changes: Any) -> tuple[FusionModel, list[Epoch]]:
    options = updated(TRAIN, **{"epochs": 12, "seed": seed} | changes)
    built, epochs = build(world(), model).to(GPU), list[Epoch]()
    loop.fit(built, world().to(GPU), cycle(), on_gpu(next_is_first), options, epochs.append)
    return built, epochs


def on_gpu(validate: Callable[[TrainedModel], dict[str, float]]) -> Callable[[Any], dict[str, float]]:
    class Scores:
        def __init__(self, model: TrainedModel):
            self.model = model

        def score(self, users: np.ndarray, past: Any) -> torch.Tensor:
            return self.model.score(users, past).cpu()

    return lambda model: validate(Scores(model))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"masked": 0.5},
        {"precision": "bf16"},
        {"precision": "fp16"},
        pytest.param({"compile": True, "epochs": 3}, marks=COMPILES),
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "model",
    [
        {},
        {"method": "cross_modal", "history": "attention"},
        {"head": "mlp"},
        {"losses": losses(bpr=1, contrastive=0.1)},
        {"losses": losses(sampled_softmax=1, bce=1)},
    ],
    ids=str,
)
def test_training_repeats_to_the_bit(changes: dict[str, Any], model: dict[str, Any]) -> None:
    chosen = updated(MODEL, **model)
    (one, epochs), (two, again) = (train(model=chosen, **changes) for _ in range(2))
    assert epochs == again
    weights = zip(one.state_dict().values(), two.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in weights)
    assert epochs[-1].metrics["train/loss"] < epochs[0].metrics["train/loss"]
    assert all(math.isfinite(value) for value in epochs[-1].metrics.values())


def test_training_goes_on_after_a_kill(tmp_path: Path) -> None:
    whole, _ = train()
    interrupted = Interrupted(tmp_path / "state")

    def kill(epoch: Epoch) -> None:
        if epoch.number == 5:
            raise KeyboardInterrupt

    options = updated(TRAIN, epochs=12)
    again = build(world()).to(GPU)
    for track in (kill, lambda epoch: None):
        try:
            loop.fit(
                again, world().to(GPU), cycle(), on_gpu(next_is_first), options, track, interrupted, every=0
            )
        except KeyboardInterrupt:
            again = build(world(), seed=3).to(GPU)
    weights = zip(again.state_dict().values(), whole.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in weights)


def test_lists_are_those_of_the_cpu() -> None:
    """Where no two scores lie closer than the rounding of a product."""
    model, _ = train()
    users = np.arange(USERS)
    ours = catalogue_ranking.top_k(TrainedModel(model, world().to(GPU)), users, cycle(), 4)
    theirs = catalogue_ranking.top_k(TrainedModel(model.to(CPU), world()), users, cycle(), 4)
    np.testing.assert_allclose(ours.scores, theirs.scores, rtol=1e-4, atol=1e-5)
    apart = np.diff(theirs.scores, axis=1).max(1) < -1e-3
    assert apart.mean() > 0.5
    np.testing.assert_array_equal(ours.items[apart], theirs.items[apart])
