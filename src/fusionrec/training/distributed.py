"""Processes that train together, as torchrun starts them: one a GPU, or several on CPUs."""

import os
import subprocess
import sys
from typing import NamedTuple

import torch
import torch.distributed as dist

from fusionrec.errors import UserError


class Group(NamedTuple):
    """This process's `rank` among `size`."""

    rank: int
    size: int

    @property
    def first(self) -> bool:
        """Whether this is the process that validates, tracks and writes."""
        return self.rank == 0

    def mean(self, values: torch.Tensor) -> torch.Tensor:
        """The mean over the processes, in each of them."""
        if self.size > 1:
            dist.all_reduce(values)
            values = values / self.size
        return values

    def of_first(self, value: dict[str, float]) -> dict[str, float]:
        """The value of the first process, in each of them."""
        if self.size == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box, src=0)
        return box[0]


ALONE = Group(0, 1)


def started() -> bool:
    """Whether torchrun started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def launch(script: str, processes: int) -> None:
    """Run `script` under torchrun on this machine and wait.

    Raises:
        UserError: if a process fails; its own message was printed before.
    """
    run = ["torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    if subprocess.run([sys.executable, "-m", *run, script], check=False).returncode:
        raise UserError(f"one of {processes} training processes failed; its message is above")


def join(device: torch.device) -> tuple[Group, torch.device]:
    """Join the other processes; on GPUs each uses a GPU of its own.

    Raises:
        UserError: if there are fewer GPUs than processes.
    """
    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    if device.type == "cuda":
        if torch.cuda.device_count() < size:
            gpus = torch.cuda.device_count()
            raise UserError(f"runtime.nproc is {size}, but there are {gpus} GPUs; lower runtime.nproc")
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return Group(rank, size), device


def leave() -> None:
    """Leave the group of processes, if there is one."""
    if dist.is_initialized():
        dist.destroy_process_group()
