"""Builds a folder with everything that `metrics` and `recs` read, on a tiny scale, and runs a stage there."""

import io
import os
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import yaml
from PIL import Image

from fusionrec import files, sections
from fusionrec.data.memberships import KINDS
from fusionrec.models import checkpoint
from fusionrec.models.contract import ModelData
from fusionrec.models.options import Model
from fusionrec.models.zoo.fusion import FusionModel

from .. import warm
from ..catalogue import contents

ROOT = Path(__file__).resolve().parents[2]
USERS, ITEMS = 6, 9
EVIL = "<script>alert(1)</script>"


def build(folder: Path) -> Path:
    """Params, splits, both caches, an untrained model, pictures. Item 8 is cold, user 5 has no test item."""
    tree = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    tree["metrics"]["ks"], tree["recs"]["users"], tree["recs"]["top_k"] = [2, 5], 4, 3
    tree["metrics"]["headline"], tree["metrics"]["tradeoff"] = ["ndcg@5", "recall@2"], [0.5]
    (folder / "params.yaml").write_text(yaml.safe_dump(tree), encoding="utf-8")
    options = sections.parse(tree).model
    ids = [f"i{item}" for item in range(ITEMS)]
    _write_splits(folder / "data/splits", ids)
    rng = np.random.default_rng(0)
    for name in (f"vision/{options.vision}", f"language/{options.language}"):
        cache = folder / "data/cache" / name
        files.write_array(cache / "features.npy", rng.standard_normal((ITEMS, 4), np.float32))
        files.write_array(cache / "present.npy", np.ones(ITEMS, bool))
        files.write_json(cache / "item_ids.json", ids)
        files.write_json(cache / "card.json", {"encoder": name.partition("/")[2], "weights": "pypi"})
    _write_model(folder / "data/model", options, ids)
    _write_pictures(folder / "data/images", ids)
    return folder


def _write_splits(folder: Path, ids: list[str]) -> None:
    """User u chose u, u + 1, u + 2 (train), u + 3 (val) and u + 4 (test), so that item 8 is only tested.

    User 5's last item, 0, is folded in: known, and neither trained on nor asked for.
    """
    log = [(user, (user + step) % ITEMS, step) for user in range(USERS) for step in range(5)]
    table = pd.DataFrame(log, columns=["user", "item", "timestamp"])
    folded = (table["user"] == 5) & (table["timestamp"] == 4)
    time = table["timestamp"]
    parts = {"train": time < 3, "val": time == 3, "test": (time == 4) & ~folded, "fold_in": folded}
    for name, chosen in parts.items():
        part = table[chosen].reset_index(drop=True)
        if name in ("val", "test"):
            part["kind"] = pd.Categorical.from_codes(2 * (part["item"] == 8), pd.Index(KINDS))
        files.write_table(folder / f"{name}.parquet", part)
    users = pd.DataFrame(
        {"user_id": [f"u{user}" for user in range(USERS)], "train_interactions": 3, "cold": False}
    )
    files.write_table(folder / "users.parquet", users)
    files.write_json(folder / "features.json", {"numbers": {}, "categories": {}})
    titles = [EVIL, *(f"Title {item}" for item in range(1, ITEMS))]
    popularity = np.bincount(table["item"][time < 3], minlength=ITEMS)
    items = pd.DataFrame({"item_id": ids, "title": titles, "picture": [*[True] * (ITEMS - 1), False]})
    files.write_table(
        folder / "items.parquet",
        items.assign(train_interactions=popularity, cold=popularity == 0, tail=popularity == 1),
    )


def _write_model(folder: Path, options: Model, ids: list[str]) -> None:
    draw = torch.Generator().manual_seed(0)
    vision, language = (torch.randn(ITEMS, 4, generator=draw) for _ in range(2))
    content = contents(ITEMS, vision=vision, language=language, trained=torch.arange(ITEMS) < ITEMS - 1)
    data = ModelData(content, USERS, 0)
    model = FusionModel(options.own("fusion"), data)
    model.reset(draw)
    users = [f"u{user}" for user in range(USERS)]
    checkpoint.save(folder, "fusion", model, data, ids, users, {"epoch": 1})


def _write_pictures(folder: Path, ids: list[str]) -> None:
    """All items but the last have a picture."""
    folder.mkdir(parents=True)
    rows = []
    with files.ShardWriter(folder) as shards:
        for item, name in enumerate(ids[:-1]):
            buffer = io.BytesIO()
            Image.new("RGB", (80, 80), (20 * item, 0, 0)).save(buffer, "PNG")
            rows.append(
                {"item_id": name, "status": "ok", **shards.add(f"{name}.png", buffer.getvalue())._asdict()}
            )
    rows.append({"item_id": ids[-1], "status": "missing"})
    manifest = pd.DataFrame(rows).astype({"offset": "Int64", "bytes": "Int64"})
    files.write_table(folder / "manifest.parquet", manifest)


def run(folder: Path, stage: str, *arguments: str, fails: bool = False, hash_seed: int = 0) -> str:
    """Run a stage script in `folder` and return its stderr; `hash_seed` orders sets differently."""
    done = subprocess.run(
        [warm.python(), str(ROOT / "stages" / f"{stage}.py"), *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONHASHSEED": str(hash_seed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode != 0) == fails, done.stderr
    return done.stderr
