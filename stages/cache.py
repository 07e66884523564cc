"""cache: pictures or texts -> one frozen vector an item, by the encoder that the parameters name."""

import _start  # noqa: F401  (src on the path, pins set before numpy loads)

import argparse
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from fusionrec import files, params, runtime
from fusionrec.data.features import Features
from fusionrec.encoders import cache, weights
from fusionrec.errors import UserError


def pictures() -> tuple[pd.DataFrame, list[str | None]]:
    """The manifest, and each item's picture hash."""
    manifest = files.read_table("data/images/manifest.parquet")
    return manifest, _where(manifest["sha256"], manifest["status"] == "ok")


def texts() -> tuple[pd.DataFrame, list[str | None]]:
    """The items, and each item's text; an empty one is absent."""
    items = files.read_table("data/clean/items.parquet", ["item_id", "text"])
    return items, _where(items["text"], items["text"] != "")


def _where(keys: pd.Series, present: pd.Series) -> list[str | None]:
    return [key if there else None for key, there in zip(keys, present, strict=True)]


def inputs(modality: str, table: pd.DataFrame) -> Iterator[Any]:
    """The bytes or texts of the rows of `table`, read as they are needed."""
    if modality == "language":
        return iter(table["text"].tolist())
    members = map(files.Member._make, table[["shard", "offset", "bytes"]].itertuples(index=False, name=None))
    return files.read_members("data/images", members)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--modality", choices=["vision", "language"], required=True)
    parser.add_argument("--encoder", required=True, help="a name from encoders.<modality> in params.yaml")
    args = parser.parse_args()
    p = params.load()
    registry: dict[str, params.Encoder | None] = getattr(p.encoders, args.modality)
    if args.encoder not in registry:
        known = ", ".join(registry)
        raise UserError(f"encoder `{args.encoder}` is not in encoders.{args.modality}; known: {known}")

    table, keys = pictures() if args.modality == "vision" else texts()
    entry = registry[args.encoder]
    if entry is None:
        features = Features(np.zeros((len(table), 0), np.float32), np.zeros(len(table), bool))
        card: dict[str, Any] = {"encoder": args.encoder, "items": len(table)}
    else:
        folder = weights.locate(args.encoder, entry, p.encoders)
        source = weights.source(folder, entry, p.encoders)
        recipe = cache.Recipe(args.modality, entry, folder, p.cache, runtime.device(p.runtime).type)
        # texts of like length waste little padding
        by_length = (lambda text: (len(text), text)) if args.modality == "language" else None
        first, row = cache.distinct(keys, by_length)
        with tqdm(total=len(first), desc=args.encoder, unit="item", disable=None) as bar:
            found = inputs(args.modality, table.iloc[first])
            vectors = cache.encode(recipe, found, len(first), p.runtime.workers, bar.update)
        features = cache.spread(vectors, row, source.get("width"))
        card = {
            "encoder": args.encoder,
            **source,
            "width": features.matrix.shape[1],
            **entry.model_dump(include={"library", "pooling", "layer", "normalize"}),
            "preprocessing": recipe.preprocessing(),
            **recipe.augmentation(),
        }
        card |= {"items": len(table), "present": int(features.present.sum()), "distinct": len(first)}

    with files.replacing_folder(f"data/cache/{args.modality}/{args.encoder}") as out:
        files.write_array(out / "features.npy", features.matrix)
        files.write_array(out / "present.npy", features.present)
        files.write_json(out / "item_ids.json", table["item_id"].tolist())
        files.write_json(out / "card.json", card)
    print(
        f"{args.encoder}: {features.present.sum():,} of {len(table):,} items, width {features.matrix.shape[1]}"
    )


if __name__ == "__main__":
    runtime.stage(main)
