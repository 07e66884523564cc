"""The progress of a training, read from DVCLive's files while they are written."""

from pathlib import Path

from fusionrec import files


def curve(folder: Path, monitor: str) -> list[float]:
    """The validation metric `monitor` after each epoch; an incomplete last line is left out."""
    path = folder / f"plots/metrics/val/{monitor}.tsv"
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    lines = text[: text.rfind("\n") + 1].splitlines()[1:]
    return [float(line.split("\t")[1]) for line in lines]


def best(folder: Path, monitor: str) -> float:
    """The validation metric `monitor` of the epoch whose weights were kept."""
    return float(files.read_json(folder / "metrics.json")["best"]["val"][monitor])
