"""A packed model: a model's folder with everything that answering needs, to copy anywhere.

Beside the files of `fusionrec.models.checkpoint` and `fusionrec.models.preparation` it holds:

- `catalogue/items.parquet`: ids, titles and categories of the items, and how many train users chose each
- `catalogue/histories.safetensors`: all interactions of each user, oldest first
- `catalogue/towers.safetensors`: the catalogue, encoded; processes that load it share its memory
- `catalogue/pictures/`: thumbnails, if wanted
- `catalogue/index.faiss`, `index.json`: an index of the items, if wanted, and its recall
- `pack.json`: where the weights of the encoders come from
- `SHA256SUMS` in each folder: the hashes of its files (`fusionrec.checksums`)

Weights of encoders that were not trained with the model are not in it: they are named by their sha256 or revision,
and downloaded when the first new item is scored.
"""

import hashlib
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from fusionrec import checksums, files
from fusionrec.data.attributes import CATEGORY
from fusionrec.data.histories import Histories
from fusionrec.encoders import weights
from fusionrec.errors import DamagedError, UserError
from fusionrec.models import checkpoint, preparation
from fusionrec.models.contract import Towers
from fusionrec.models.trained_model import TrainedModel
from fusionrec.recommend import approximate, engine, gallery
from fusionrec.recommend.engine import Engine, Split

SCHEMA = 1
LIST, CATALOGUE, PICTURES = "pack.json", "catalogue", "catalogue/pictures"
KEPT = ["item_id", "title", "train_interactions"]  # of the item table, besides the categories
REMEDY = "copy the folder again, or make it again with `fusionrec pack`"


def pack(
    out: Path | str,
    model: Path | str,
    splits: Path | str,
    images: Path | str | None = None,
    index: bool = False,
) -> None:
    """Write a packed model; a folder that exists is replaced at the end, at once.

    Args:
        out: the folder to write.
        model: the model's folder.
        splits: the folder of the split that the model was trained on.
        images: the folder of the stage `images`, for thumbnails. None: without pictures.
        index: whether an index of the items is made; see `fusionrec.recommend.approximate`.

    Raises:
        UserError: if a file is missing or damaged, the model was trained on another split, or `out` is a folder that
            is not a packed model.
    """
    out = Path(out)
    if out.exists() and any(out.iterdir() if out.is_dir() else [out]) and not packed(out):
        raise UserError(f"{out}: exists, and is not a packed model; name another folder")
    recommender = engine.load(model, splits, torch.device("cpu"))
    if recommender.model.user_ids != recommender.split.user_ids:
        raise UserError(f"{splits}: its users are not those of {model}; run `dvc repro model`")
    with files.replacing_folder(out) as folder:
        shutil.copytree(model, folder, dirs_exist_ok=True)
        _write_split(folder / CATALOGUE, recommender.split)
        _write_towers(folder / CATALOGUE, recommender.model)
        if images is not None:
            _write_pictures(folder / PICTURES, Path(images))
        if index:
            made = approximate.make(recommender.model)
            measured = approximate.recall(made, recommender.model, recommender.split.past)
            approximate.save(folder / CATALOGUE, made, measured)
        files.write_json(folder / LIST, {"schema": SCHEMA, "encoders": _encoders(folder)})


def packed(folder: Path | str) -> bool:
    """Whether a folder is a packed model."""
    return (Path(folder) / LIST).is_file()


def name(folder: Path) -> str:
    """What tells a packed model from others: the beginning of a hash of the hashes of all its files."""
    sums = sorted(folder.rglob(checksums.NAME))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sums)).hexdigest()[:12]


def load(folder: Path | str, device: torch.device) -> Engine:
    """Read a packed model. On the CPU its vectors stay in the files, memory-mapped.

    Raises:
        UserError: if a file is missing, damaged or unexpected, or a newer version has written the folder.
    """
    folder = Path(folder)
    check(folder)
    split, towers = _read_split(folder), _read_towers(folder, device)
    model = checkpoint.load(folder, device, split.items["item_id"].tolist(), towers)
    if towers is not None and len(towers.candidates) != len(split.items):
        raise UserError(f"{folder}: {CATALOGUE}/towers.safetensors is of another catalogue; {REMEDY}")
    return Engine(model, split)


def check(folder: Path) -> None:
    """Compare every file with the hashes in its folder.

    Raises:
        UserError: see `load`.
    """
    listed = checkpoint.read_json(folder, LIST)
    schema = listed.get("schema") if isinstance(listed, dict) else None
    if schema != SCHEMA:
        raise UserError(f"{folder}: {LIST} has schema {schema!r}, known is {SCHEMA}; upgrade fusionrec")
    for directory in [folder, *(path for path in sorted(folder.rglob("*")) if path.is_dir())]:
        names = {path.name for path in directory.iterdir() if path.is_file()}
        if not names:
            continue
        try:
            checksums.check_folder(directory)
        except DamagedError as error:
            raise UserError(f"{str(error).partition(';')[0]}; {REMEDY}") from None
        unknown = names - checksums.listed(directory / checksums.NAME).keys() - {checksums.NAME}
        if unknown:
            raise UserError(f"{directory / min(unknown)}: not listed in {checksums.NAME}; {REMEDY}")


def _encoders(folder: Path) -> dict[str, Any]:
    """By modality: the encoder's name, and where its weights come from. None: it was trained, and is in the folder."""
    options, fitted = preparation.load(folder)
    found: dict[str, Any] = {}
    for modality in ("vision", "language"):
        ((name, entry),) = getattr(options.encoders, modality).items()
        if entry is None or modality not in fitted.vectors:
            continue
        if (folder / modality).is_dir():
            found[modality] = {name: None}
        else:
            where = weights.locate(name, entry, options.encoders)
            found[modality] = {name: weights.source(where, entry, options.encoders)}
    return found


def _write_split(folder: Path, split: Split) -> None:
    kept = [name for name in split.items if name in KEPT or str(name).startswith(CATEGORY)]
    files.write_table(folder / "items.parquet", split.items[kept])
    tensors = {"offsets": torch.from_numpy(split.past.offsets), "items": torch.from_numpy(split.past.items)}
    files.write_tensors(folder / "histories.safetensors", tensors)


def _read_split(folder: Path) -> Split:
    items = files.read_table(folder / CATALOGUE / "items.parquet")
    tensors = checkpoint.read_tensors(folder, f"{CATALOGUE}/histories.safetensors", mapped=True)
    past = Histories(tensors["offsets"].numpy(), tensors["items"].numpy())
    users: list[str] = checkpoint.read_json(folder, "user_ids.json")
    rows = len(past.offsets) == len(users) + 1 and past.offsets[-1] == len(past.items)
    if not rows or (len(past.items) and past.items.max() >= len(items)):
        raise UserError(f"{folder}: {CATALOGUE}/histories.safetensors does not fit the ids; {REMEDY}")
    return Split(items, users, past)


def _write_towers(folder: Path, model: TrainedModel) -> None:
    """Models whose encoding is more than tensors encode their catalogue when they are loaded."""
    towers = {name: x for name, x in model.towers._asdict().items() if x is not None}
    if all(isinstance(x, torch.Tensor) for x in towers.values()):
        # two tensors may share memory, which the format does not allow
        files.write_tensors(folder / "towers.safetensors", {name: x.clone() for name, x in towers.items()})


def _read_towers(folder: Path, device: torch.device) -> Towers | None:
    name = f"{CATALOGUE}/towers.safetensors"
    if device.type != "cpu" or not (folder / name).is_file():
        return None
    return Towers(**checkpoint.read_tensors(folder, name, mapped=True))


def _write_pictures(folder: Path, images: Path) -> None:
    """Thumbnails, and where each is: a row for each item with shard, offset and bytes, 0 without a picture."""
    columns = ["status", *files.Member._fields]
    try:
        manifest = files.read_table(images / "manifest.parquet", columns)
    except FileNotFoundError:
        raise UserError(f"{images}/manifest.parquet: not found; run `dvc repro images`") from None
    there = np.flatnonzero((manifest["status"] == "ok").to_numpy())
    places: list[files.Member | None] = [None] * len(manifest)
    folder.mkdir(parents=True)
    with files.ShardWriter(folder) as shards:
        blobs = files.read_members(images, files.members(manifest.iloc[there]))
        for row, blob in zip(there.tolist(), blobs, strict=True):
            places[row] = shards.add(str(row), gallery.thumbnail(blob))
    known = [place or files.Member("", -1, 0, "") for place in places]
    files.write_table(folder / "manifest.parquet", pd.DataFrame(known, columns=files.Member._fields))
