"""Training curves as tables, one for each plot."""

import pandas as pd

from fusionrec.training.loop import Epoch

LOSS, VALIDATION, WEIGHT = "train/", "val/", "weight/"
APART = ("lr", "gradient_norm")  # of `train/`, which are no losses


def tables(epochs: list[Epoch]) -> dict[str, pd.DataFrame]:
    """Tables with the columns epoch, series and value: losses and their terms, validation, input weights, gradients.

    >>> epoch = Epoch(1, {"train/loss": 2.0, "train/lr": 0.1, "train/gradient_norm": 3.0, "val/ndcg@10": 0.5})
    >>> for name, table in tables([epoch]).items():
    ...     print(name, list(table), table.to_numpy().tolist())
    training_loss ['epoch', 'series', 'loss'] [[1, 'loss', 2.0]]
    validation ['epoch', 'series', 'value'] [[1, 'ndcg@10', 0.5]]
    input_weights ['epoch', 'series', 'share'] []
    gradient_norm ['epoch', 'series', 'norm'] [[1, 'gradient_norm', 3.0]]
    """
    names = list(dict.fromkeys(name for epoch in epochs for name in epoch.metrics))
    apart = [f"{LOSS}{name}" for name in APART]
    losses = [name for name in names if name.startswith(LOSS) and name not in apart]
    if len(losses) == 2:  # a loss of one term is that term
        losses = [f"{LOSS}loss"]
    return {
        "training_loss": _table(epochs, losses, "loss"),
        "validation": _table(epochs, [n for n in names if n.startswith(VALIDATION)], "value"),
        "input_weights": _table(epochs, [n for n in names if n.startswith(WEIGHT)], "share"),
        "gradient_norm": _table(epochs, [f"{LOSS}gradient_norm"], "norm"),
    }


def _table(epochs: list[Epoch], names: list[str], value: str) -> pd.DataFrame:
    rows = [
        (epoch.number, name.partition("/")[2], epoch.metrics[name])
        for name in names
        for epoch in epochs
        if name in epoch.metrics
    ]
    return pd.DataFrame(rows, columns=["epoch", "series", value])
