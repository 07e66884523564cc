"""Parameters of a source as in params.yaml, except for changes."""

from pathlib import Path
from typing import Any

from fusionrec import choices, params
from fusionrec.data.sources import PACKAGE

ROOT = Path(__file__).resolve().parents[3]
SHARED = ROOT.parent / "shared/data"
EXTENSIONS = [".jpg", ".jpeg", ".png", ".webp"]


def own(source: str, **changes: Any) -> Any:
    """`own("files", items="x.csv")`: the `Options` of a source, with one key changed."""
    tree = params.read(ROOT / "params.yaml")["raw"][source]
    return choices.load(PACKAGE, source).Options.model_validate(tree | changes)


def rows(table: Any) -> dict[str, list[Any]]:
    """A table as lists by column, with None for null."""
    plain = table.astype(object)
    return plain.where(plain.notna(), None).to_dict("list")
