"""Small folders of data, with one oddity each."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fusionrec import params
from fusionrec.checking import report
from fusionrec.checking.report import Report

ROOT = Path(__file__).resolve().parents[2]
TREE = params.read(ROOT / "params.yaml")
ITEMS, USERS, PER_USER = 60, 40, 10
FIRST = 1_500_000_000
GENRES = ["A|B", "B|C", "A"]
WORDS = ["red", "blue", "green"]


def items(key: str = "item_id", ids: list[Any] | None = None, **columns: list[Any]) -> pd.DataFrame:
    number = range(ITEMS)
    return pd.DataFrame(
        {
            key: ids or [f"i{n}" for n in number],
            "title": [f"Nice {WORDS[n % 3]} thing number {n}" for n in number],
            "genres": [GENRES[n % 3] for n in number],
            "price": [round(3 + n * 1.37, 2) for n in number],
            **columns,
        }
    )


def log(
    user: str = "user_id", item: str = "item_id", time: str = "timestamp", ids: list[Any] | None = None,
    users: list[Any] | None = None, **columns: Any,
) -> pd.DataFrame:  # fmt: skip
    """Each user chooses ten items; other columns are lists, or functions of the time."""
    rng = np.random.default_rng(0)
    names = ids or [f"i{n}" for n in range(ITEMS)]
    rows = [
        (person, names[n], FIRST + int(rng.integers(0, 10**7)))
        for person in users or [f"u{n}" for n in range(USERS)]
        for n in rng.choice(ITEMS, PER_USER, replace=False)
    ]
    table = pd.DataFrame(rows, columns=[user, item, time])
    return table.assign(
        **{name: list(map(made, table[time])) if callable(made) else made for name, made in columns.items()}
    )


def check(root: Path, fixed: dict[str, Any] | None = None, **files: Any) -> Report:
    """Write the files (tables, texts or bytes), of which `items_csv` is called items.csv, and check their folder."""
    for name, content in files.items():
        path = root / name.replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, pd.DataFrame):
            content.to_csv(path, index=False)
        elif isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content, encoding="utf-8")
    return report.make(root, TREE, fixed or {})


def guessed(found: Report) -> dict[str, Any]:
    """The guesses without the beginning of their names."""
    return {name.removeprefix("raw.files."): setting.value for name, setting in found.guess.settings.items()}
