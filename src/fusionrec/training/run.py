"""One training run: it reads the data, builds the initial model, and writes the model's folder."""

from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import pandas as pd
import torch

from fusionrec import code, files
from fusionrec.data import encoder_vectors, item_inputs
from fusionrec.data.encoder_vectors import EncoderVectors
from fusionrec.data.histories import LOG, Histories
from fusionrec.data.item_inputs import Fitted, ItemInputs
from fusionrec.data.modalities import ENCODED, MODALITIES
from fusionrec.encoders import given, inputs
from fusionrec.errors import UserError
from fusionrec.models import card, checkpoint, ensemble, preparation, zoo
from fusionrec.models.contract import Model, ModelData
from fusionrec.models.preparation import Preparation, PreparationOptions
from fusionrec.models.trainable import TrainableModel
from fusionrec.paths import cache_home
from fusionrec.training import objective, resume
from fusionrec.training.live_items import Encoders
from fusionrec.training.loop import Epoch
from fusionrec.training.parameters import Parameters

SPLITS, GIVEN = "data/splits", "data/raw/vectors"


class Data(NamedTuple):
    """What training reads.

    Attributes:
        train: histories of train interactions.
        known: train and fold-in interactions, the users' histories at validation.
        val: validation interactions, which are to be predicted.
        model: the data that the model is built from.
        fitted: the preprocessing of the inputs of items.
        item_ids: ids of the rows of items.
        user_ids: ids of the rows of users.
        log: the train interactions, with their times.
    """

    train: Histories
    known: Histories
    val: Histories
    model: ModelData
    fitted: Fitted
    item_ids: list[str]
    user_ids: list[str]
    log: pd.DataFrame

    def with_content(self, content: ItemInputs) -> "Data":
        """The same with other inputs of the items."""
        return self._replace(model=self.model._replace(content=content))


def vectors_folder(p: Parameters, modality: str) -> str:
    """The folder with the vectors of a modality: those of the selected encoder, or those that came with the data."""
    if modality in ENCODED:
        return f"data/cache/{modality}/{getattr(p.model, modality)}"
    return f"{GIVEN}/{modality}"


def read_vectors(p: Parameters, item_ids: list[str]) -> dict[str, EncoderVectors]:
    """The vectors of the catalogue by modality; of a modality without encoders only if it is switched on.

    Raises:
        UserError: if a file is missing, or no item has a vector.
    """
    vectors = {name: encoder_vectors.load(vectors_folder(p, name), item_ids) for name in ENCODED}
    for name in MODALITIES:
        if name not in ENCODED and getattr(p.model, name) == given.NAME:
            vectors[name] = given.read(vectors_folder(p, name), name, item_ids)
    return vectors


def read(p: Parameters) -> Data:
    """Read the split and the vectors of all modalities, and fit the preprocessing on train items."""
    items = files.read_table(f"{SPLITS}/items.parquet")
    item_ids = items["item_id"].tolist()
    user_ids = files.read_table(f"{SPLITS}/users.parquet")["user_id"].tolist()
    train, val, fold_in = (
        files.read_table(f"{SPLITS}/{part}.parquet", LOG) for part in ("train", "val", "fold_in")
    )
    vectors = read_vectors(p, item_ids)
    in_train = np.bincount(train["item"], minlength=len(items)) > 0
    scalers = files.read_json(f"{SPLITS}/features.json")
    needs = zoo.load(p.model.name).needs
    own = p.model.own(p.model.name)
    with_tokens = zoo.load(p.model.name).reads_tokens(own)
    fitted = item_inputs.fit(items, scalers, vectors, in_train, p.model.pca, p.model.number_bins, with_tokens)
    content = item_inputs.assemble(items, vectors, in_train, fitted)
    histories, known, asked = (
        Histories.of(table, len(user_ids)) for table in (train, pd.concat([train, fold_in]), val)
    )
    model = ModelData(
        content,
        len(user_ids),
        fitted.category_values,
        torch.from_numpy(histories.counts > 0),
        histories if "graph" in needs else None,
    )
    return Data(histories, known, asked, model, fitted, item_ids, user_ids, train)


def unfrozen(p: Parameters, data: Data, device: torch.device) -> Encoders:
    """The encoders that are trained with the model, with the inputs of all items.

    Raises:
        UserError: see `fusionrec.training.finetune.load`.
    """
    encoders, in_train = Encoders(), data.model.content.trained.numpy()
    for modality, read_inputs in (("vision", _pictures), ("language", _texts)):
        if getattr(p.model, f"freeze_{modality}"):
            continue
        from fusionrec.training import finetune  # imports the compiler, which takes two seconds

        encoder = finetune.load(p, modality, read_inputs(), in_train, device)
        if encoder is not None:
            encoders[modality] = encoder
    return encoders


def _pictures() -> inputs.Inputs:
    return inputs.pictures(files.read_table("data/images/manifest.parquet"), "data/images")


def _texts() -> inputs.Inputs:
    return inputs.texts(files.read_table("data/clean/items.parquet", ["text"])["text"])


def build(p: Parameters, data: Data, device: torch.device) -> TrainableModel:
    """A model with initial weights, or with those of `train.resume_from`.

    Raises:
        UserError: if no loss that ranks items is switched on, or the weights of `train.resume_from` do not fit.
    """
    options, kind = p.model.own(p.model.name), ensemble.of(zoo.load(p.model.name), p.model.members)
    assert issubclass(kind, TrainableModel)
    objective.switched_on(options.losses, kind.ranks_by_own_loss)  # checked before anything is written
    model = kind(options, data.model)
    model.reset(torch.Generator().manual_seed(p.train.seed))
    if p.train.resume_from is not None:
        earlier = checkpoint.load(p.train.resume_from, torch.device("cpu"), data.item_ids)
        try:
            model.load_state_dict(earlier.model.state_dict())
        except RuntimeError as error:
            raise UserError(
                f"train.resume_from: {p.train.resume_from} does not fit the parameters and data: {error}"
            ) from None
    return model.to(device)


def summary(data: Data, device: torch.device) -> str:
    """The sizes of the data, in a line."""
    return (
        f"{len(data.user_ids):,} users, {len(data.item_ids):,} items, {len(data.train.items):,} interactions; "
        f"on {device}"
    )


def interrupted(p: Parameters, data: Data, model: TrainableModel, fingerprint: str) -> resume.Interrupted:
    """The place of the state of a training with exactly these parameters, data, initial weights and code."""
    own = p.model.own(p.model.name).model_dump()
    parameters = {
        "model": p.model.model_dump(include={*type(p.model).model_fields}) | {p.model.name: own},
        "train": p.train.model_dump(),
        "cache": p.cache.model_dump(),
        "encoders": p.encoders.model_dump(),
        "runtime": p.runtime.model_dump(include={"reproducible", "device", "nproc"}),
    }
    histories = [torch.from_numpy(x) for part in data[:3] for x in (part.offsets, part.items)]
    tensors = [*data.model.content.tensors().values(), *model.state_dict().values(), *histories]
    return resume.Interrupted(
        cache_home() / "training" / f"{resume.key(parameters, fingerprint, tensors)}.safetensors"
    )


def prepared(p: Parameters, data: Data, encoders: Encoders) -> Preparation:
    """Everything that is needed to prepare the inputs of new items."""
    entries = {m: {name: getattr(p.encoders, m)[name]} for m in ENCODED for name in [getattr(p.model, m)]}
    options = PreparationOptions(
        clean=p.clean,
        images=p.images,
        cache=p.cache,
        encoders=p.encoders.model_copy(update=entries),
        reproducible=p.runtime.reproducible,
    )
    learned = data.fitted.vectors | encoders.reductions()
    vectors = {name: learned[name] for name in MODALITIES if name in learned}
    return Preparation(options, data.fitted._replace(vectors=vectors))


def described(
    p: Parameters,
    data: Data,
    model: Model,
    made: Preparation,
    metrics: dict[str, Any],
    code_files: dict[str, str],
) -> card.Card:
    """The model card; `metrics` holds the best epoch and its validation metrics."""
    tree, name = p.tree, p.model.name
    read_files = [
        f"{SPLITS}/{part}" for part in ("train.parquet", "val.parquet", "fold_in.parquet", "users.parquet")
    ]
    read_files += [
        f"{SPLITS}/items.parquet",
        f"{SPLITS}/features.json",
        *(vectors_folder(p, m) for m in MODALITIES if m in ENCODED or m in data.fitted.vectors),
    ]
    return card.Card(
        model={
            "name": name,
            "needs": sorted(model.needs),
            "scores_new_items": model.scores_new_items,
            "weights": model.weight_count,
            "users": len(data.user_ids),
            "items": len(data.item_ids),
        },
        parameters={
            "raw": _selected(tree["raw"], tree["raw"]["source"]),
            "splits": _selected(tree["splits"], tree["splits"]["strategy"]),
            **made.options.model_dump(exclude={"encoders"}),
            "encoders": p.encoders.model_dump(include={"weights", "folder"}),
            "model": _selected(p.model.model_dump(), name) | {name: model.options.model_dump()},
            "train": p.train.model_dump(),
        },
        code={"fingerprint": code.digest_of(code_files), "files": code_files},
        data=card.hashes(read_files),
        libraries=card.libraries(),
        encoders={
            m: card.encoder(
                getattr(p.model, m),
                files.read_json(Path(vectors_folder(p, m)) / "card.json"),
                getattr(p.encoders, m)[getattr(p.model, m)],
            )
            for m in ENCODED
        },
        metrics=metrics,
    )


def _selected(section: dict[str, Any], name: str) -> dict[str, Any]:
    """A section's parameters, of its choices only those of the choice `name`."""
    shared = {key: value for key, value in section.items() if not isinstance(value, dict) or key == "scaling"}
    return shared | {key: section[key] for key in [name] if key in section}


def save(
    folder: str,
    p: Parameters,
    data: Data,
    model: Model,
    encoders: Encoders,
    best: Epoch,
    validation: dict[str, Any],
    code_files: dict[str, str],
) -> None:
    """Write the model's folder.

    Args:
        folder: is replaced as a whole.
        p: all parameters of training.
        data: what training read.
        model: with the weights of the best epoch.
        encoders: those that were trained with it.
        best: the best epoch.
        validation: its metrics, with intervals.
        code_files: digests of the files that training can run, by path.
    """
    made = prepared(p, data, encoders)
    about = described(p, data, model, made, {"epoch": best.number, "validation": validation}, code_files)
    metrics = {"epoch": best.number, **best.metrics}
    with files.replacing_folder(folder) as scratch:
        checkpoint.save(scratch, p.model.name, model, data.model, data.item_ids, data.user_ids, metrics)
        preparation.save(scratch, made)
        card.save(scratch, about)
        for modality, encoder in encoders.items():
            from fusionrec.training import finetune

            finetune.save(scratch / modality, cast(finetune.Trainable, encoder))
