"""model: splits and both feature caches -> trained weights, training curves.

Reads: data/splits, data/cache/vision, data/cache/language; where an encoder is trained too, data/images and
data/clean/items.parquet.
Writes: data/model: weights, and all that scoring a new item needs; metrics/train/metrics.json; the curves
plots/training_loss, plots/validation, plots/input_weights and plots/gradient_norm, as .csv and .png.
Parameters: model, train, runtime; clean, images, cache and encoders, which the model keeps for new items.
An interrupted training goes on from ~/.cache/fusionrec/training, or $FUSIONREC_CACHE.
"""

import _start  # noqa: F401  (src on the path, pins set before numpy loads)

from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch

from fusionrec import files, params, runtime
from fusionrec.data import content, features
from fusionrec.data.content import Content, Fitted
from fusionrec.data.histories import LOG, Histories
from fusionrec.encoders import inputs
from fusionrec.errors import UserError
from fusionrec.evaluation import plots
from fusionrec.evaluation.validation import validator
from fusionrec.models import checkpoint
from fusionrec.models.preparation import Preparation
from fusionrec.models.preparation import save as save_preparation
from fusionrec.models.two_towers import FusionModel, Shape
from fusionrec.training import course, distributed, finetune, loop, scratch
from fusionrec.training.distributed import ALONE
from fusionrec.training.finetune import Encoders
from fusionrec.training.tracking import Tracker


OUT = "data/model"


class Data(NamedTuple):
    """What training reads: histories, what is known and asked for at validation, inputs of the items."""

    train: Histories
    known: Histories
    val: Histories
    content: Content
    fitted: Fitted
    shape: Shape
    item_ids: list[str]
    user_ids: list[str]


def read(p: params.Params) -> Data:
    items = files.read_table("data/splits/items.parquet")
    item_ids = items["item_id"].tolist()
    user_ids = files.read_table("data/splits/users.parquet")["user_id"].tolist()
    train, val, fold_in = (
        files.read_table(f"data/splits/{part}.parquet", LOG) for part in ("train", "val", "fold_in")
    )
    vision = features.load(f"data/cache/vision/{p.model.vision}", item_ids)
    language = features.load(f"data/cache/language/{p.model.language}", item_ids)
    trained = np.bincount(train["item"], minlength=len(items)) > 0
    scalers = files.read_json("data/splits/features.json")
    fitted = content.fit(items, scalers, vision, language, trained, p.model)
    contents = content.assemble(items, vision, language, trained, fitted)
    histories, known, asked = (
        Histories.of(table, len(user_ids)) for table in (train, pd.concat([train, fold_in]), val)
    )
    shape = Shape(len(user_ids), fitted.category_values)
    return Data(histories, known, asked, contents, fitted, shape, item_ids, user_ids)


def pictures() -> inputs.Inputs:
    return inputs.pictures(files.read_table("data/images/manifest.parquet"), "data/images")


def texts() -> inputs.Inputs:
    return inputs.texts(files.read_table("data/clean/items.parquet", ["text"])["text"])


def unfrozen(p: params.Params, data: Data, device: torch.device) -> Encoders:
    """The encoders that are trained with the model, with the inputs of all items."""
    found, trained = Encoders(), data.content.trained.numpy()
    for modality, read_inputs in (("vision", pictures), ("language", texts)):
        if getattr(p.model, f"freeze_{modality}"):
            continue
        encoder = finetune.load(p, modality, read_inputs(), trained, device)
        if encoder is not None:
            found[modality] = encoder
    return found


def build(p: params.Params, data: Data, device: torch.device) -> FusionModel:
    """A model with initial weights, or with those of `train.resume_from`."""
    known_users = torch.from_numpy(data.train.counts > 0)
    model = FusionModel(p.model, data.content, data.shape, known_users)
    model.reset(torch.Generator().manual_seed(p.train.seed), p.train.temperature)
    if p.train.resume_from is not None:
        trained = checkpoint.load(p.train.resume_from, torch.device("cpu"), data.item_ids)
        try:
            model.load_state_dict(trained.model.state_dict())
        except RuntimeError as error:
            raise UserError(
                f"train.resume_from: {p.train.resume_from} does not fit the parameters and data: {error}"
            ) from None
    return model.to(device)


def interrupted(p: params.Params, data: Data, model: FusionModel) -> scratch.Scratch:
    """Where this very training was left, if it was interrupted."""
    root = Path(__file__).resolve().parents[1]
    key = scratch.key(
        {
            "model": p.model.model_dump(),
            "train": p.train.model_dump(),
            "cache": p.cache.model_dump(),
            "encoders": p.encoders.model_dump(),
            "runtime": p.runtime.model_dump(include={"reproducible", "device", "nproc"}),
        },
        [Path(__file__), *(root / "src").rglob("*.py")],
        [
            *data.content,
            *model.state_dict().values(),
            *(torch.from_numpy(x) for part in data[:3] for x in (part.offsets, part.items)),
        ],
    )
    return scratch.Scratch(files.cache_home() / "training" / f"{key}.safetensors")


def prepared(p: params.Params, data: Data, encoders: Encoders) -> Preparation:
    """All that new items need."""
    entries: dict[str, Any] = {
        modality: {name: getattr(p.encoders, modality)[name]}
        for modality, name in (("vision", p.model.vision), ("language", p.model.language))
    }
    options = params.Preparation(
        clean=p.clean,
        images=p.images,
        cache=p.cache,
        encoders=p.encoders.model_copy(update=entries),
        reproducible=p.runtime.reproducible,
    )
    learned: dict[str, Any] = encoders.reductions()
    return Preparation(options, data.fitted._replace(**learned))


def save(
    data: Data, model: FusionModel, encoders: Encoders, preparation: Preparation, best: loop.Epoch
) -> None:
    found = {"epoch": best.number, **best.metrics}
    with files.replacing_folder(OUT) as folder:
        checkpoint.save(folder, model, data.content, data.shape, data.item_ids, data.user_ids, found)
        save_preparation(folder, preparation)
        encoders.save(folder)


def announce(data: Data, model: FusionModel, left: scratch.Scratch) -> None:
    """What begins."""
    weights = sum(weight.numel() for weight in model.parameters())
    print(
        f"{len(data.user_ids):,} users, {len(data.item_ids):,} items, {len(data.train.items):,} choices; "
        f"{weights:,} weights, on {next(model.parameters()).device}"
    )
    if left.path.exists():
        print("this training was interrupted, and goes on")


def draw(curves: dict[str, pd.DataFrame]) -> None:
    """Each as PNG and as the table behind it."""
    for name, table in curves.items():
        files.write_text(f"plots/{name}.csv", table.to_csv(index=False, lineterminator="\n"))
        plots.lines(table, ("epoch", str(table.columns[2])), f"plots/{name}.png")


def main() -> str:
    runtime.parser(__doc__).parse_args()
    p = params.load()
    if p.runtime.nproc > 1 and not distributed.started():
        distributed.launch(__file__, p.runtime.nproc)
        return OUT
    device = runtime.device(p.runtime)
    runtime.check_precision("train", p.train, device, p.runtime.reproducible)
    group = ALONE
    if distributed.started():
        group, device = distributed.join(device)
    data = read(p)
    encoders = unfrozen(p, data, device)
    data = data._replace(content=encoders.insert(data.content))
    model = build(p, data, device)
    left = interrupted(p, data, model)
    validate = validator(data.known, data.val, data.train, len(data.item_ids), p.train.monitor)
    fit = partial(
        loop.fit, model, data.content.to(device), data.train, validate, p.train, scratch=left, group=group,
        encoders=encoders,
    )  # fmt: skip
    if group.first:
        announce(data, model, left)
        with Tracker("metrics/train", "logs/system", p) as tracker:
            best = fit(tracker.epoch)
            tracker.best(best)
        draw(course.tables(tracker.epochs))
        data = data._replace(content=encoders.insert(data.content))
        save(data, model, encoders, prepared(p, data, encoders), best)
        left.clear()
        value = best.metrics[f"val/{p.train.monitor}"]
        print(f"best epoch {best.number}: validation {p.train.monitor} {value:.4f}")
    else:
        fit(lambda epoch: None)
    distributed.leave()
    return OUT


if __name__ == "__main__":
    runtime.stage(main)
