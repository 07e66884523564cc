"""metrics: model and splits -> full-catalogue metrics of the model and its baselines on the test part."""

import _start  # noqa: F401  (src on the path, pins set before numpy loads)

import numpy as np
import pandas as pd

from fusionrec import files, params, runtime
from fusionrec.data import features, truth
from fusionrec.data.histories import LOG, Histories
from fusionrec.evaluation import plots, report
from fusionrec.models import baselines, checkpoint
from fusionrec.models.recommender import Recommender


def recommenders(
    p: params.Params, users: list[str], items: list[str], train: Histories
) -> dict[str, Recommender]:
    """The model, its baselines, and on the demo the oracle, which knows everybody's taste."""
    found: dict[str, Recommender] = {
        "model": checkpoint.load("data/model", runtime.device(p.runtime), items),
        "popularity": baselines.Popularity(train, len(items)),
        "random": baselines.Random(p.metrics.seed, len(items)),
    }
    known = truth.read("data/raw/tables")
    if known is not None:
        found["oracle"] = baselines.Fixed(truth.utility(known, users, items))
    return found


def main() -> None:
    p = params.load()
    users = files.read_table("data/splits/users.parquet")["user_id"].tolist()
    items = files.read_table("data/splits/items.parquet", ["item_id"])["item_id"].tolist()
    parts = {
        name: files.read_table(f"data/splits/{name}.parquet", LOG)
        for name in ("train", "val", "test", "fold_in")
    }
    caches = [f"data/cache/vision/{p.model.vision}", f"data/cache/language/{p.model.language}"]
    vectors = report.content_vectors([features.load(folder, items) for folder in caches])
    task = report.task(parts, len(users), vectors, p.metrics.protocol)

    candidates = recommenders(p, users, items, Histories.of(parts["train"], len(users)))
    results = {name: report.evaluate(found, task, p.metrics) for name, found in candidates.items()}
    summary = report.summary(results, task, p.metrics.ks)
    names = [users[user] for user in task.users]
    per_user = pd.concat(
        [pd.DataFrame({"user_id": names, "recommender": name, **r.per_user}) for name, r in results.items()]
    )
    ks = sorted(p.metrics.ks)
    curve = pd.DataFrame({"k": ks} | {name: [summary[name][f"recall@{k}"] for k in ks] for name in results})

    with files.replacing_folder("data/metrics") as folder:
        files.write_table(folder / "per_user.parquet", per_user)
    files.write_json(
        "metrics/intervals.json", report.intervals(results, ks, np.random.default_rng(p.metrics.seed))
    )
    files.write_text("plots/recall_at_k.csv", curve.to_csv(index=False, lineterminator="\n"))
    plots.at_k(curve, "recall", "plots/recall_at_k.png")
    files.write_json("metrics/eval.json", summary)
    for name in results:
        print(f"{name:>10}: " + ", ".join(f"ndcg@{k} {summary[name][f'ndcg@{k}']:.4f}" for k in ks))


if __name__ == "__main__":
    runtime.stage(main)
