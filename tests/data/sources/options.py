"""Parameters of section `raw`, as in params.yaml but for the changes."""

from pathlib import Path
from typing import Any

import yaml

from fusionrec import params

ROOT = Path(__file__).resolve().parents[3]
SHARED = ROOT.parent / "shared/data"


def raw(**changes: Any) -> params.Raw:
    """`raw(files={"items": "x.csv"})` changes one key of a section and leaves the others."""
    tree = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))["raw"]
    for name, value in changes.items():
        tree[name] = tree[name] | value if isinstance(value, dict) else value
    return params.Raw.model_validate(tree)


def rows(table: Any) -> dict[str, list[Any]]:
    """A table as lists by column, with None for null."""
    plain = table.astype(object)
    return plain.where(plain.notna(), None).to_dict("list")
