"""model: splits and both feature caches -> trained weights, training curves."""

import _start  # noqa: F401  (src on the path, pins set before numpy loads)

import pandas as pd
from dvclive import Live
from tqdm import tqdm

from fusionrec import files, params, runtime
from fusionrec.data import content, features
from fusionrec.data.histories import LOG, Histories
from fusionrec.evaluation import ranking
from fusionrec.models import checkpoint
from fusionrec.models.two_towers import FusionModel, Shape
from fusionrec.training import loop

VALIDATION_K = 10


def main() -> None:
    p = params.load()
    device = runtime.device(p.runtime)
    items = files.read_table("data/splits/items.parquet")
    users = len(files.read_table("data/splits/users.parquet"))
    train, val, fold_in = (
        files.read_table(f"data/splits/{part}.parquet", LOG) for part in ("train", "val", "fold_in")
    )
    ids = items["item_id"].tolist()
    inputs, category_values = content.assemble(
        items,
        files.read_json("data/splits/features.json"),
        features.load(f"data/cache/vision/{p.model.vision}", ids),
        features.load(f"data/cache/language/{p.model.language}", ids),
        train,
        p.model.pca,
    )
    shape = Shape(users, category_values)
    model = FusionModel(p.model, inputs, shape)
    known = Histories.of(pd.concat([train, fold_in]), users)
    validate = ranking.validator(known, Histories.of(val, users), VALIDATION_K, len(items))

    with (
        Live(dir="metrics/train", dvcyaml=None, save_dvc_exp=False, report=None) as live,
        tqdm(total=p.train.epochs, desc="train", unit="epoch", disable=None) as bar,
    ):

        def track(epoch: loop.Epoch) -> None:
            live.log_metric("train/loss", epoch.loss)
            live.log_metric("train/lr", epoch.learning_rate)
            live.log_metric(f"val/ndcg@{VALIDATION_K}", epoch.score)
            live.next_step()
            bar.set_postfix(loss=f"{epoch.loss:.4f}", ndcg=f"{epoch.score:.4f}")
            bar.update()

        best = loop.fit(model, inputs.to(device), Histories.of(train, users), validate, p.train, track)
        live.log_metric("best/epoch", best.number, plot=False)
        live.log_metric(f"best/val/ndcg@{VALIDATION_K}", best.score, plot=False)

    with files.replacing_folder("data/model") as folder:
        checkpoint.save(folder, model, inputs, shape)
    print(f"best epoch {best.number}: validation ndcg@{VALIDATION_K} {best.score:.4f}")


if __name__ == "__main__":
    runtime.stage(main)
