"""model: splits and both feature caches -> trained weights, training curves.

Reads: data/splits, data/cache/vision, data/cache/language; where an encoder is trained too, data/images and
data/clean/items.parquet.
Writes: data/model: weights, all that scoring a new item needs, and the model card; metrics/train/metrics.json; the
curves plots/training_loss, plots/validation, plots/input_weights and plots/gradient_norm, as .csv and .png.
Parameters: model, train, runtime; raw, clean, images, splits, cache and encoders, which the model's folder records.
An interrupted training continues from ~/.cache/fusionrec/training, or $FUSIONREC_CACHE.
"""

import _start  # noqa: F401  (src on the path, pins set before numpy loads)

from functools import partial
from pathlib import Path

import pandas as pd

from fusionrec import code, params, plots, runtime
from fusionrec.data.clean_options import Clean
from fusionrec.data.image_options import Images
from fusionrec.encoders.options import Cache, Encoders
from fusionrec.evaluation import validation_intervals
from fusionrec.evaluation.validation import validator
from fusionrec.models.options import Model
from fusionrec.models.trained_model import TrainedModel
from fusionrec.runtime import Runtime
from fusionrec.training import distributed, loop, run, training_curves
from fusionrec.training.distributed import ALONE
from fusionrec.training.options import Train
from fusionrec.training.parameters import Parameters
from fusionrec.training.tracking import Tracker

OUT = "data/model"


def draw(curves: dict[str, pd.DataFrame]) -> None:
    """Each as PNG and as the table behind it."""
    for name, table in curves.items():
        plots.write_table(table, f"plots/{name}.csv")
        plots.lines(table, ("epoch", str(table.columns[2])), f"plots/{name}.png")


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
    if group.first:
        print(run.summary(data, model, device))
        if left.path.exists():
            print("this training was interrupted: it continues")
        with Tracker("metrics/train", "logs/system", p.train, p.tree) as tracker:
            best = fit(tracker.epoch)
            tracker.best(best)
        draw(training_curves.tables(tracker.epochs))
        data = data.with_content(encoders.insert(data.model.content))
        cut_off = int(p.train.monitor.partition("@")[2] or 10)
        recommender = TrainedModel(model, data.model.content.to(device))
        measured = validation_intervals.measure(
            recommender, data.known, data.val, len(data.item_ids), cut_off
        )
        run.save(OUT, p, data, model, encoders, best, measured, code_files)
        left.clear()
        value = best.metrics[f"val/{p.train.monitor}"]
        print(f"best epoch {best.number}: validation {p.train.monitor} {value:.4f}")
    else:
        fit(lambda epoch: None)
    distributed.leave()
    return OUT


if __name__ == "__main__":
    runtime.stage(main)
