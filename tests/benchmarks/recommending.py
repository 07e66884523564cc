"""How fast lists for everybody are written: python tests/benchmarks/recommending.py --users 100000 --items 100000

A model with random weights, histories of ten items, two threads of one core each; the time includes the file.
"""

import argparse
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))


def main() -> None:
    """Print users a second, the size of the file and how far memory grew."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in {"users": 8192, "items": 100_000, "width": 64, "k": 10, "threads": 2}.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--pins", choices=["portable", "machine"], default="portable")
    parser.add_argument("--method", choices=["none", "weighted", "mmr", "dpp"], default="none")
    args = parser.parse_args()
    from fusionrec import runtime

    os.environ.update(runtime.PINS[args.pins])
    measure(args)


def measure(args: argparse.Namespace) -> None:
    import numpy as np
    import pandas as pd
    import torch
    import yaml

    from fusionrec import files, sections
    from fusionrec.data.histories import Histories
    from fusionrec.data.item_inputs import ItemInputs, Modality
    from fusionrec.models.contract import ModelData
    from fusionrec.models.trained_model import TrainedModel
    from fusionrec.models.zoo.fusion import FusionModel
    from fusionrec.recommend import engine
    from fusionrec.recommend.rerank_options import Rerank

    tree = yaml.safe_load((Path(__file__).resolve().parents[2] / "params.yaml").read_text(encoding="utf-8"))
    options = sections.parse(tree).model.own("fusion").model_copy(update={"dim": args.width})
    n, draw = args.items, torch.Generator().manual_seed(0)
    off, everything, bags = torch.zeros(n, 0), torch.ones(n, dtype=torch.bool), torch.zeros(n + 1).long()
    vision = Modality(torch.randn(n, 32, generator=draw), everything, off[:, :, None])
    content = ItemInputs({"vision": vision}, off, bags, bags[:0], everything)
    model = FusionModel(options, ModelData(content, args.users, 0))
    model.reset(draw)
    rng = np.random.default_rng(0)
    past = Histories(np.arange(args.users + 1) * 10, rng.integers(0, n, args.users * 10))
    items = pd.DataFrame(
        {
            "item_id": [f"i{i:06}" for i in range(n)],
            "title": [f"A title of some words {i}" for i in range(n)],
            "train_interactions": rng.integers(1, 100, n),
        }
    )
    users = [f"u{i:06}" for i in range(args.users)]
    trained = TrainedModel(model, content, items["item_id"].tolist(), users)
    shop = engine.Engine(trained, engine.Split(items, users, past))
    rerank = Rerank(method=args.method, max_candidates=100, strength=0.3, novelty=0)
    rules, asked = shop.rules(args.k, rerank), shop.requests(users)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recommendations.parquet"
        started = time.perf_counter()
        rows = files.write_row_groups(path, engine.SCHEMA, shop.tables(asked, rules, args.threads))
        took = time.perf_counter() - started
        size = path.stat().st_size
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(
        f"{args.users:,} users x {n:,} items, width {args.width}, {args.threads} threads, {args.pins}, "
        f"{args.method}: {args.users / took:,.0f} users a second; {rows:,} rows, {size / 2**20:.1f} MiB; "
        f"peak memory grew by {grown:,.0f} MiB"
    )


if __name__ == "__main__":
    main()
