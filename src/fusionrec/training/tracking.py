"""Shows a training: progress, DVCLive, Weights & Biases, a log of the machine's load."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from dvclive import Live, monitor_system

from fusionrec import files, progress
from fusionrec.errors import UserError
from fusionrec.training.loop import Epoch
from fusionrec.training.options import Train
from fusionrec.training.resume import Interrupted

PACE = 10  # epochs whose mean time tells how long the next will take
Watch = Callable[[list[Epoch], float | None], None]


class Tracker:
    """Shows each epoch; to be used in a `with` statement.

    Args:
        curves: folder of DVCLive's files; their contents do not depend on time or machine. At the end metrics.json
            has the best epoch alone.
        system: folder of the log of processors, memory and GPUs, which does depend on them.
        options: of training.
        total: epochs at most.
        parameters: all of params.yaml, recorded in Weights & Biases.
        interrupted: the state from which the training continues. None: it cannot be interrupted.
        watch: is called after each epoch with all epochs until then, and the seconds that the remaining ones would
            take; None if that is not known. It is not called for the epochs before an interruption.
    """

    def __init__(
        self,
        curves: Path | str,
        system: Path | str,
        options: Train,
        total: int,
        parameters: dict[str, Any],
        interrupted: Interrupted | None,
        watch: Watch,
    ):
        self.options, self.total, self.parameters = options, total, parameters
        self.interrupted, self.watch = interrupted, watch
        self.epochs: list[Epoch] = []
        self.ends: list[float] = []  # of the epochs since the start of this process
        self.kept: dict[str, Any] = {}  # of the best epoch
        self.places = Path(curves), Path(system)
        self.stack = ExitStack()

    def __enter__(self) -> "Tracker":
        quiet: Any = {"dvcyaml": None, "save_dvc_exp": False, "report": None}
        enter = self.stack.enter_context
        self.live = enter(Live(dir=str(self.places[0]), **quiet))
        monitor_system.GPU_AVAILABLE = (
            torch.cuda.is_available()
        )  # without a driver it would print a traceback
        enter(Live(dir=str(self.places[1]), monitor_system=True, **quiet))
        self.mirror = _weights_and_biases(self.options.wandb, self.parameters, self.stack)
        self.bar = enter(progress.bar("train", "epoch", self.total))
        return self

    def __exit__(self, *error: Any) -> None:
        self.stack.__exit__(*error)
        if self.kept:
            files.write_json(self.places[0] / "metrics.json", {"best": self.kept})

    def epoch(self, epoch: Epoch) -> None:
        """Show one epoch, and keep it in `epochs`."""
        self.epochs.append(epoch)
        for name, value in epoch.metrics.items():
            self.live.log_metric(name, value)
        self.live.next_step()
        if self.mirror:
            self.mirror.log(epoch.metrics, step=epoch.number)
        names = ("train/loss", f"val/{self.options.monitor}")
        shown = {name: f"{epoch.metrics[name]:.4f}" for name in names if name in epoch.metrics}
        self.bar.set_postfix(shown)
        earlier = self.interrupted is not None and epoch.number <= self.interrupted.epochs
        self.bar.initial += earlier
        self.bar.update()
        self.ends = [*([] if earlier else self.ends[-PACE:]), time.monotonic()]
        if not earlier:
            self.watch(self.epochs, self._left())

    def _left(self) -> float | None:
        """The seconds that the remaining epochs would take."""
        if len(self.ends) < 2:
            return None
        pace = (self.ends[-1] - self.ends[0]) / (len(self.ends) - 1)
        return pace * (self.total - len(self.epochs))

    def best(self, epoch: Epoch) -> None:
        """Record which epoch is kept, and its validation metrics."""
        validation = {name: value for name, value in epoch.metrics.items() if name.startswith("val/")}
        values = {name.removeprefix("val/"): value for name, value in validation.items()}
        self.kept = {"epoch": epoch.number, "val": values}
        if self.mirror:
            for name, value in {"epoch": epoch.number, **validation}.items():
                self.mirror.summary[f"best/{name}"] = value


def _weights_and_biases(project: str | None, parameters: dict[str, Any], stack: ExitStack) -> Any:
    """A run of `project`; None without a project. $WANDB_MODE=offline keeps it on this machine."""
    if project is None:
        return None
    try:
        import wandb
    except ImportError:
        raise UserError(
            "train.wandb: wandb is not installed; run `pip install wandb`, or set it to null"
        ) from None
    return stack.enter_context(wandb.init(project=project, config=parameters, dir="logs", save_code=False))
