"""Two processes on CPUs train as one does, at the same batch."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from fusionrec.models.fusion.options import FusionOptions
from fusionrec.training.distributed import ALONE

from .. import warm
from .conftest import MODEL, TRAIN, losses, updated

ROOT = Path(__file__).resolve().parents[2]
# What torchrun starts: the training of the other tests, its epochs written by the first process.
WORKER = """
import json, sys
import torch
sys.path[:0] = [{root!r}, {root!r} + "/src"]
torch.set_num_threads(1)
from fusionrec.models.fusion.options import FusionOptions
from fusionrec.training import distributed, loop
from fusionrec.training.options import Train
from tests.training.conftest import build, cycle, world
model, train, out = FusionOptions(**{model!r}), Train(**{train!r}), sys.argv[1]
group = distributed.ALONE
if distributed.started():
    group, _ = distributed.join(torch.device("cpu"))
epochs = []
validate = lambda trained: {{"ndcg@10": float(trained.towers.candidates.sum())}}
loop.fit(build(world(), model), world(), cycle(), validate, train, epochs.append, group=group)
if group.first:
    open(out, "w").write(json.dumps([epoch.metrics for epoch in epochs]))
distributed.leave()
"""


def curve(
    folder: Path, processes: int, model: FusionOptions, changes: dict[str, Any]
) -> list[dict[str, float]]:
    train = updated(TRAIN, **{"epochs": 4, "targets": 3} | changes)
    script, out = folder / "worker.py", folder / f"{processes}.json"
    options = {"root": str(ROOT), "model": model.model_dump(), "train": train.model_dump()}
    script.write_text(WORKER.format(**options), encoding="utf-8")
    launch = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    start = launch if processes > 1 else []
    subprocess.run([warm.python(), *start, str(script), str(out)], check=True, timeout=300)
    found: list[dict[str, float]] = json.loads(out.read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize(
    ("weights", "changes"),
    [
        (MODEL.losses, {}),
        (losses(sampled_softmax=1, bpr=1, bce=1, contrastive=0.1), {"masked": 0.5, "accumulate": 2}),
    ],
    ids=["softmax", "sampled"],
)
def test_the_curve_is_that_of_one_process(
    tmp_path: Path, weights: dict[str, float], changes: dict[str, Any]
) -> None:
    model = updated(MODEL, losses=weights)
    one, two = (curve(tmp_path, processes, model, changes) for processes in (1, 2))
    assert len(one) == len(two) == 4
    for alone, together in zip(one, two, strict=True):
        assert alone.keys() == together.keys()
        for name, value in alone.items():
            assert together[name] == pytest.approx(value, rel=1e-5, abs=1e-5), name


def test_a_process_alone_needs_no_group() -> None:
    assert ALONE.first
    assert ALONE.of_first({"a": 1.0}) == {"a": 1.0}
