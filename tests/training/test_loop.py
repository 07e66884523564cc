"""Training: learns a pattern, keeps the best epoch, repeats to the bit, goes on after an interruption."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fusionrec.data.item_inputs import ItemInputs
from fusionrec.errors import UserError
from fusionrec.models.fusion.options import FusionOptions
from fusionrec.models.trained_model import TrainedModel
from fusionrec.models.zoo.fusion import FusionModel
from fusionrec.training import loop, optimisers
from fusionrec.training.loop import Epoch
from fusionrec.training.options import Train
from fusionrec.training.resume import Interrupted

from .conftest import MODEL, TRAIN, USERS, build, cycle, losses, updated

Validate = Callable[[TrainedModel], dict[str, float]]


def next_is_first(model: TrainedModel) -> dict[str, float]:
    users = np.arange(USERS)
    scores = model.score(users, cycle())
    position, item = cycle().pairs(users)
    scores[torch.from_numpy(position), torch.from_numpy(item)] = -torch.inf
    return {"ndcg@10": float((scores.argmax(1).numpy() == (users + 8) % 12).mean())}


def run(
    content: ItemInputs,
    train: Train = TRAIN,
    validate: Validate = next_is_first,
    model: FusionOptions = MODEL,
    **more: Any,
) -> tuple[FusionModel, Epoch, list[Epoch]]:
    built = build(content, model)
    epochs: list[Epoch] = []
    best = loop.fit(built, content, cycle(), validate, train, epochs.append, **more)
    return built, best, epochs


def changed(**changes: Any) -> Train:
    return updated(TRAIN, **changes)


def same(one: FusionModel, other: FusionModel) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize(
    ("train", "model"),
    [
        ({}, {"losses": losses(softmax=1)}),
        ({}, {"losses": losses(sampled_softmax=1)}),
        ({}, {"losses": losses(bpr=1)}),
        ({}, {"losses": losses(bce=1)}),
        ({}, {"losses": losses(softmax=1, bpr=0.5, contrastive=0.1)}),
        ({"negatives": updated(TRAIN.negatives, strategy="in_batch")}, {"losses": losses(bpr=1)}),
        ({}, {"user": "both"}),
        ({}, {"head": "mlp", "dropout": 0.0}),
        ({}, {"method": "attention"}),
        ({}, {"method": "cross_modal"}),
        ({}, {"method": "gated", "history": "attention"}),
        ({"optimizer": "adam"}, {}),
        ({"optimizer": "sgd", "lr": 0.2, "clip": 1.0}, {}),
        ({"schedule": "plateau"}, {}),
        ({"accumulate": 2, "lr": 0.05}, {}),
        ({"ema": 0.0}, {}),
    ],
    ids=str,
)
def test_a_pattern_is_learned(content: ItemInputs, train: dict[str, Any], model: dict[str, Any]) -> None:
    built, best, epochs = run(content, changed(patience=6, **train), model=updated(MODEL, **model))
    assert best.metrics["val/ndcg@10"] == 1.0
    assert epochs[-1].metrics["train/loss"] < 0.7 * epochs[0].metrics["train/loss"]
    assert next_is_first(TrainedModel(built, content)) == {"ndcg@10": 1.0}


def validation_of(values: list[float], seen: list[torch.Tensor]) -> Validate:
    left = iter(values)

    def validate(model: TrainedModel) -> dict[str, float]:
        seen.append(model.towers.candidates.clone())
        return {"ndcg@10": next(left)}

    return validate


@pytest.mark.parametrize(("direction", "best", "epochs"), [("max", 2, 5), ("min", 1, 4)])
def test_the_best_epoch_is_kept_and_patience_ends_training(
    content: ItemInputs, direction: str, best: int, epochs: int
) -> None:
    seen: list[torch.Tensor] = []
    validate = validation_of([0.1, 0.5, 0.4, 0.3, 0.2], seen)
    model, found, all_epochs = run(content, changed(patience=3, direction=direction), validate)
    assert (found.number, len(all_epochs)) == (best, epochs)
    assert torch.equal(TrainedModel(model, content).towers.candidates, seen[best - 1])


def test_the_seed_decides_everything(content: ItemInputs) -> None:
    one, two, other = (run(content, changed(epochs=3, seed=seed))[2] for seed in (1, 1, 2))
    assert one == two
    assert one != other


class Killed(Exception):
    """Stands for a kill between two epochs."""


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
@pytest.mark.parametrize("schedule", ["cosine", "plateau"])
def test_an_interrupted_training_goes_on_as_if_nothing_had_happened(
    content: ItemInputs, tmp_path: Path, optimizer: str, schedule: str
) -> None:
    train = changed(
        epochs=9,
        optimizer=optimizer,
        schedule=schedule,
        plateau=1,
        masked=0.3,
    )
    model = updated(MODEL, losses=losses(softmax=1, bpr=1))
    whole, best, epochs = run(content, train, model=model)
    interrupted, tracked = Interrupted(tmp_path / "state"), []

    def track(epoch: Epoch) -> None:
        tracked.append(epoch)
        if epoch.number == 5:
            raise Killed

    with pytest.raises(Killed):
        loop.fit(build(content, model), content, cycle(), next_is_first, train, track, interrupted, every=0)
    assert [epoch.number for epoch in tracked] == [1, 2, 3, 4, 5]
    resumed, again, seen = run(content, train, model=model, interrupted=interrupted)
    assert same(resumed, whole)
    assert (again, seen) == (best, epochs), "epochs from before the interruption are told again"


def test_the_average_is_validated_and_kept_and_the_weights_go_on(content: ItemInputs) -> None:
    seen: list[torch.Tensor] = []
    train = changed(epochs=3, ema=0.9, optimizer="sgd", lr=0.01)
    plain = run(content, updated(train, ema=0.0), validation_of([0.1, 0.2, 0.3], []))
    kept, _, epochs = run(content, train, validation_of([0.1, 0.2, 0.3], seen))
    assert [e.metrics["train/loss"] for e in epochs] == [e.metrics["train/loss"] for e in plain[2]]
    assert not same(kept, plain[0])
    assert torch.equal(TrainedModel(kept, content).towers.candidates, seen[-1])


def test_a_finished_training_is_not_repeated(content: ItemInputs, tmp_path: Path) -> None:
    interrupted = Interrupted(tmp_path / "state")
    whole, *_ = run(content, changed(epochs=2), interrupted=interrupted, every=0)

    def never(model: TrainedModel) -> dict[str, float]:
        raise AssertionError

    assert same(run(content, changed(epochs=2), never, interrupted=interrupted)[0], whole)


def test_accumulated_batches_are_one_large_one(content: ItemInputs, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gradient of an update is the mean over its batches; the last may have fewer."""
    norms: list[int] = []
    clip = optimisers.clip

    def counted(*args: Any) -> torch.Tensor:
        norms.append(1)
        return clip(*args)

    monkeypatch.setattr(optimisers, "clip", counted)
    still = updated(MODEL, id_dropout=0.0, content_dropout=0.0)
    train = changed(
        epochs=1, accumulate=4, lr=0.01, warmup=0.0, schedule="constant", optimizer="sgd", momentum=0.0
    )
    *_, epochs = run(content, train, model=still)
    batches = round(240 / 16)
    assert len(norms) == -(-batches // 4) == 4
    mean = run(content, updated(train, accumulate=15), model=still)[2]
    assert epochs[0].metrics["train/gradient_norm"] != mean[0].metrics["train/gradient_norm"]


def test_the_norm_is_bounded(content: ItemInputs) -> None:
    sgd = {"optimizer": "sgd", "momentum": 0.0, "weight_decay": 0.0, "lr": 0.1, "warmup": 0.0}
    train = changed(epochs=1, schedule="constant", **sgd)
    start = torch.cat([weight.flatten() for weight in build(content).parameters()])
    for bound in (1e-3, 1e-4):
        moved, _, epochs = run(content, updated(train, clip=bound))
        now = torch.cat([weight.flatten() for weight in moved.parameters()])
        assert epochs[0].metrics["train/gradient_norm"] > bound, "it is measured before"
        assert 0 < (now - start).norm() <= 15 * 0.1 * bound * 1.01


def test_what_is_seen_of_an_epoch(content: ItemInputs) -> None:
    *_, epochs = run(
        content, changed(epochs=1), model=updated(MODEL, losses=losses(softmax=1, contrastive=0.1))
    )
    shown = epochs[0].metrics
    assert {
        "train/loss",
        "train/softmax",
        "train/contrastive",
        "train/gradient_norm",
        "train/temperature",
    } <= {*shown}
    assert {"train/lr", "val/ndcg@10", "weight/id", "weight/vision", "weight/language"} <= {*shown}
    assert shown["train/loss"] == pytest.approx(shown["train/softmax"] + 0.1 * shown["train/contrastive"])
    assert all(isinstance(value, float) for value in shown.values())


def test_the_model_prepares_each_epoch_with_the_generator_of_training(
    content: ItemInputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[float] = []

    def start_epoch(model: FusionModel, generator: torch.Generator) -> None:
        assert model.training
        drawn.append(torch.rand((), generator=generator).item())

    plain = run(content, changed(epochs=2))[0]
    monkeypatch.setattr(FusionModel, "start_epoch", start_epoch)
    other, *_ = run(content, changed(epochs=2))
    first = torch.rand((), generator=torch.Generator().manual_seed(TRAIN.seed)).item()
    assert drawn[0] == first != drawn[1] and len(drawn) == 2
    assert not same(plain, other), "the draws of dropout come after it"


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_learns(content: ItemInputs, precision: str) -> None:
    _, best, _ = run(content, changed(patience=6, precision=precision))
    assert best.metrics["val/ndcg@10"] == 1.0


def test_divergence_is_one_clear_error(content: ItemInputs) -> None:
    with pytest.raises(UserError, match=r"diverged in epoch \d+: the loss is (nan|inf); lower train\.lr"):
        run(content, changed(lr=1e30))


def test_global_generators_are_left_alone(content: ItemInputs) -> None:
    before, numpys = torch.get_rng_state(), str(np.random.get_state())  # noqa: NPY002
    run(content, changed(epochs=1))
    assert torch.equal(before, torch.get_rng_state())
    assert str(np.random.get_state()) == numpys  # noqa: NPY002
