"""The model card: a description of a trained model, as `card.json` and as a page in Markdown.

Mitchell et al., "Model Cards for Model Reporting", FAT* 2019.
"""

import platform
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from fusionrec import checksums, files

LIBRARIES = (
    "numpy",
    "pandas",
    "pyarrow",
    "pillow",
    "safetensors",
    "scipy",
    "timm",
    "torch",
    "torchvision",
    "transformers",
)
NAMES = "card.json", "README.md"


class Card(NamedTuple):
    """The content of a model card, ready for JSON.

    Attributes:
        model: its name, what it needs, and the number of its weights.
        parameters: of all stages that it depends on, by section.
        code: digest of each file that training can run, and one of them all.
        data: sha256 of each file that training read.
        libraries: versions, without the build.
        encoders: of each modality its name, where its weights come from, their revision or hash, and their licence.
        metrics: the best epoch, and its validation metrics with intervals.
    """

    model: dict[str, Any]
    parameters: dict[str, Any]
    code: dict[str, Any]
    data: dict[str, str]
    libraries: dict[str, str]
    encoders: dict[str, Any]
    metrics: dict[str, Any]


def save(folder: Path, card: Card) -> None:
    """Write both files into a model's folder."""
    files.write_json(folder / NAMES[0], card._asdict())
    files.write_text(folder / NAMES[1], markdown(card))


def hashes(paths: Iterable[Path | str]) -> dict[str, str]:
    """sha256 of each file, by its path; of a folder, of all files inside."""
    inside = [
        file for path in map(Path, paths) for file in (sorted(path.rglob("*")) if path.is_dir() else [path])
    ]
    there = [path for path in inside if path.is_file() and path.name != checksums.NAME]
    return {path.as_posix(): checksums.sha256(path) for path in there}


def libraries() -> dict[str, str]:
    """Versions of Python and of the libraries that bytes can depend on, without local build tags."""
    python = ".".join(platform.python_version_tuple()[:2])
    return {"python": python} | {name: version(name).partition("+")[0] for name in LIBRARIES}


def encoder(name: str, card: dict[str, Any], entry: Any) -> dict[str, Any]:
    """The entry of one encoder: its name, origin of the weights, revision or hash, and licence.

    Args:
        name: in the registry.
        card: of the feature cache.
        entry: of the registry, an `EncoderEntry`; None where the modality is switched off.
    """
    if entry is None:
        return {"encoder": name}
    source = card.get("weights")
    if isinstance(source, dict):  # trained with the model
        source = source["weights"]
    origin = {"hub": entry.hub, "pypi": entry.pypi}.get(str(source))
    exact: dict[str, Any] = {key: card[key] for key in ("revision", "member_sha256") if key in card}
    return {"encoder": name, "weights": source, **exact, "license": origin.license if origin else "unknown"}


def markdown(card: Card) -> str:
    """The model card as a page."""
    title = f"# {card.model['name']}\n\n"
    about = (
        f"A recommender made by FusionRec: the model `{card.model['name']}` with {card.model['weights']:,} "
        f"weights. It needs {', '.join(card.model['needs']) or 'train interactions alone'}, and "
        f"{'can' if card.model['scores_new_items'] else 'cannot'} score items that are not in the catalogue. "
        "`config.json` holds its parameters, `card.json` all that follows and more."
        "\n\n"
    )
    metrics = [
        f"| {name} | {row['mean']:.4f} | {_interval(row)} | {row['users']:,} |"
        for name, row in card.metrics["validation"].items()
    ]
    encoders = [
        f"| {modality} | {row['encoder']} | {row.get('weights', '')} | {_exact(row)} | {row.get('license', '')} |"
        for modality, row in card.encoders.items()
    ]
    sections = [
        f"Epoch {card.metrics['epoch']} was best. Validation metrics, with 95 % intervals over users; "
        "the test metrics are in `metrics/eval.json` of the repository.\n",
        _table("metric | mean | interval | users", metrics),
        "## Encoders\n",
        _table("modality | encoder | weights from | revision or sha256 | licence", encoders),
        "## Parameters\n",
        _table("parameter | value", [f"| {name} | `{value}` |" for name, value in _flat(card.parameters)]),
        "## Data\n",
        _table("file | sha256", [f"| {name} | `{digest[:16]}` |" for name, digest in card.data.items()]),
        "## Code and libraries\n",
        f"Fingerprint of the code: `{card.code['fingerprint'][:16]}`. "
        + ", ".join(f"{name} {number}" for name, number in card.libraries.items())
        + ".\n",
    ]
    return title + about + "\n".join(["## Metrics\n", *sections])


def _table(head: str, rows: list[str]) -> str:
    columns = head.count("|") + 1
    return "\n".join([f"| {head} |", "|---" * columns + "|", *rows]) + "\n"


def _interval(row: dict[str, Any]) -> str:
    return "too few hits" if row["low"] is None else f"{row['low']:.4f} to {row['high']:.4f}"


def _exact(row: dict[str, Any]) -> str:
    exact = str(row.get("revision") or row.get("member_sha256") or "")
    return f"`{exact[:16]}`" if exact else ""


def _flat(tree: dict[str, Any], where: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for name, value in tree.items():
        key = f"{where}.{name}" if where else name
        rows += _flat(value, key) if isinstance(value, dict) and value else [(key, value)]
    return rows
