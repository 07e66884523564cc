"""Which weights learn how, the norm of the gradient, and states that survive an interruption to the bit."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load, save
from torch import nn

from fusionrec import sections
from fusionrec.errors import UserError
from fusionrec.training import optimisers
from fusionrec.training.options import Train

TRAIN = sections.load(Path(__file__).resolve().parents[2] / "params.yaml").train
NAMES = ["adam", "adamw", "sgd"]


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.table = nn.Embedding(6, 4)
        self.linear = nn.Linear(4, 3)
        self.norm = nn.LayerNorm(3)
        self.absent = nn.Parameter(torch.zeros(3))
        self.temperature = nn.Parameter(torch.tensor(0.1))
        self.frozen = nn.Parameter(torch.ones(2, 2), requires_grad=False)
        self.unused = nn.Parameter(torch.ones(2, 2))
        for weight in (self.table.weight, *self.linear.parameters()):
            weight.data = torch.randn(weight.shape, generator=generator)

    def loss(self, step: int) -> torch.Tensor:
        rows = torch.tensor([step % 6, (2 * step + 1) % 6])
        hidden = self.norm(self.linear(self.table(rows)) + self.absent) / self.temperature
        return (hidden - step % 3).square().mean()


def options(name: str, **changes: Any) -> Train:
    return TRAIN.model_copy(update={"optimizer": name, "lr": 0.01, "weight_decay": 0.1} | changes)


def learn(model: Model, optimizer: torch.optim.Optimizer, steps: range) -> None:
    for step in steps:
        optimizer.zero_grad()
        model.loss(step).backward()
        optimizer.step()


@pytest.mark.parametrize(
    "name, kind", [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW), ("sgd", torch.optim.SGD)]
)
def test_groups(name: str, kind: type) -> None:
    model = Model()
    optimizer = optimisers.build(model, options(name), slow=model.linear.parameters())
    assert type(optimizer) is kind and all(group["fused"] for group in optimizer.param_groups)
    names = {id(weight): name for name, weight in model.named_parameters()}
    groups = {
        names[id(w)]: (group["lr"], group["weight_decay"])
        for group in optimizer.param_groups
        for w in group["params"]
    }
    slow = TRAIN.finetune.lr
    assert groups == {
        "table.weight": (0.01, 0.1),
        "unused": (0.01, 0.1),
        "norm.weight": (0.01, 0),
        "norm.bias": (0.01, 0),
        "absent": (0.01, 0),
        "temperature": (0.01, 0),
        "linear.weight": (slow, 0.1),
        "linear.bias": (slow, 0),
    }


def test_slow_parameters_need_not_belong_to_the_model() -> None:
    encoder = nn.Linear(2, 2)
    optimizer = optimisers.build(nn.Linear(3, 1), options("adamw"), slow=encoder.parameters())
    shapes = [[tuple(w.shape) for w in group["params"]] for group in optimizer.param_groups]
    assert shapes == [[(1, 3)], [(1,)], [(2, 2)], [(2,)]]
    assert [group["lr"] for group in optimizer.param_groups] == [0.01, 0.01, *[TRAIN.finetune.lr] * 2]


@pytest.mark.parametrize("name", NAMES)
def test_steps_are_torchs(name: str) -> None:
    """Unfused, written out once more; decay reaches only matrices."""
    model, other = Model(), Model()
    optimizer = optimisers.build(model, options(name, momentum=0.8))
    weights = [w for w in other.parameters() if w.requires_grad]
    groups: list[dict[str, Any]] = [
        {"params": [w for w in weights if w.ndim > 1], "weight_decay": 0.1},
        {"params": [w for w in weights if w.ndim <= 1], "weight_decay": 0.0},
    ]
    plain: torch.optim.Optimizer
    if name == "sgd":
        plain = torch.optim.SGD(groups, lr=0.01, momentum=0.8, foreach=False)
    else:
        plain = (torch.optim.Adam if name == "adam" else torch.optim.AdamW)(groups, lr=0.01, foreach=False)
    learn(model, optimizer, range(10))
    learn(other, plain, range(10))
    for one, two in zip(model.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(one, two)
    assert not torch.equal(model.table.weight, Model().table.weight)
    assert torch.equal(model.frozen, torch.ones(2, 2))


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("name", NAMES)
def test_an_interruption_changes_nothing(name: str, momentum: float) -> None:
    chosen = options(name, momentum=momentum)
    whole, first, second = Model(), Model(), Model()
    learn(whole, optimisers.build(whole, chosen), range(12))

    optimizer = optimisers.build(first, chosen)
    learn(first, optimizer, range(5))
    tensors, values = optimisers.state(optimizer)
    # `save` would refuse memory that is not contiguous
    kept, noted = load(save(tensors)), json.loads(json.dumps(values))
    second.load_state_dict(first.state_dict())
    resumed = optimisers.build(second, chosen)
    optimisers.restore(resumed, kept, noted)
    again, also = optimisers.state(resumed)
    assert also == values and again.keys() == tensors.keys()
    assert all(torch.equal(again[key], tensors[key]) for key in tensors)
    learn(second, resumed, range(5, 12))
    for one, two in zip(whole.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, two)


def test_state_has_step_counts_and_rates() -> None:
    model = Model()
    optimizer = optimisers.build(model, options("adam"))
    optimizer.param_groups[0]["lr"] = 0.003  # as a schedule does
    learn(model, optimizer, range(4))
    tensors, values = optimisers.state(optimizer)
    assert values == {"rates": [0.003, 0.01], "sizes": [3, 5]}
    assert {tensor.item() for key, tensor in tensors.items() if key.endswith(".step")} == {4}
    fresh = optimisers.build(Model(), options("adam"))
    optimisers.restore(fresh, tensors, values)
    assert [group["lr"] for group in fresh.param_groups] == [0.003, 0.01]


def test_the_state_of_another_model_is_refused() -> None:
    model = Model()
    optimizer = optimisers.build(model, options("adamw"))
    learn(model, optimizer, range(2))
    state = optimisers.state(optimizer)
    with pytest.raises(UserError, match="does not fit: other groups of parameters"):
        optimisers.restore(optimisers.build(model, options("adamw"), model.linear.parameters()), *state)
    model.table = nn.Embedding(6, 5)
    with pytest.raises(UserError, match=r"does not fit: shape of \d\.exp_avg"):
        optimisers.restore(optimisers.build(model, options("adamw")), *state)


@pytest.mark.parametrize("name", NAMES)
def test_moments_lie_in_memory_as_their_weights_do(name: str) -> None:
    """Those of a convolution in channels-last order, too."""

    def train(resume: bool) -> torch.Tensor:
        start = torch.arange(48.0).reshape(2, 6, 2, 2).to(memory_format=torch.channels_last)
        model = nn.ParameterList([start])
        optimizer = optimisers.build(model, options(name))
        for step in range(4):
            if resume and step == 2:
                tensors, values = optimisers.state(optimizer)
                kept = load(save(tensors))
                optimizer = optimisers.build(model, options(name))
                optimisers.restore(optimizer, kept, values)
            model[0].grad = torch.sin(model[0].detach() * step)
            optimizer.step()
        return model[0].detach()

    assert torch.equal(train(resume=True), train(resume=False))


def test_a_restored_state_is_a_copy() -> None:
    model = Model()
    optimizer = optimisers.build(model, options("adam"))
    learn(model, optimizer, range(2))
    tensors, values = optimisers.state(optimizer)
    before = {key: tensor.clone() for key, tensor in tensors.items()}
    other = Model()
    resumed = optimisers.build(other, options("adam"))
    optimisers.restore(resumed, tensors, values)
    learn(other, resumed, range(2))
    assert all(torch.equal(tensors[key], before[key]) for key in before)


def gradients(*values: list[float]) -> list[nn.Parameter]:
    weights = [nn.Parameter(torch.zeros(len(value))) for value in values]
    for weight, value in zip(weights, values, strict=True):
        weight.grad = torch.tensor(value)
    return [*weights, nn.Parameter(torch.zeros(1))]  # the last has none


@pytest.mark.parametrize("bound, factor", [(0, 1), (1, 1 / 13), (26, 1)])
def test_clip(bound: float, factor: float) -> None:
    weights = gradients([3.0, 4.0], [12.0])
    assert optimisers.clip(iter(weights), bound).item() == pytest.approx(13)
    left = [weight.grad.tolist() for weight in weights if weight.grad is not None]
    assert left == [pytest.approx([3 * factor, 4 * factor]), pytest.approx([12 * factor])]


def test_clip_is_torchs() -> None:
    one, two = gradients([0.3, -2.0], [1.0, 5.0, 0.1]), gradients([0.3, -2.0], [1.0, 5.0, 0.1])
    assert torch.equal(optimisers.clip(one, 0.7), nn.utils.clip_grad_norm_(two, 0.7))
    for left, right in zip(one[:2], two[:2], strict=True):
        assert left.grad is not None and right.grad is not None and torch.equal(left.grad, right.grad)
