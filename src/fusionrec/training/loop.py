"""The training loop."""

import math
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch

from fusionrec import runtime
from fusionrec.data.histories import Histories
from fusionrec.data.item_inputs import ItemInputs
from fusionrec.encoders.frozen import DTYPES
from fusionrec.errors import UserError
from fusionrec.models.trainable import TrainableModel
from fusionrec.models.trained_model import TrainedModel
from fusionrec.training import ema, optimisers, schedules
from fusionrec.training.batches import batches, steps
from fusionrec.training.distributed import ALONE, Group
from fusionrec.training.live_items import Encoders
from fusionrec.training.objective import Objective
from fusionrec.training.options import Train
from fusionrec.training.resume import Interrupted, State
from fusionrec.training.step import Step, to
from fusionrec.training.stopping import EarlyStopping

Tensors = dict[str, torch.Tensor]


class Epoch(NamedTuple):
    """The `metrics` of one epoch by name, such as train/loss, train/lr and val/ndcg@10."""

    number: int
    metrics: dict[str, float]


def fit(
    model: TrainableModel,
    content: ItemInputs,
    train: Histories,
    validate: Callable[[TrainedModel], dict[str, float]],
    options: Train,
    track: Callable[[Epoch], None],
    interrupted: Interrupted | None = None,
    group: Group = ALONE,
    every: float = 10,
    encoders: Encoders | None = None,
) -> Epoch:
    """Train `model` in place; in the end it has the weights of its best epoch.

    Args:
        model: on the device where training runs, with its initial weights.
        content: inputs of all items, on the same device.
        train: the train histories.
        validate: metrics of the model as it is now; one of them is `options.monitor`.
        options: see params.yaml.
        track: is called with each epoch, also with those before an interruption.
        interrupted: where the state of an interrupted training is kept.
        group: the processes that train together.
        every: seconds between two states that are kept.
        encoders: those that are not frozen; `content` holds their tables. They are trained in place too, and
            have the weights and tables of the best epoch in the end.

    Returns:
        The best epoch, with the validation of the completed model. Training ends after `patience` epochs without a
        better one.

    Raises:
        UserError: if the loss is no longer finite, or no validation gives a number.
    """
    run = Training(model, content, train, options, group, encoders)
    kept = interrupted.load() if interrupted else None
    if kept:
        run.restore(kept)
        for epoch in run.epochs:
            track(epoch)
    saved = time.monotonic()
    while len(run.epochs) < options.epochs and not run.stopping.stop:
        epoch = run.epoch(validate)
        track(epoch)
        if interrupted and group.first and time.monotonic() - saved >= every:
            interrupted.save(run.state())
            saved = time.monotonic()
    if not run.stopping.best_epoch:
        raise UserError(f"no epoch had a validation {options.monitor}: no user has a validation item")
    run.objective.restore(run.best)
    best = run.epochs[run.stopping.best_epoch - 1]

    def judge(trained: TrainedModel) -> float:
        value = group.of_first(validate(trained) if group.first else {})[options.monitor]
        return value if options.direction == "max" else -value

    if not model.complete(run.objective.content, train, judge):
        return best
    metrics = run.validated(validate)
    return best._replace(metrics=best.metrics | {f"val/{name}": value for name, value in metrics.items()})


class Training:
    """The state of a training, which changes from step to step."""

    def __init__(
        self,
        model: TrainableModel,
        content: ItemInputs,
        train: Histories,
        options: Train,
        group: Group,
        encoders: Encoders | None = None,
    ):
        self.model, self.train, self.options, self.group = model, train, options, group
        self.device = content.trained.device
        self.draws = np.random.default_rng(options.seed)
        self.generator = torch.Generator(self.device).manual_seed(options.seed)
        self.objective = Objective(model, content, train, options, encoders)
        self.optimizer = optimisers.build(model, options, self.objective.encoders.parameters())
        self.updates = math.ceil(steps(train, options) / options.accumulate)
        self.schedule = schedules.build(self.optimizer, options, self.updates)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=options.precision == "fp16")
        self.stopping = EarlyStopping(options.direction, options.patience)
        self.epochs: list[Epoch] = []
        self.best: Tensors = {}
        self.average = self._copy() if options.ema else {}
        if options.compile:
            runtime.compile(self.objective)
        self.losses: Callable[..., Tensors] = self.objective
        if group.size > 1:
            self.losses = torch.nn.parallel.DistributedDataParallel(
                self.objective, find_unused_parameters=True, broadcast_buffers=False
            )

    def epoch(self, validate: Callable[[TrainedModel], dict[str, float]]) -> Epoch:
        """Train for one epoch and validate."""
        number, rate = len(self.epochs) + 1, self.optimizer.param_groups[0]["lr"]
        seen = self._steps()
        if not math.isfinite(seen["loss"]):
            raise UserError(
                f"training diverged in epoch {number}: the loss is {seen['loss']}; lower train.lr"
            )
        trained = self._copy() if self.average else {}
        if self.average:
            self.objective.restore(self.average)
        else:
            self.objective.renew()
        validated = self.validated(validate)
        monitored = validated[self.options.monitor]
        if self.stopping.update(monitored):
            self.best = self._copy()
        self.schedule.epoch(monitored)
        metrics = {f"train/{name}": value for name, value in seen.items()} | {"train/lr": rate}
        metrics |= {f"val/{name}": value for name, value in validated.items()}
        metrics |= self.model.tracked(self.objective.content)
        if trained:
            self.objective.restore(trained)
        self.epochs.append(Epoch(number, metrics))
        return self.epochs[-1]

    def validated(self, validate: Callable[[TrainedModel], dict[str, float]]) -> dict[str, float]:
        """The metrics of the model as it is now; the first process measures them for all."""
        self.model.eval()
        found = validate(TrainedModel(self.model, self.objective.content)) if self.group.first else {}
        return self.group.of_first(found)

    def _steps(self) -> dict[str, float]:
        """The steps of one epoch; the mean of each loss, and of the gradient's norm."""
        self.model.train()
        self.model.start_epoch(self.generator)
        seen: list[Tensors] = []
        count, prepared = steps(self.train, self.options), self._prepared()
        # a thread draws the next steps meanwhile: one, since each draw depends on those before
        for number, drawn in enumerate(runtime.ahead(lambda _: next(prepared), range(count), 1), 1):
            step = to(drawn, self.device)
            with torch.autocast(
                self.device.type, DTYPES[self.options.precision], self.options.precision != "fp32"
            ):
                losses = self.losses(step, self.generator)
            self.scaler.scale(losses["loss"] / self._accumulated(number, count)).backward()
            seen.append({name: value.detach() for name, value in losses.items()})
            if number % self.options.accumulate == 0 or number == count:
                seen[-1]["gradient_norm"] = self._update()
        names = {name: None for step_losses in seen for name in step_losses}
        means = [torch.stack([s[name] for s in seen if name in s]).mean() for name in names]
        return dict(zip(names, self.group.mean(torch.stack(means)).tolist(), strict=True))

    def _prepared(self) -> Iterator[Step]:
        """This process's part of each step of one epoch, on the CPU."""
        length, dropout = self.model.history_length, self.model.history_dropout
        for batch in batches(self.train, self.options, length, dropout, self.draws):
            yield self.objective.prepare(batch, self.draws, self.group.rank, self.group.size)

    def _accumulated(self, number: int, count: int) -> int:
        """How many batches the update that batch `number` belongs to is made of."""
        length = self.options.accumulate
        first = (number - 1) // length * length
        return min(length, count - first)

    def _update(self) -> torch.Tensor:
        self.scaler.unscale_(self.optimizer)
        norm = optimisers.clip(self.objective.parameters(), self.options.clip)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.schedule.step()
        self.optimizer.zero_grad()
        if self.average:
            ema.follow(self.average, self.objective.state(), self.options.ema, self.schedule.taken)
        return norm

    def _copy(self) -> Tensors:
        return {name: tensor.clone() for name, tensor in self.objective.state().items()}

    def state(self) -> State:
        """Everything that the next epoch depends on."""
        accumulated, rates = optimisers.state(self.optimizer)
        parts = {"model": self.objective.state(), "best": self.best, "average": self.average}
        parts["optimizer"] = accumulated
        tensors = {f"{part}/{name}": x for part, named in parts.items() for name, x in named.items()}
        tensors["generator"] = self.generator.get_state()
        return State(
            tensors,
            {
                "draws": self.draws.bit_generator.state,
                "optimizer": rates,
                "schedule": self.schedule.state_dict(),
                "scaler": self.scaler.state_dict(),
                "stopping": self.stopping.state_dict(),
                "epochs": [epoch.metrics for epoch in self.epochs],
            },
        )

    def restore(self, state: State) -> None:
        """Continue from `state`, as if there had been no interruption."""

        def part(prefix: str) -> Tensors:
            named = state.tensors.items()
            return {
                name.removeprefix(f"{prefix}/"): x.to(self.device)
                for name, x in named
                if name.startswith(f"{prefix}/")
            }

        values = state.values
        self.objective.restore(part("model"))
        self.best, self.average = part("best"), part("average")
        optimisers.restore(self.optimizer, part("optimizer"), values["optimizer"])
        self.generator.set_state(state.tensors["generator"])
        self.draws.bit_generator.state = values["draws"]
        self.schedule.load_state_dict(values["schedule"])
        self.scaler.load_state_dict(values["scaler"])
        self.stopping.load_state_dict(values["stopping"])
        self.epochs = [Epoch(number, metrics) for number, metrics in enumerate(values["epochs"], 1)]
