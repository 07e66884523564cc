"""Rates equal those of torch's own schedulers, and survive an interruption."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.optim import lr_scheduler

from fusionrec import sections
from fusionrec.training import schedules
from fusionrec.training.options import Train

TRAIN = sections.load(Path(__file__).resolve().parents[2] / "params.yaml").train
STEPS = 7  # an epoch
EPOCHS = 12
VALUES = [0.1, 0.2, 0.2, 0.15, 0.3, math.nan, 0.25, 0.3, 0.3, 0.31, 0.1, 0.1]
NAMES = ["cosine", "step", "plateau", "constant"]


def options(**changes: Any) -> Train:
    plain = {
        "epochs": EPOCHS,
        "warmup": 0.0,
        "decay": 0.3,
        "decay_every": 5,
        "plateau": 2,
        "direction": "max",
    }
    return TRAIN.model_copy(update=plain | changes)


def optimizer() -> torch.optim.Optimizer:
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": rate} for rate in (1.0, 0.02)]
    return torch.optim.SGD(groups)


def rates(chosen: Train, sign: int = 1) -> list[list[float]]:
    """Of each step, one for each group."""
    target = optimizer()
    schedule = schedules.build(target, chosen, STEPS)
    seen = []
    for value in VALUES:
        for _ in range(STEPS):
            seen.append([group["lr"] for group in target.param_groups])
            target.step()
            schedule.step()
        schedule.epoch(sign * value)
    return seen


def torchs(make: Any, every_epoch: bool) -> list[float]:
    target = optimizer()
    schedule, seen = make(target), []
    for value in VALUES:
        for step in range(STEPS):
            seen.append(target.param_groups[0]["lr"])
            target.step()
            if not every_epoch or step == STEPS - 1:
                arguments = [value] if isinstance(schedule, lr_scheduler.ReduceLROnPlateau) else []
                schedule.step(*arguments)
    return seen


def test_as_torch_does() -> None:
    cosine = torchs(lambda o: lr_scheduler.CosineAnnealingLR(o, EPOCHS * STEPS), every_epoch=False)
    assert [first for first, _ in rates(options(schedule="cosine"))] == pytest.approx(cosine)
    step = torchs(lambda o: lr_scheduler.StepLR(o, 5, 0.3), every_epoch=True)
    assert [first for first, _ in rates(options(schedule="step"))] == pytest.approx(step)
    # torch counts the epochs that are borne before the reduction, this one those that bring it
    plateau = torchs(
        lambda o: lr_scheduler.ReduceLROnPlateau(o, "max", 0.3, patience=1, threshold=0), every_epoch=True
    )
    assert len(set(plateau)) == 4, "there is something to see"
    assert [first for first, _ in rates(options(schedule="plateau"))] == pytest.approx(plateau)
    assert rates(options(schedule="plateau", direction="min"), -1) == rates(options(schedule="plateau"))
    assert {first for first, _ in rates(options(schedule="constant"))} == {1.0}


def test_plateau_by_hand() -> None:
    target = optimizer()
    schedule = schedules.build(target, options(schedule="plateau", plateau=2), STEPS)
    seen = []
    for value in (0.2, 0.1, 0.2, 0.2, 0.3, 0.1, 0.1):
        schedule.epoch(value)
        seen.append(round(schedule.factor, 6))
    assert seen == [1, 1, 0.3, 0.3, 0.3, 0.3, 0.09]


@pytest.mark.parametrize("name", NAMES)
def test_warmup_is_linear_over_its_share_of_all_steps(name: str) -> None:
    rising = 21  # of 84 steps
    warm = [first for first, _ in rates(options(schedule=name, warmup=0.25, plateau=20, decay_every=20))]
    assert warm[:rising] == pytest.approx([step / rising for step in range(1, rising + 1)])
    assert warm[rising] == 1


def test_cosine_falls_to_zero_after_warmup() -> None:
    falling = [first for first, _ in rates(options(schedule="cosine", warmup=0.25))][21:]
    assert falling == sorted(falling, reverse=True) and 0 < falling[-1] < 0.001
    assert schedules.half_cosine(0.5) == pytest.approx(0.5) and schedules.half_cosine(1) == 0
    assert schedules.half_cosine(-1) == 1 and schedules.half_cosine(2) == 0


@pytest.mark.parametrize("name", NAMES)
def test_groups_keep_their_ratio(name: str) -> None:
    for first, second in rates(options(schedule=name, warmup=0.1)):
        assert second == pytest.approx(0.02 * first)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("cut", [1, 4, 9])
def test_an_interruption_changes_nothing(name: str, cut: int) -> None:
    chosen = options(schedule=name, warmup=0.1)
    target, seen = optimizer(), []
    schedule = schedules.build(target, chosen, STEPS)
    for epoch, value in enumerate(VALUES):
        if epoch == cut:
            state = json.loads(json.dumps(schedule.state_dict(), allow_nan=False))
            old, target = target, optimizer()
            target.load_state_dict(old.state_dict())  # brings a rate that is no base rate
            schedule = schedules.build(target, chosen, STEPS)
            schedule.load_state_dict(state)
        for _ in range(STEPS):
            seen.append([group["lr"] for group in target.param_groups])
            target.step()
            schedule.step()
        schedule.epoch(value)
    assert seen == rates(chosen), "to the bit"
