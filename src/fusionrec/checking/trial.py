"""A trial: the folder is read, cleaned and split by the code of the pipeline, with the guessed parameters."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from fusionrec import params
from fusionrec.checking.guess import Guess, alike
from fusionrec.data import cleaning, interactions, leaking_columns, splits
from fusionrec.data.attributes import NUMBER
from fusionrec.data.clean_options import Clean
from fusionrec.data.raw_log import RawLog
from fusionrec.data.reading.dataset import Dataset
from fusionrec.data.rejections import FilteredTable
from fusionrec.data.sources import Raw, files
from fusionrec.data.split_labels import PARTS
from fusionrec.data.strategies import Splits
from fusionrec.errors import UserError

EXAMPLES = 3
CORES = [5, 3]  # values of clean.min_user_interactions that are tried
STEPS = 8  # an epoch, as in the demo
KEPT = 0.5  # share of the interactions that must be left


class Lost(NamedTuple):
    """Rows or pictures that are not used: of which table, why, how many, and some of them."""

    table: str
    reason: str
    rows: int
    examples: list[str]


class Outcome(NamedTuple):
    """What a trial found.

    Attributes:
        kept: lines such as "items: 90 of 100".
        lost: what is not used.
        problems: errors that would stop the pipeline.
    """

    kept: list[str]
    lost: list[Lost]
    problems: list[str]


def run(root: Path, tree: dict[str, Any], guess: Guess) -> Outcome:
    """Read, clean and split the folder.

    Args:
        root: the folder.
        tree: all parameters, with the guesses.
        guess: gets what follows from the data as a whole: counts that leak, and the least number of interactions.
    """
    outcome = Outcome([], [], [])
    raw, options = params.parse(Raw, tree), params.parse(Clean, tree)
    try:
        data = files.read(root, raw.extensions, raw.own("files"))
        options = _completed(data, options, guess)
        result = cleaning.clean(data.items, data.interactions, options)
    except UserError as error:
        outcome.problems.append(str(error))
        return outcome
    for name in ("items", "interactions"):
        counts = result.counts[name]
        outcome.kept.append(f"{name}: {counts['kept']:,} of {counts['in']:,}")
    outcome.kept.append(f"users: {result.counts['interactions']['users']:,}")
    outcome.kept.append(f"pictures: {len(getattr(data.pictures, 'names', [])):,}")
    rejected = pd.concat([data.rejected.rename(columns={"id": "item_id"}), result.rejected])
    outcome.lost.extend(_lost(rejected, pd.Index(data.items["item_id"].dropna().astype("str"))))
    _batch(result.counts["interactions"]["users"], tree["train"]["batch"], guess)
    _split(result, params.parse(Splits, tree), outcome)
    return outcome


def _completed(data: Dataset, options: Clean, guess: Guess) -> Clean:
    """The parameters of cleaning that depend on all rows."""
    log = interactions.read(RawLog(data.interactions))
    names = [str(name).removeprefix(NUMBER) for name in data.items if str(name).startswith(NUMBER)]
    suspects = leaking_columns.suspects(names, interactions.newest(log), options)
    if suspects:
        why = "by their names they were counted after the interactions, which leaks them; if not: clean.known_before"
        guess.set("clean.known_later", list(suspects), why)
    if "clean.min_user_interactions" not in guess.settings:
        least = _core(data, log, options)
        why = f"users with fewer tell too little; 5 would leave less than {KEPT:.0%} of the interactions" * (
            least < CORES[0]
        )
        if least != options.min_user_interactions:
            guess.set("clean.min_user_interactions", least, why)
    changed = {name: guess.settings[f"clean.{name}"].value for name in ("known_later", "min_user_interactions")
               if f"clean.{name}" in guess.settings}  # fmt: skip
    return options.model_copy(update=changed)


def _batch(users: int, usual: int, guess: Guess) -> None:
    """Smaller batches for few users: with one or two steps an epoch, training ends before the model has learned."""
    fitting = 2 ** round(np.log2(max(users / STEPS, 16)))
    if fitting < usual:
        guess.set("train.batch", fitting, f"about {STEPS} steps an epoch with {users:,} users")


def _core(data: Dataset, log: interactions.Log, options: Clean) -> int:
    """The largest of `CORES` that keeps enough interactions; else the least."""
    catalogue = FilteredTable("items", data.items)
    ids = data.items["item_id"]
    catalogue.reject((ids.isna() | ids.duplicated()).to_numpy(), "no_id_of_its_own")
    log = interactions.reject_rows(log, catalogue, options.min_rating)
    per_user = np.bincount(log.user, minlength=1)
    for least in CORES:
        if per_user[per_user >= least].sum() >= KEPT * max(1, per_user.sum()):
            return least
    return CORES[-1]


def _lost(rejected: pd.DataFrame, known: pd.Index) -> list[Lost]:
    found = []
    for (table, reason), rows in rejected.groupby(["table", "reason"], sort=True):
        first = rows.head(EXAMPLES)
        if reason == "item_id_written_differently":
            pairs = alike(pd.Index(first["item_id"].astype("str")), known)
            examples = [f"{written!r} is {item!r} among the items" for written, item in pairs]
        else:
            columns = zip(first["row"], first["item_id"], first["value"], strict=True)
            examples = [_example(row, item, value) for row, item, value in columns]
        found.append(Lost(str(table), str(reason), len(rows), examples))
    return sorted(found, key=lambda lost: -lost.rows)


def _example(row: Any, item: Any, value: Any) -> str:
    where = "" if pd.isna(row) else f"row {row}"
    what = next((str(each) for each in (value, item) if not pd.isna(each) and str(each)), "")
    return ": ".join(part for part in (where, what[:60]) if part)


def _split(result: cleaning.Cleaned, options: Splits, outcome: Outcome) -> None:
    log, _ = splits.index(result.interactions, result.items["item_id"])
    try:
        labels = splits.split(log, result.items, options).labels
    except UserError as error:
        outcome.problems.append(str(error))
        return
    counts = np.bincount(labels, minlength=len(PARTS))
    sizes = ", ".join(f"{count:,} {name}" for count, name in zip(counts, PARTS, strict=True) if count)
    outcome.kept.append(f"split by {options.strategy}: {sizes}")
