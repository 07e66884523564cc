"""model: splits and both feature caches -> trained weights, training curves.

Reads: data/splits, data/cache/vision, data/cache/language; where an encoder is trained too, data/images and
data/clean/items.parquet.
Writes: data/model: weights, all that scoring a new item needs, and the model card; metrics/train/metrics.json; the
curves plots/training_loss, plots/validation, plots/input_weights and plots/gradient_norm, as .csv and .png;
logs/training.html, no output, which shows the training while it runs.
Parameters: model, train, runtime; raw, clean, images, splits, cache and encoders, which the model's folder records.
An interrupted training continues from ~/.cache/fusionrec/training, or $FUSIONREC_CACHE.
"""

import _start  # noqa: F401  (src on the path, pins set before numpy loads)

from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from fusionrec import code, params, plots, progress, runtime
from fusionrec.data.clean_options import Clean
from fusionrec.data.image_options import Images
from fusionrec.encoders.options import Cache, Encoders
from fusionrec.evaluation import validation_intervals
from fusionrec.evaluation.validation import validator
from fusionrec.models.options import Model
from fusionrec.models.trained_model import TrainedModel
from fusionrec.plots import Words
from fusionrec.runtime import Runtime
from fusionrec.training import distributed, loop, run, training_curves
from fusionrec.training.distributed import ALONE, Group
from fusionrec.training.loop import Epoch
from fusionrec.training.options import Train
from fusionrec.training.parameters import Parameters
from fusionrec.training.resume import Interrupted
from fusionrec.training.tracking import Tracker

OUT = "data/model"
PAGE = "logs/training.html"
TITLES = {
    "training_loss": "Loss and its terms on train",
    "validation": "Metrics on validation",
    "input_weights": "Weight of each input in the fusion",
    "gradient_norm": "Norm of the gradient",
}


def write_tables(epochs: list[Epoch]) -> None:
    """The curves of the epochs until now, as `dvc plots show` reads them."""
    for name, table in training_curves.tables(epochs).items():
        plots.write_table(table, f"plots/{name}.csv")


def draw(epochs: list[Epoch]) -> None:
    """The curves as PNG, and the tables behind them."""
    write_tables(epochs)
    for name, table in training_curves.tables(epochs).items():
        plots.lines(table, Words(TITLES[name], "epoch", str(table.columns[2])), f"plots/{name}.png")


def watched(p: Parameters, left: Interrupted, fit: Callable[[Callable[[Epoch], None]], Epoch]) -> Epoch:
    """Train by calling `fit`, and show each epoch; return the best one.

    Until the end, the tables and the page are only written so often that it takes little of the time.
    """
    from fusionrec.review import training_page  # late, with all that draws pages

    if left.path.exists():
        print("this training was interrupted: it continues")
    print(f"{PAGE} shows it while it runs")
    with training_page.TrainingPage(PAGE, p.model.name, p.train) as page:

        def show(epochs: list[Epoch], seconds: float | None) -> None:
            write_tables(epochs)
            page.epochs(epochs, seconds)

        watch = progress.Sparing(show)
        with Tracker("metrics/train", "logs/system", p.train, p.tree, left, watch) as tracker:
            best = fit(tracker.epoch)
            tracker.best(best)
        draw(tracker.epochs)
        page.epochs(tracker.epochs, None)
    return best


def main() -> str:
    runtime.parser(__doc__).parse_args()
    p = Parameters(
        runtime=params.load(Runtime),
        cache=params.load(Cache),
        encoders=params.load(Encoders),
        model=params.load(Model),
        train=params.load(Train),
        clean=params.load(Clean),
        images=params.load(Images),
        tree=params.read(),
    )
    if p.runtime.nproc > 1 and not distributed.started():
        distributed.launch(__file__, p.runtime.nproc)
        return OUT
    device = runtime.device(p.runtime)
    runtime.check_precision("train", p.train, device, p.runtime.reproducible)
    group = ALONE
    if distributed.started():
        group, device = distributed.join(device)
    train(p, device, group)
    distributed.leave()
    return OUT


def train(p: Parameters, device: torch.device, group: Group) -> None:
    """Train in this process, one of `group`; the first one writes the results."""
    data = run.read(p)
    encoders = run.unfrozen(p, data, device)
    data = data.with_content(encoders.insert(data.model.content))
    model = run.build(p, data, device)
    code_files = code.Code(parameters=p.tree).files([Path(__file__)])
    left = run.interrupted(p, data, model, code.digest_of(code_files))
    validate = validator(data.known, data.val, data.train, len(data.item_ids), p.train.monitor)
    fit = partial(
        loop.fit, model, data.model.content.to(device), data.train, validate, p.train, interrupted=left, group=group,
        encoders=encoders,
    )  # fmt: skip
    if not group.first:
        fit(lambda epoch: None)
        return
    print(run.summary(data, model, device))
    best = watched(p, left, fit)
    data = data.with_content(encoders.insert(data.model.content))
    cut_off = int(p.train.monitor.partition("@")[2] or 10)
    recommender = TrainedModel(model, data.model.content.to(device))
    measured = validation_intervals.measure(recommender, data.known, data.val, len(data.item_ids), cut_off)
    run.save(OUT, p, data, model, encoders, best, measured, code_files)
    left.clear()
    value = best.metrics[f"val/{p.train.monitor}"]
    print(f"best epoch {best.number}: validation {p.train.monitor} {value:.4f}")


if __name__ == "__main__":
    runtime.stage(main)
