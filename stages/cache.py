"""cache: pictures or texts -> one vector per item, by the encoder that the parameters name.

Reads: data/images, or data/clean/items.parquet; the encoder's weights, or data/raw/vectors/<modality>.
Writes: data/cache/<modality>/<encoder>: vectors, which items have one, and card.json, which says how they were made;
metrics/cache_<modality>.json; plots/map_<modality>.png, plots/neighbours_<modality>.png.
Parameters: cache, the encoder's entry in encoders, runtime.
Vectors of earlier runs are reused from ~/.cache/fusionrec, or $FUSIONREC_CACHE.
"""

import _start  # noqa: F401  (src on the path, pins set before numpy loads)

import argparse
import hashlib
from typing import Any, NamedTuple

import pandas as pd
from pyarrow import parquet

from fusionrec import files, params, progress, runtime
from fusionrec.data.encoder_vectors import EncoderVectors
from fusionrec.encoders import cache, given, inputs, neighbour_plots, weights
from fusionrec.encoders.options import Cache, EncoderEntry, Encoders
from fusionrec.encoders.recipe import Recipe
from fusionrec.errors import UserError
from fusionrec.runtime import Runtime

ITEMS, IMAGES, VECTORS = "data/clean/items.parquet", "data/images", "data/raw/vectors"


class Parameters(NamedTuple):
    """The sections that this stage reads."""

    cache: Cache
    encoders: Encoders
    runtime: Runtime


def entry(modality: str, name: str, encoders: Encoders) -> EncoderEntry | None:
    """The registry's entry of an encoder; None if the modality is switched off.

    Raises:
        UserError: if the registry does not have the encoder.
    """
    registry: dict[str, EncoderEntry | None] = getattr(encoders, modality)
    if name not in registry:
        known = ", ".join(registry)
        raise UserError(f"encoder `{name}` is not in encoders.{modality}; known: {known}")
    return registry[name]


def read(modality: str) -> tuple[pd.DataFrame, inputs.Inputs]:
    """The manifest (vision) or the item table (language), and each item's picture or text."""
    if modality == "vision":
        manifest = files.read_table(f"{IMAGES}/manifest.parquet")
        return manifest, inputs.pictures(manifest, IMAGES)
    items = files.read_table(ITEMS, ["item_id", "title", "text"])
    return items, inputs.texts(items["text"])


def recipe(args: argparse.Namespace, p: Parameters) -> Recipe | None:
    """How to encode; None if nothing is encoded in this stage.

    Raises:
        UserError: if the encoder is unknown, its weights are not available, or the precision cannot be used.
    """
    chosen = entry(args.modality, args.encoder, p.encoders)
    if args.encoder == given.NAME and not args.frozen:
        raise UserError(
            f"model.freeze_{args.modality} is false, but given vectors cannot be trained; set it to true"
        )
    if chosen is None or not args.frozen:
        return None
    device = runtime.device(p.runtime)
    runtime.check_precision("cache", p.cache, device, p.runtime.reproducible)
    folder = weights.locate(args.encoder, chosen, p.encoders)
    source = weights.source(folder, chosen, p.encoders)
    return Recipe(args.modality, chosen, folder, source, p.cache, device.type, p.runtime.reproducible)


def without_vectors(
    filled: cache.Filled, args: argparse.Namespace, p: Parameters, items: inputs.Inputs
) -> cache.Filled:
    """The result for an encoder that is trained with the model: which items have an input, and a card, but no vectors.

    The result for a frozen encoder is returned unchanged.
    """
    chosen = entry(args.modality, args.encoder, p.encoders)
    if chosen is None or args.frozen:
        return filled
    number, first = items.distinct()
    card = {
        "trained": "with the model",
        "inputs": hashlib.sha256(b"".join(key or b"-" for key in items.keys)).hexdigest(),
        "weights": p.encoders.model_dump(include={"weights", "folder"}),
        "entry": chosen.model_dump(),
        "cache": p.cache.model_dump(),
    }
    features = EncoderVectors(filled.features.matrix, number >= 0)
    return cache.Filled(features, card, len(first), len(first))


def origin(card: dict[str, Any]) -> str:
    """The weights that made the vectors, for tables of experiments: their source, and the start of revision or hash."""
    if "entry" in card:
        return f"{card['weights']['weights']}, trained"
    if "weights" not in card:
        return "none"
    exact = card.get("revision") or card.get("member_sha256") or card["sha256"]
    return f"{card['weights']} {exact[:8]}"


def report(filled: cache.Filled) -> dict[str, int]:
    """The numbers of items with and without a vector, and of distinct inputs."""
    (items, width), present = filled.features.matrix.shape, int(filled.features.present.sum())
    return {
        "items": items,
        "present": present,
        "absent": items - present,
        "distinct": filled.distinct,
        "duplicates": present - filled.distinct,
        "width": width,
    }


def draw(modality: str, features: EncoderVectors, table: pd.DataFrame) -> None:
    """Draw nearest neighbours of some items, and a map of all items, coloured by the first category."""
    neighbours = f"plots/neighbours_{modality}.png"
    if modality == "vision":
        seen = features._replace(present=features.present & table["status"].eq("ok").to_numpy())
        neighbour_plots.of_pictures(neighbours, seen, table, IMAGES)
    else:
        neighbour_plots.of_texts(neighbours, features, table["title"].tolist())
    categories = [name for name in parquet.read_schema(ITEMS).names if name.startswith("category_")][:1]
    labels: list[str | None] = [None] * len(table)
    for name in categories:
        values = files.read_table(ITEMS, [name])[name]
        labels = [value[0] if len(value) else None for value in values]
    neighbour_plots.catalogue_map(f"plots/map_{modality}.png", features, labels)


def main() -> str:
    parser = runtime.parser(__doc__)
    parser.add_argument("--modality", choices=["vision", "language"], required=True)
    parser.add_argument("--encoder", required=True, help="a name from encoders.<modality> in params.yaml")
    parser.add_argument(
        "--frozen",
        type="true".__eq__,
        default=True,
        metavar="true|false",
        help="false: the encoder is trained with the model",
    )
    args = parser.parse_args()
    p = Parameters(params.load(Cache), params.load(Encoders), params.load(Runtime))
    chosen = recipe(args, p)
    table, items = read(args.modality)
    item_ids = table["item_id"].tolist()
    folder = f"data/cache/{args.modality}/{args.encoder}"
    with files.replacing_folder(folder) as out:
        if args.encoder == given.NAME:
            filled = given.fill(out / "features.npy", f"{VECTORS}/{args.modality}", args.modality, item_ids)
        else:
            with progress.bar(args.encoder, "item") as bar:
                filled = cache.fill(out / "features.npy", chosen, items, p.runtime, bar)
            filled = without_vectors(filled, args, p, items)
        counts = report(filled)
        files.write_array(out / "present.npy", filled.features.present)
        files.write_json(out / "item_ids.json", item_ids)
        files.write_json(out / "card.json", {"encoder": args.encoder} | filled.card | counts)
    draw(args.modality, filled.features, table)
    shown = {"weights": origin(filled.card)} | {name: counts[name] for name in ("present", "absent")}
    files.write_json(f"metrics/cache_{args.modality}.json", {args.modality: shown})
    print(f"{args.encoder}: {counts['present']:,} of {counts['items']:,} items, width {counts['width']}")
    print(f"{filled.distinct - filled.known:,} encoded, {filled.known:,} from the store")
    return folder


if __name__ == "__main__":
    runtime.stage(main)
