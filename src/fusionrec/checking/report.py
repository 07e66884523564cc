"""The check as a whole, and how it is printed and written."""

import textwrap
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from fusionrec import params, trees
from fusionrec.checking import folder, interactions, items, pairing, pictures, trial
from fusionrec.checking.folder import Folder
from fusionrec.checking.guess import COLUMNS, FILES, Guess, Source, alike, printable
from fusionrec.checking.trial import Outcome

WIDTH = 100


class Report(NamedTuple):
    """Attributes: what the folder holds, all guesses, and what the trial found; None if it was not possible."""

    found: Folder
    guess: Guess
    outcome: Outcome | None

    @property
    def is_ready(self) -> bool:
        """Whether the pipeline can run with the guesses."""
        return self.outcome is not None and not self.guess.questions and not self.outcome.problems


def make(root: Path, tree: dict[str, Any], fixed: dict[str, Any]) -> Report:
    """Check a folder.

    Args:
        root: the folder.
        tree: all parameters; those that are not guessed stay as they are.
        fixed: values that the user has given, by the full names of the parameters.

    Raises:
        UserError: if there is no such folder.
    """
    guess = Guess(fixed)
    guess.set("raw.source", "files", "your own data")
    guess.set("raw.input", root.as_posix(), "the folder that was checked")
    found = folder.look(root, params.parse(trial.Raw, tree).extensions)
    pair = pairing.find(found.tables, found.unread, guess)
    if pair is None:
        return Report(found, guess, None)
    _tables(pair, guess)
    interactions.assign(pair.log, guess)
    image = pictures.column(found, pair.items, guess)
    items.assign(pair.items._replace(columns=pair.items.others(image)), guess)
    if image is None:
        pictures.assign(found, pair.items.key, pair.items.table.whole, guess)
    if guess.questions:
        return Report(found, guess, None)
    return Report(found, guess, trial.run(root, merged(tree, guess), guess))


def _tables(pair: pairing.Pair, guess: Guess) -> None:
    items, log = pair.items, pair.log
    guess.set(f"{FILES}.items", items.table.name, f"{items.key.name} holds another id in each row")
    guess.set(f"{COLUMNS}.item", items.key.name, f"such as {items.key.example()}")
    plain, usual = pairing.overlap(log.key, items.key)
    why = f"{plain:.0%} of the ids in {log.key.name} are in {items.table.name}"
    if usual > plain:
        why += f", {usual:.0%} if it does not matter how they are written"
        guess.notes.append(_differently(log, items))
    guess.set(f"{FILES}.interactions", pairing.file(log.table), why)
    other = None if log.key.name == items.key.name else log.key.name
    guess.set(f"{COLUMNS}.interactions_item", other, why if other else "the same name as in the items")
    for name, table in (("items_format", items.table), ("interactions_format", log.table)):
        for part, default in (("delimiter", ","), ("encoding", "utf-8")):
            value = getattr(table.form, part)
            guess.set(f"{FILES}.{name}.{part}", value, table.why.get(part, "") if value != default else "")
        guess.set(f"{FILES}.{name}.decimal", ".", "")
        guess.set(f"{FILES}.{name}.time", None, "")
        if table.repeated:
            guess.notes.append(
                f"{table.name.splitlines()[0]}: several columns are called {', '.join(table.repeated)}"
            )


def _differently(log: Source, items: Source) -> str:
    """Ids that are written differently in both tables, and what helps."""
    known = pd.Index(list(items.key.counts), dtype="str")
    ours = pd.Index([written for written in log.key.counts if written not in items.key.counts], dtype="str")
    pairs = alike(ours, known)
    shown = ", ".join(f"{written!r} for {item!r}" for written, item in pairs[:3])
    return (
        f"{len(pairs):,} ids of items are written differently in {log.table.name}, such as {shown}; interactions with "
        "them are lost. Export both tables with the ids as text"
    )


def merged(tree: dict[str, Any], guess: Guess) -> dict[str, Any]:
    """All parameters with the guesses."""
    whole: dict[str, Any] = trees.changed(
        tree, {name: setting.value for name, setting in guess.settings.items()}
    )
    return whole


def lines(report: Report, root: Path) -> list[str]:
    """The report as text."""
    found, guess, outcome = report
    parts = [f"{root} holds"]
    for table in found.tables:
        more = "" if table.whole else ", and more"
        parts.append(f"  {table.name}: {table.rows:,} rows{more}, columns {', '.join(table.columns)}")
    parts += [f"  {name}/: {len(files):,} pictures" for name, files in found.pictures.items()]
    parts += [f"  {name}: not used: {remedy}" for name, remedy in found.unread.items()]
    parts += ["", "Guesses"]
    parts += [
        f"  {name}: {_shown(value)}" + (f"  ({why})" if why else "") for name, (value, why) in _told(guess)
    ]
    if guess.unused:
        parts += ["", "Not used", *(f"  {name}: {why}" for name, why in guess.unused.items())]
    if guess.notes:
        parts += ["", "Worth knowing", *(f"  - {note}" for note in guess.notes)]
    if outcome is not None:
        parts += ["", "Kept", *(f"  {line}" for line in outcome.kept)]
        if outcome.lost:
            parts += ["", "Lost"]
            parts += [
                f"  {lost.rows:,} {lost.table}: {lost.reason} ({'; '.join(lost.examples)})"
                for lost in outcome.lost
            ]
        parts += [f"\nThis would stop the pipeline: {problem}" for problem in outcome.problems]
    parts += [f"\nPlease say: {question}" for question in guess.questions]
    return [printable(wrapped) for part in parts for line in part.split("\n") for wrapped in _wrapped(line)]


def _told(guess: Guess) -> list[Any]:
    """The guesses that are worth a line: those with a reason."""
    return [
        (name, setting) for name, setting in guess.settings.items() if setting.why and name not in guess.fixed
    ]


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(str, value))}]"
    if isinstance(value, dict):
        return ", ".join(f"{key} {part}" for key, part in value.items())
    return "null" if value is None else repr(value) if value in (" ", "\t", ",", ";", "|") else str(value)


def _wrapped(line: str) -> list[str]:
    indent = len(line) - len(line.lstrip())
    return textwrap.wrap(
        line.strip(), WIDTH, initial_indent=" " * indent, subsequent_indent=" " * (indent + 4)
    ) or [""]
