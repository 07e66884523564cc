"""The course of a training as tables."""

import doctest
from pathlib import Path

from fusionrec import plots
from fusionrec.training import training_curves
from fusionrec.training.loop import Epoch


def test_examples() -> None:
    found = doctest.testmod(training_curves)
    assert found.attempted and not found.failed


def test_every_series_has_its_epochs_and_is_drawn(tmp_path: Path) -> None:
    epochs = [
        Epoch(n, {"train/loss": 3 / n, "train/bpr": 1 / n, "train/align": 2 / n, "train/gradient_norm": 1.0,
                  "val/ndcg@10": n / 10, "weight/id": 0.4, "weight/vision": 0.6})
        for n in (1, 2, 3)
    ]  # fmt: skip
    found = training_curves.tables(epochs)
    loss = found["training_loss"]
    assert loss["series"].tolist() == ["loss"] * 3 + ["bpr"] * 3 + ["align"] * 3
    assert loss["epoch"].tolist() == [1, 2, 3] * 3 and loss["loss"].tolist()[:6] == [3, 1.5, 1, 1, 0.5, 1 / 3]
    alone = [Epoch(1, {"train/bpr": 2.0, "train/loss": 2.0})]
    assert training_curves.tables(alone)["training_loss"].to_numpy().tolist() == [[1, "loss", 2.0]]
    weights = found["input_weights"].groupby("epoch")["share"].sum()
    assert weights.round(12).eq(1).all()
    for name, table in [*training_curves.tables([]).items(), *found.items()]:
        plots.lines(table, plots.Words(name, "epoch", "value"), tmp_path / f"{name}.png")
