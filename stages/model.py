"""model: splits and vectors of items -> trained weights, training curves.

Reads: data/splits, data/cache/vision, data/cache/language, data/raw/vectors/audio; where an encoder is trained too,
data/images and data/clean/items.parquet.
Writes: data/model: weights, all that scoring a new item needs, and the model card; metrics/train/metrics.json; the
curves plots/training_loss, plots/validation, plots/input_weights and plots/gradient_norm, as .csv and .png;
logs/training.html, no output, which shows the training while it runs; logs/costs/training.json, none either.
Parameters: model, train, runtime; raw, clean, images, splits, cache and encoders, which the model's folder records.
An interrupted training continues from ~/.cache/fusionrec/training, or $FUSIONREC_CACHE.
"""

import _start  # noqa: F401  (src on the path, pins set before numpy loads)

from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from fusionrec import code, costs, files, params, plots, progress, runtime
from fusionrec.data.clean_options import Clean
from fusionrec.data.image_options import Images
from fusionrec.encoders.options import Cache
from fusionrec.encoders.options import Encoders as Registry
from fusionrec.evaluation import validation_intervals
from fusionrec.evaluation.validation import validator
from fusionrec.models import size_limits, zoo
from fusionrec.models.closed_form import ClosedForm, TrainData
from fusionrec.models.options import Model
from fusionrec.models.trained_model import TrainedModel
from fusionrec.plots import Words
from fusionrec.runtime import Runtime
from fusionrec.training import distributed, fitting, loop, run, training_curves
from fusionrec.training.distributed import ALONE, Group
from fusionrec.training.fitting import Fitted
from fusionrec.training.live_items import Encoders
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


def watched(
    p: Parameters, left: Interrupted | None, total: int, fit: Callable[[Callable[[Epoch], None]], Fitted]
) -> Fitted:
    """Train by calling `fit`, at most `total` epochs, and show each epoch; return the model and its best epoch.

    Until the end, the tables and the page are only written so often that it takes little of the time.
    """
    from fusionrec.review import training_page  # late, with all that draws pages

    continues = left is not None and left.path.exists()
    if continues:
        print("this training was interrupted: it continues")
    print(f"{PAGE} shows it while it runs")
    with training_page.TrainingPage(PAGE, p.model.name, p.train) as page:

        def show(epochs: list[Epoch], seconds: float | None) -> None:
            write_tables(epochs)
            page.epochs(epochs, seconds)

        watch = progress.Sparing(show)
        with Tracker("metrics/train", "logs/system", p.train, total, p.tree, left, watch) as tracker:
            with costs.measured(costs.TRAINING) as cost:
                fitted = fit(tracker.epoch)
                cost |= {"seconds": None} if continues else {}  # this process did a part of it
            tracker.best(fitted.best)
        draw(tracker.epochs)
        page.epochs(tracker.epochs, None)
    return fitted


def main() -> str:
    runtime.parser(__doc__).parse_args()
    p = Parameters(
        runtime=params.load(Runtime),
        cache=params.load(Cache),
        encoders=params.load(Registry),
        model=params.load(Model),
        train=params.load(Train),
        clean=params.load(Clean),
        images=params.load(Images),
        tree=params.read(),
    )
    size_limits.check_selected(
        p.tree, *(files.row_count(f"data/splits/{name}.parquet") for name in ("items", "users"))
    )
    kind = zoo.load(p.model.name)
    if issubclass(kind, ClosedForm):
        compute(p, kind, runtime.device(p.runtime))
        return OUT
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


def validation(p: Parameters, data: run.Data) -> Callable[[TrainedModel], dict[str, float]]:
    """What is measured after each epoch."""
    items, options = len(data.item_ids), p.train
    return validator(data.known, data.val, data.train, items, options.monitor, options.validation_users)


def train(p: Parameters, device: torch.device, group: Group) -> None:
    """Train in this process, one of `group`, step by step; the first one writes the results."""
    data = run.read(p)
    encoders = run.unfrozen(p, data, device)
    data = data.with_content(encoders.insert(data.model.content))
    model = run.build(p, data, device)
    code_files = code.Code(parameters=p.tree).files([Path(__file__)])
    left = run.interrupted(p, data, model, code.digest_of(code_files))
    validate = validation(p, data)
    content = data.model.content.to(device)

    def fit(track: Callable[[Epoch], None]) -> Fitted:
        best = loop.fit(model, content, data.train, validate, p.train, track, left, group, encoders=encoders)
        return Fitted(model, best)

    if not group.first:
        fit(lambda epoch: None)
        return
    print(run.summary(data, device))
    fitted = watched(p, left, p.train.epochs, fit)
    write(p, data.with_content(encoders.insert(data.model.content)), fitted, encoders, code_files, device)
    left.clear()


def compute(p: Parameters, kind: type[ClosedForm], device: torch.device) -> None:
    """Compute a model in closed form; each combination of its hyper-parameters counts as an epoch."""
    fitting.check(p)
    data, options = run.read(p), p.model.own(p.model.name)
    code_files = code.Code(parameters=p.tree).files([Path(__file__)])
    validate = validation(p, data)
    train = TrainData(data.log, data.train, p.train.seed)
    fit = partial(fitting.fit, kind, options, data.model, train, validate, p.train.monitor, p.train.direction)
    print(run.summary(data, device))
    fitted = watched(p, None, fitting.combinations(options), fit)
    write(p, data, fitted, Encoders(), code_files, device)


def write(
    p: Parameters,
    data: run.Data,
    fitted: Fitted,
    encoders: Encoders,
    code_files: dict[str, str],
    device: torch.device,
) -> None:
    """Measure the model on validation once more, with intervals, and write its folder."""
    cut_off = int(p.train.monitor.partition("@")[2] or 10)
    recommender = TrainedModel(fitted.model.to(device), data.model.content.to(device))
    items, sample = len(data.item_ids), p.train.validation_users
    measured = validation_intervals.measure(recommender, data.known, data.val, items, cut_off, sample)
    run.save(OUT, p, data, fitted.model, encoders, fitted.best, measured, code_files)
    value = fitted.best.metrics[f"val/{p.train.monitor}"]
    print(
        f"{fitted.model.weight_count:,} weights; best epoch {fitted.best.number}: "
        f"validation {p.train.monitor} {value:.4f}"
    )


if __name__ == "__main__":
    runtime.stage(main)
