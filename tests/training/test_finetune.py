"""Encoders that are trained with the model: what moves, what stays, what is saved."""

import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from fusionrec import files, sections
from fusionrec.data.item_inputs import ItemInputs
from fusionrec.encoders import inputs, language, untrained, vision
from fusionrec.encoders.frozen import FrozenEncoder
from fusionrec.encoders.inputs import Inputs
from fusionrec.encoders.options import PictureAugmentation, TextAugmentation
from fusionrec.errors import UserError
from fusionrec.models.fusion.item_encoder import Projection
from fusionrec.models.trained_model import TrainedModel
from fusionrec.models.zoo.fusion import FusionModel
from fusionrec.training import finetune, loop
from fusionrec.training.distributed import ALONE
from fusionrec.training.finetune import Trainable
from fusionrec.training.live_items import Encoders
from fusionrec.training.loop import Epoch
from fusionrec.training.objective import Objective
from fusionrec.training.parameters import Parameters
from fusionrec.training.resume import Interrupted

from ..catalogue import without
from .conftest import ITEMS, MODEL, PARAMS, TRAIN, build, cycle, losses, updated

CPU = torch.device("cpu")
Make = Callable[..., Trainable]
# pictures by transformers, one with a projection and one with batch norm, and by timm; texts
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "clip": ("vision", {"pooling": "projected", "library": "transformers"}),
    "resnet": ("vision", {"pooling": "pooled", "library": "transformers"}),
    "test_efficientnet": ("vision", {"pooling": "pooled", "library": "timm"}),
    "bert": ("language", {"pooling": "mean", "normalize": True}),
}
NORMED = ["resnet", "test_efficientnet"]
STILL: dict[str, Any] = {
    "vision": dict.fromkeys(PictureAugmentation.model_fields, 0.0),
    "language": dict.fromkeys(TextAugmentation.model_fields, 0.0),
}


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of each kind, and the pictures of the items: item 3 has none."""
    root = tmp_path_factory.mktemp("finetune")
    for kind in KINDS:
        untrained.write(kind, root / "weights" / kind)
    rows: list[dict[str, Any]] = []
    (root / "images").mkdir()
    draw = np.random.default_rng(0)
    with files.ShardWriter(root / "images") as shards:
        for item in range(ITEMS):
            rows.append({"status": "missing"})
            if item != 3:
                buffer = io.BytesIO()
                pixels = draw.integers(0, 255, (4, 4, 3), np.uint8)
                Image.fromarray(pixels).resize((48, 40)).save(buffer, "PNG")
                place = shards.add(f"{item}.png", buffer.getvalue())._asdict()
                sha = hashlib.sha256(buffer.getvalue()).hexdigest()
                rows[-1] |= place | {"status": "ok", "sha256": sha}
    table = pd.DataFrame(rows).astype({"offset": "Int64", "bytes": "Int64"})
    files.write_table(root / "manifest.parquet", table)
    return root


def of_items(folder: Path, modality: str) -> Inputs:
    if modality == "vision":
        return inputs.pictures(files.read_table(folder / "manifest.parquet"), folder / "images")
    draw = np.random.default_rng(0)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    texts = [" ".join("".join(draw.choice(letters, 3)) for _ in range(4)) for _ in range(ITEMS)]
    texts[4] = ""
    return inputs.texts(pd.Series(texts))


def parameters(
    folder: Path, kind: str, resume_from: str | None = None, still: bool = True, **options: Any
) -> Parameters:
    modality, changes = KINDS[kind]
    tree = PARAMS.model_dump()
    entry = PARAMS.encoders.vision["clip"]
    assert entry is not None
    tree["encoders"][modality] = {kind: entry.model_dump() | changes}
    tree["encoders"] |= {"weights": "local", "folder": str(folder / "weights")}
    tree["model"] |= {modality: kind, f"freeze_{modality}": False, "pca": 6}
    tree["train"]["finetune"] |= {"lr": 0.001, "items": 32} | options
    tree["train"]["resume_from"] = resume_from
    tree["cache"] |= STILL if still else {}
    p = sections.parse(tree)
    return Parameters(p.runtime, p.cache, p.encoders, p.model, p.train, p.clean, p.images, tree)


@pytest.fixture
def make(folder: Path) -> Make:
    def load(kind: str, **more: Any) -> Trainable:
        modality = KINDS[kind][0]
        found = finetune.load(
            parameters(folder, kind, **more), modality, of_items(folder, modality), np.arange(ITEMS) < 10, CPU
        )
        assert found is not None
        return found

    return load


def frozen(folder: Path, kind: str) -> FrozenEncoder:
    modality, p = KINDS[kind][0], parameters(folder.parent, kind)
    module: Any = vision if modality == "vision" else language
    return module.load(folder, getattr(p.encoders, modality)[kind], p.cache, CPU)


def learned(encoder: Trainable) -> dict[str, torch.Tensor]:
    return {name: weight for name, weight in encoder.named_parameters() if weight.requires_grad}


def values(encoder: Trainable) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in encoder.state_dict().items()}


def plain(content: ItemInputs) -> ItemInputs:
    """Without pictures and texts: only what an encoder puts in tells items apart."""
    return without(content, "vision", "language")


def objective(encoder: Trainable, content: ItemInputs, **weights: float) -> Objective:
    modality = encoder.recipe.modality
    encoders = Encoders({modality: encoder})
    content = encoders.insert(plain(content))
    options = updated(MODEL, item_id=False, content_dropout=0.0, losses=losses(**weights))
    return Objective(build(content, options), content, cycle(), TRAIN, encoders)


def one_step(found: Objective) -> torch.Tensor:
    draws = np.random.default_rng(5)
    batch = next(iter(loop.batches(cycle(), TRAIN, 8, 0.0, draws)))
    loss = found(found.prepare(batch, draws), torch.Generator().manual_seed(1))["loss"]
    loss.backward()
    return loss


@pytest.mark.parametrize("kind", KINDS)
def test_without_augmentation_a_live_row_is_that_of_the_frozen_encoder(
    make: Make, folder: Path, kind: str
) -> None:
    encoder = make(kind)
    live = encoder.draw(torch.arange(ITEMS), np.random.default_rng(1))
    absent = {"vision": 3, "language": 4}[KINDS[kind][0]]
    assert sorted(live.rows.tolist()) == [item for item in range(ITEMS) if item != absent]
    vectors = frozen(folder / "weights" / kind, kind).encode(encoder._read(live.rows.numpy()))
    wanted = encoder.reduction.apply(vectors)
    torch.testing.assert_close(encoder(live.batch), wanted, rtol=0, atol=1e-5)
    torch.testing.assert_close(encoder.table[live.rows], wanted, rtol=0, atol=1e-5)
    assert not encoder.table[absent].any()
    assert encoder.table.shape == (ITEMS, 6)
    seen = encoder.table[[item for item in range(10) if item != absent]]
    assert seen.square().mean().item() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("weights", [{"softmax": 1.0}, {"bpr": 1.0}], ids=str)
def test_the_gradient_reaches_what_is_trained_and_nothing_else(
    make: Make, content: ItemInputs, kind: str, weights: dict[str, float]
) -> None:
    encoder = make(kind, blocks=1)
    before = values(encoder)
    found = objective(encoder, content, **weights)
    one_step(found)
    assert {*learned(encoder)} < {name for name, _ in encoder.named_parameters()}
    for name, weight in encoder.named_parameters():
        assert (weight.grad is not None) == weight.requires_grad, name
    assert any(weight.grad.any() for weight in learned(encoder).values() if weight.grad is not None)
    torch.optim.SGD(learned(encoder).values(), lr=1).step()
    moved = {name for name, tensor in values(encoder).items() if not torch.equal(tensor, before[name])}
    assert moved and moved <= {*learned(encoder)}, "buffers, such as batch norm's statistics, stay"


def test_training_mode_changes_no_statistics(make: Make, content: ItemInputs) -> None:
    for kind in NORMED:
        encoder = make(kind, blocks=0)
        before = values(encoder)
        found = objective(encoder, content, softmax=1.0)
        found.train()
        one_step(found)
        statistics = [name for name in before if "running" in name or "batches" in name]
        assert statistics and all(torch.equal(values(encoder)[name], before[name]) for name in statistics)
        assert not any(module.training for module in encoder.tower.modules())


@pytest.mark.parametrize("kind", ["clip", "test_efficientnet", "bert"])
def test_adapters_are_few_and_merge(make: Make, folder: Path, tmp_path: Path, kind: str) -> None:
    plain, encoder = make(kind, blocks=2), make(kind, blocks=2, lora_rank=2)
    assert torch.equal(plain.table, encoder.table)
    torch.testing.assert_close(
        encoder._reduced(encoder._vectors()), plain.table, msg="at first they do nothing"
    )
    sizes = [sum(w.numel() for w in learned(which).values()) for which in (encoder, plain)]
    assert sizes[0] < sizes[1] / 2
    assert all(".lora_" in name for name in learned(encoder))
    for weight in learned(encoder).values():
        weight.data.normal_(std=0.1, generator=torch.Generator().manual_seed(1))
    encoder.renew()
    assert (encoder.table - plain.table).abs().max() > 1e-3
    finetune.save(tmp_path / kind, encoder)
    vectors = frozen(tmp_path / kind, kind).encode(encoder._read(np.arange(3)))
    torch.testing.assert_close(encoder.reduction.apply(vectors), encoder.table[:3], rtol=0, atol=1e-4)
    tensors = files.read_tensors(tmp_path / kind / "model.safetensors")
    assert not any("lora" in name or "base_layer" in name for name in tensors)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_saved_loads_again_and_gives_the_same_vectors(
    make: Make, folder: Path, tmp_path: Path, kind: str
) -> None:
    encoder = make(kind, blocks=1)
    for weight in learned(encoder).values():
        weight.data.add_(0.05)
    encoder.renew()
    modality = KINDS[kind][0]
    finetune.save(tmp_path / modality, encoder)
    finetune.save(tmp_path / "again" / modality, encoder)
    for path in (tmp_path / modality).iterdir():
        assert path.read_bytes() == (tmp_path / "again" / modality / path.name).read_bytes()
    present = np.flatnonzero(encoder.present)
    vectors = frozen(tmp_path / modality, kind).encode(encoder._read(present))
    wanted = encoder.table[torch.from_numpy(present)]
    torch.testing.assert_close(encoder.reduction.apply(vectors), wanted, rtol=0, atol=1e-5)
    resumed = make(kind, blocks=1, resume_from=str(tmp_path))
    torch.testing.assert_close(resumed.table, encoder.table, rtol=0, atol=1e-5)
    assert torch.equal(resumed.reduction.mean, encoder.reduction.mean)


def test_the_draws_choose_what_is_encoded_and_how_it_changes(make: Make) -> None:
    for kind in ("clip", "bert"):
        encoder = make(kind, items=3, still=False)
        items = torch.tensor([0, 1, 2, 3, 4, 5])
        one, same, other = (encoder.draw(items, np.random.default_rng(seed)) for seed in (1, 1, 2))
        assert len(one.rows) == 3 and {*one.rows.tolist()} <= {*items.tolist()}
        assert torch.equal(one.rows, same.rows) and not torch.equal(one.rows, other.rows)
        assert all(torch.equal(x, same.batch[name]) for name, x in one.batch.items())
        assert (encoder(one.batch) - encoder.table[one.rows]).abs().max() > 1e-3, (
            "augmentation does something"
        )


def test_a_step_without_any_input_trains_the_model_alone(make: Make, content: ItemInputs) -> None:
    encoder = make("bert", blocks=1)
    live = encoder.draw(torch.tensor([4]), np.random.default_rng(1))
    assert len(live.rows) == 0
    encoders = Encoders({"language": encoder})
    before = encoders.insert(content)
    assert (
        encoders.enliven(before, {"language": live}).modalities["language"].vectors
        is before.modalities["language"].vectors
    )


def first_rank(model: TrainedModel) -> dict[str, float]:
    """How well the item after each is found, from the last item of a history alone."""
    users = np.arange(30)
    scores = model.score(users, cycle())
    return {
        "ndcg@10": float(
            scores.softmax(1)[torch.from_numpy(users), torch.from_numpy((users + 8) % ITEMS)].mean()
        )
    }


def trained(
    encoder: Trainable, content: ItemInputs, epochs: int = 3, **more: Any
) -> tuple[dict[str, torch.Tensor], Epoch, list[Epoch]]:
    seen: list[Epoch] = []
    encoders = Encoders({encoder.recipe.modality: encoder})
    content = encoders.insert(plain(content))
    model = build(content, updated(MODEL, item_id=False, content_dropout=0.0, losses=losses(softmax=1)))
    train = updated(TRAIN, epochs=epochs, warmup=0.0, schedule="constant", finetune=encoder.options)
    track = more.pop("track", seen.append)
    best = loop.fit(model, content, cycle(), first_rank, train, track, encoders=encoders, **more)
    return {"table": encoder.table} | model.state_dict() | learned(encoder), best, seen


@pytest.mark.parametrize(("kind", "lora_rank"), [("clip", 0), ("resnet", 0), ("bert", 0), ("bert", 4)])
def test_the_encoder_alone_learns_what_only_it_can_tell(
    make: Make, content: ItemInputs, kind: str, lora_rank: int
) -> None:
    """The model's weights stay as drawn, so that the loss falls by the encoder's vectors alone."""
    encoder = make(kind, blocks=2, lora_rank=lora_rank)
    found = objective(encoder, content, softmax=1.0)
    model = found.model
    assert isinstance(model, FusionModel)
    model.reset(torch.Generator().manual_seed(2))
    model.requires_grad_(False)
    for projection in model.candidates.modalities.values():
        assert isinstance(projection, Projection)
        projection.linear.weight.mul_(10)
    optimizer = torch.optim.Adam(learned(encoder).values(), lr=0.001, fused=True)
    first = one_step(found).item()
    for _ in range(30):
        optimizer.zero_grad()
        one_step(found)
        optimizer.step()
    encoder.renew()
    found.content = found.encoders.insert(found.content)
    assert one_step(found).item() < first - 0.08


def test_encoders_learn_at_their_own_rate(make: Make, content: ItemInputs) -> None:
    encoder = make("bert", blocks=1, lr=0.005)
    encoders = Encoders({"language": encoder})
    inputs = encoders.insert(plain(content))
    train = updated(TRAIN, finetune=encoder.options, schedule="constant", warmup=0.0)
    run = loop.Training(build(inputs), inputs, cycle(), train, ALONE, encoders)
    groups = {group["lr"]: group["params"] for group in run.optimizer.param_groups if group["params"]}
    assert {*groups} == {TRAIN.lr, 0.005}
    slow = {id(w) for group in run.optimizer.param_groups if group["lr"] == 0.005 for w in group["params"]}
    assert slow == {id(weight) for weight in learned(encoder).values()}


class Killed(Exception):
    """Stands for a kill between two epochs."""


@pytest.mark.parametrize(("kind", "lora_rank"), [("test_efficientnet", 0), ("bert", 2)])
def test_two_runs_and_an_interrupted_one_end_alike(
    make: Make, content: ItemInputs, tmp_path: Path, kind: str, lora_rank: int
) -> None:
    def encoder() -> Trainable:
        return make(kind, blocks=1, lora_rank=lora_rank, still=False, items=4)

    whole, best, seen = trained(encoder(), content)
    again, *_ = trained(encoder(), content)
    interrupted = Interrupted(tmp_path / "state")

    def kill(epoch: Epoch) -> None:
        if epoch.number == 2:
            raise Killed

    with pytest.raises(Killed):
        trained(encoder(), content, track=kill, interrupted=interrupted, every=0)
    resumed, best_again, seen_again = trained(encoder(), content, interrupted=interrupted, every=0)
    assert (best_again, seen_again) == (best, seen)
    for name, tensor in whole.items():
        assert torch.equal(tensor, again[name]) and torch.equal(tensor, resumed[name]), name


def test_encoder_and_table_are_those_of_the_best_epoch(
    make: Make, content: ItemInputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables: list[torch.Tensor] = []
    left = iter([0.1, 0.5, 0.2])

    def validate(model: TrainedModel) -> dict[str, float]:
        tables.append(encoder.table.clone())
        return {"ndcg@10": next(left)}

    monkeypatch.setitem(globals(), "first_rank", validate)
    encoder = make("bert", blocks=1)
    start = encoder.table.clone()
    _, best, _ = trained(encoder, content)
    assert best.number == 2 and torch.equal(encoder.table, tables[1])
    assert not any(torch.equal(tables[1], other) for other in (start, tables[0], tables[2]))
    encoder.renew()
    assert torch.equal(encoder.table, tables[1])


def test_frozen_or_switched_off(folder: Path) -> None:
    p = parameters(folder, "bert")
    texts = of_items(folder, "language")
    everything = np.ones(ITEMS, bool)
    off = p._replace(model=updated(p.model, freeze_language=True))
    assert finetune.load(off, "language", texts, everything, CPU) is None
    none = p._replace(
        model=updated(p.model, vision="none", freeze_vision=False),
        encoders=updated(p.encoders, vision={"none": None}),
    )
    assert finetune.load(none, "vision", texts, everything, CPU) is None
    assert finetune.load(p, "language", texts, np.arange(ITEMS) == 4, CPU) is None, "no train item has a text"


def test_an_incomplete_folder_to_go_on_from(make: Make, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "language").mkdir()
    with pytest.raises(UserError, match=r"reduction.safetensors not found; set train.resume_from"):
        make("bert", resume_from=str(tmp_path))
