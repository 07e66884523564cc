"""A small repository with outputs of a pipeline: tags `old`, `new`, and `renamed`, which only adds a file."""

import io
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from PIL import Image

from fusionrec import files
from fusionrec.evaluation import metrics_table

from .. import warm
from ..command import ROOT
from ..stages import workspace

USERS, COLD = 60, 45
PIPELINE: dict[str, Any] = {
    "stages": {
        "data": {"cmd": "true", "outs": ["data/images", "data/splits"]},
        "metrics": {
            "cmd": "true",
            "deps": ["code.py", "data/splits"],
            "params": ["metrics"],
            "outs": ["data/metrics"],
            "metrics": [{f"metrics/{name}.json": {"cache": False}} for name in ("eval", "clean")],
            "plots": [
                {f"plots/{name}": {"cache": False}}
                for name in (
                    "moved.png",
                    "still.png",
                    "metrics.csv",
                    "ndcg_at_k.csv",
                    "recall_at_k.csv",
                    "slices.csv",
                )
            ],
        },
        "recs": {"cmd": "true", "deps": ["data/splits"], "outs": ["data/recs"]},
    }
}


def shell(folder: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def dvc(folder: Path, *command: str) -> None:
    shell(folder, warm.python(), "-m", "dvc", *command)


def commit(folder: Path, tag: str) -> None:
    dvc(folder, "commit", "-q", "-f")
    shell(folder, "git", "add", ".")
    shell(folder, "git", "commit", "-qm", tag)
    shell(folder, "git", "tag", tag)


def build(folder: Path) -> Path:
    """`new` is better by 0.2 in ndcg@10 for all but the cold users, and the list of its first user is reversed."""
    shell(folder, "git", "init", "-q")
    for key, value in (("user.email", "a@example.org"), ("user.name", "a")):
        shell(folder, "git", "config", key, value)
    dvc(folder, "init", "-q")
    files.write_text(folder / "dvc.yaml", yaml.safe_dump(PIPELINE))
    files.write_text(folder / "code.py", "")
    ids = [f"i{item}" for item in range(workspace.ITEMS)]
    workspace._write_splits(folder / "data/splits", ids)
    workspace._write_pictures(folder / "data/images", ids)
    write(folder, 0.0)
    commit(folder, "old")
    write(folder, 0.2)
    commit(folder, "new")
    files.write_text(folder / "notes.txt", "no output differs")
    commit(folder, "renamed")
    return folder


def write(folder: Path, lift: float, seed: int = 1) -> None:
    tree = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    tree["metrics"]["seed"] = 7 if lift else 1
    tree["train"]["seed"] = seed
    files.write_text(folder / "params.yaml", yaml.safe_dump(tree))
    ndcg = np.random.default_rng(0).random(USERS) + lift * (1 + np.arange(USERS) % 3) / 2
    ndcg += 0.01 * np.random.default_rng(seed).random(USERS)
    names = [f"u{user}" for user in range(USERS)]
    table = pd.DataFrame(
        {"user_id": names, "recommender": "model", "ndcg@10": ndcg, "recall@10": ndcg.round()}
    )
    table["recall@10"] = np.arange(USERS) % 2
    files.write_table(folder / "data/metrics/per_user.parquet", table)
    cold = pd.DataFrame(
        {"user_id": names[:COLD], "group": "item", "slice": "cold", "ndcg@10": ndcg[:COLD] - 2 * lift}
    )
    files.write_table(folder / "data/metrics/slices.parquet", cold)
    mean = float(ndcg.mean())
    summary = {"model": {"ndcg@10": mean, "recall@10": 0.5, "gini@10": lift}}
    files.write_text(folder / "plots/metrics.csv", metrics_table.text(summary))
    files.write_json(folder / "metrics/eval.json", {"ndcg@10": mean, "best_rival": {"name": "ease"}})
    for name, value in (("ndcg", mean), ("recall", 0.5)):
        text = f"k,series,{name},low,high\n5,model,0.1,0,1\n10,model,{ends(value)}\n10,ease,{ends(0.7)}\n"
        files.write_text(folder / f"plots/{name}_at_k.csv", text)
    files.write_text(
        folder / "plots/slices.csv", f"bar,users,value,low,high\nitem: cold,{COLD},{ends(0.5 - lift)}\n"
    )
    files.write_json(folder / "metrics/clean.json", {"rows": 10})
    plot(folder / "plots/still.png", 0)
    plot(folder / "plots/moved.png", int(100 * lift))
    order = [0, 1, 8] if not lift else [8, 2, 0]
    rows = [("u0", rank, item) for rank, item in enumerate(order, 1)] + [("u1", 1, 3)]
    titles = [workspace.EVIL, *(f"Title {item}" for item in range(1, workspace.ITEMS))]
    listed = [(user, rank, f"i{item}", titles[item], 0.5) for user, rank, item in rows]
    recommended = pd.DataFrame(listed, columns=["user_id", "rank", "item_id", "title", "score"])
    files.write_table(folder / "data/recs/recommendations.parquet", recommended)


def ends(mean: float) -> str:
    return f"{mean},{mean - 0.05},{mean + 0.05}"


def plot(path: Path, shade: int) -> None:
    buffer = io.BytesIO()
    Image.new("L", (8, 8), shade).save(buffer, "PNG")
    with files.replacing(path) as scratch:
        scratch.write_bytes(buffer.getvalue())
