"""A small shop with real, untrained encoders: a model's folder, a split, pictures. 12 items, the last two cold."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from PIL import Image

from fusionrec import files, sections
from fusionrec.data import attributes, item_inputs
from fusionrec.data import items as catalogue
from fusionrec.encoders import cache, inputs, weights
from fusionrec.encoders.recipe import Recipe
from fusionrec.models import checkpoint, preparation
from fusionrec.models.contract import ModelData
from fusionrec.models.preparation import Preparation, PreparationOptions
from fusionrec.models.zoo.fusion import FusionModel
from fusionrec.sections import Params

ROOT = Path(__file__).resolve().parents[2]
ITEMS, USERS, TRAINED = 12, 5, 10
WITHOUT_PICTURE = 3


class Quiet:
    """A progress bar that shows nothing."""

    def reset(self, total: float) -> None: ...

    def update(self, n: float) -> None: ...

    def write(self, s: str) -> None: ...


def parameters(**changes: Any) -> Params:
    """The parameters of the shop; `changes` are of the section `model`, or else of the fusion model."""
    p = sections.load(ROOT / "params.yaml")
    changes = {"dim": 8, "pca": 4, "number_bins": 2, **changes}
    shared = {name: value for name, value in changes.items() if name in type(p.model).model_fields}
    own = p.model.own("fusion").model_dump() | {n: v for n, v in changes.items() if n not in shared}
    model = type(p.model).model_validate(p.model.model_dump() | shared | {"fusion": own})
    encoders = p.encoders.model_copy(update={"weights": "untrained"})
    return p.model_copy(update={"encoders": encoders, "model": model})


def picture(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (8, 8, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).resize((80, 100), Image.Resampling.BICUBIC).save(buffer, "PNG")
    return buffer.getvalue()


def items(p: Params) -> pd.DataFrame:
    genres = [["comedy"], ["comedy", "drama"], [], ["drama"]] * 3
    colours = ["red", "green", "blue", "grey", "pink", "teal", "gold", "black", "white", "lilac"]
    titles = [f"The {colour} boat" for colour in [*colours, "green", "teal"]]
    read = [
        catalogue.compose({"title": t, "description": f"number {i}"}, {"category_genres": g}, p.clean)
        for i, (t, g) in enumerate(zip(titles, genres, strict=True))
    ]
    return pd.DataFrame(
        {
            "item_id": [f"i{i:02}" for i in range(ITEMS)],
            "title": titles,
            "description": [f"number {i}" for i in range(ITEMS)],
            "text": read,
            "category_genres": genres,
            "number_year": [1990.0 + i for i in range(ITEMS - 1)] + [np.nan],
            "train_interactions": [1] * TRAINED + [0] * (ITEMS - TRAINED),
        }
    )


def build(folder: Path, **model: object) -> Path:
    """Write model/, splits/ and images/ into `folder`; `model` changes parameters."""
    p, table = parameters(**model), items(parameters())
    vectors = {}
    for modality, found in (
        ("vision", pictures(folder / "images")),
        ("language", inputs.texts(table["text"])),
    ):
        name = getattr(p.model, modality)
        entry = getattr(p.encoders, modality)[name]
        recipe = None
        if entry is not None:
            where = weights.locate(name, entry, p.encoders)
            source = weights.source(where, entry, p.encoders)
            recipe = Recipe(modality, entry, where, source, p.cache, "cpu", "machine")
        (folder / "cache" / modality).mkdir(parents=True)
        runtime = p.runtime.model_copy(update={"workers": 1, "store_gb": 0})
        vectors[modality] = cache.fill(
            folder / "cache" / modality / "features.npy", recipe, found, runtime, Quiet()
        ).features
    trained = np.arange(ITEMS) < TRAINED
    scalers = attributes.fit(table, trained, p.splits)
    fitted = item_inputs.fit(
        table,
        scalers,
        vectors,
        trained,
        p.model.pca,
        p.model.number_bins,
        False,
    )
    known = item_inputs.assemble(table, vectors, trained, fitted)
    data = ModelData(known, USERS, fitted.category_values)
    built = FusionModel(p.model.own("fusion"), data)
    built.reset(torch.Generator().manual_seed(0))
    users = [f"u{user}" for user in range(USERS)]
    checkpoint.save(folder / "model", "fusion", built, data, table["item_id"].tolist(), users, {"epoch": 1})
    entries = {
        m: {n: getattr(p.encoders, m)[n]}
        for m, n in (("vision", p.model.vision), ("language", p.model.language))
    }
    options = PreparationOptions(
        clean=p.clean,
        images=p.images,
        cache=p.cache,
        encoders=p.encoders.model_copy(update=entries),
        reproducible="machine",
    )
    preparation.save(folder / "model", Preparation(options, fitted))
    write_split(folder / "splits", table, users)
    return folder


def write_split(folder: Path, table: pd.DataFrame, users: list[str]) -> None:
    """User u chose the items 2 u and 2 u + 1; the last one is tested."""
    log = pd.DataFrame(
        {"user": np.arange(TRAINED) // 2, "item": np.arange(TRAINED), "timestamp": np.arange(TRAINED)}
    )
    for name in ("train", "val", "test", "fold_in"):
        part = log[(log["item"] == TRAINED - 1) == (name == "test")] if name in ("train", "test") else log[:0]
        files.write_table(folder / f"{name}.parquet", part)
    files.write_table(folder / "items.parquet", table)
    files.write_table(folder / "users.parquet", pd.DataFrame({"user_id": users}))


def pictures(folder: Path) -> inputs.Inputs:
    """All items but one have a picture."""
    import hashlib

    folder.mkdir(parents=True)
    rows = []
    with files.ShardWriter(folder) as shards:
        for item in range(ITEMS):
            blob, there = picture(item), item != WITHOUT_PICTURE
            member = shards.add(f"{item}.png", blob)._asdict() if there else {}
            sha256 = hashlib.sha256(blob).hexdigest() if there else None
            rows.append({"status": "ok" if there else "missing", "sha256": sha256, **member})
    manifest = pd.DataFrame(rows).astype({"offset": "Int64", "bytes": "Int64"})
    files.write_table(folder / "manifest.parquet", manifest)
    return inputs.pictures(manifest, folder)
