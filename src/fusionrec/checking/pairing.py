"""Which tables are the items and the interactions: a column of the one holds ids that are unique in the other."""

import re
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from fusionrec.checking.columns import Column, named
from fusionrec.checking.folder import Table
from fusionrec.checking.guess import COLUMNS, FILES, Guess, Source, overlap

ITEM = (
    "items?|itemid|products?|productid|articles?|articleid|movies?|movieid|films?|books?|isbn|asin|parentasin|sku|songs?|"
    "tracks?|trackid|videos?|videoid|news|newsid|recipes?|recipeid|games?|gameid|business|businessid|iid|pid|mid|"
    "artikel|artikelnr|artikelnummer|produkt|produktnr|produktid|nr|articulo|producto|produit|prodotto|id"
)
USER = (
    "users?|userid|customers?|customerid|clients?|clientid|members?|memberid|reviewers?|reviewerid|visitors?|visitorid|"
    "accounts?|accountid|buyers?|buyerid|shoppers?|readers?|persons?|people|profiles?|profileid|authors?|authorid|uid|"
    "kunde|kunden|kundennr|kundennummer|kundeid|nutzer|benutzer|cliente|usuario|utilisateur|utente"
)
RATING = (
    "ratings?|scores?|stars?|overall|points|grade|grades|bewertung|sterne|note|punkte|puntuacion|valoracion|voto|voti|"
    "feedback|likes?|liked|clicks?|clicked|label"
)
PARTS = {
    "train": "train|training|trn", "val": "val|valid|validation|dev|eval", "test": "test|testing|tst",
}  # fmt: skip
LEAST = 0.3  # overlap; below it, two columns have nothing to do with each other
CLOSE = 0.1  # scores that are nearer to each other are a question


class Pair(NamedTuple):
    """Two tables that belong together, best score first."""

    score: float
    log: Source
    items: Source


def find(found: list[Table], unread: dict[str, str], guess: Guess) -> Pair | None:
    """The items and the interactions among tables; None, and a question, if it is not clear which they are.

    Args:
        found: the tables.
        unread: files that cannot be used, with what to do about them.
        guess: gets the question.
    """
    logs = [table for table in [*_parted(found), *found] if _is(guess, f"{FILES}.interactions", file(table))]
    catalogues = [table for table in found if _is(guess, f"{FILES}.items", table.name)]
    pairs = sorted(_pairs(logs, catalogues, guess), key=lambda pair: -pair.score)
    if not pairs:
        names = ", ".join(table.name for table in found) or "none"
        guess.questions.append(
            "No column of one table holds the ids of another one. Two tables are needed: items, with a row and an id "
            "for each item, and interactions, with the id of a user and of an item in each row. "
            f"Tables that were found: {names}. {_not_used(unread)}"
        )
        return None
    best, *rest = pairs
    for rival in rest:
        if best.score - rival.score < CLOSE:
            _ask(best, rival, guess)
            return None
    return best


def _not_used(unread: dict[str, str]) -> str:
    files = "; ".join(f"{name}: {remedy}" for name, remedy in unread.items())
    return f"Files that cannot be used: {files}" if files else ""


def _ask(best: Pair, rival: Pair, guess: Guess) -> None:
    """Ask for the first thing that tells two pairs apart."""
    log, items = file(best.log.table), best.items.table.name
    several: list[tuple[str, str, Callable[[Pair], Any]]] = [
        ("Which table holds the interactions?", f"{FILES}.interactions", lambda pair: file(pair.log.table)),
        ("Which table holds the items?", f"{FILES}.items", lambda pair: pair.items.table.name),
        (
            f"Which column of {items} holds the ids of the items?",
            f"{COLUMNS}.item",
            lambda pair: pair.items.key.name,
        ),
        (
            f"Which column of {log} is the item?",
            f"{COLUMNS}.interactions_item",
            lambda pair: pair.log.key.name,
        ),
    ]
    for question, parameter, of in several:
        if of(best) != of(rival):
            guess.ask(question, parameter, [str(of(pair)) for pair in (best, rival)])
            return


def _is(guess: Guess, name: str, value: Any) -> bool:
    """Whether the user has given no other value."""
    return guess.fixed.get(name) in (None, value)


def file(table: Table) -> Any:
    """The value of the parameter that names a table: a path, or a path for each part of a split."""
    if "\n" not in table.name:
        return table.name
    names = table.name.split("\n")
    return {part: name for part in PARTS for name in names if _part(name) == part}


def _part(name: str) -> str | None:
    words = re.split(r"[^a-z]+", PurePosixPath(name).name.lower())
    return next(
        (part for part, pattern in PARTS.items() if any(re.fullmatch(pattern, word) for word in words)), None
    )


def _parted(found: list[Table]) -> Iterator[Table]:
    """The tables that are the parts of one log, by their names, as one table."""
    by_columns: dict[tuple[str, ...], dict[str, Table]] = {}
    for table in found:
        if part := _part(table.name):
            by_columns.setdefault(tuple(table.columns), {})[part] = table
    for columns, parts in by_columns.items():
        if {"train", "test"} <= {*parts}:  # val can be drawn from train
            several = list(parts.values())
            together = {name: [v for table in several for v in table.columns[name]] for name in columns}
            rows, whole = sum(table.rows for table in several), all(table.whole for table in several)
            name = "\n".join(table.name for table in several)
            yield several[0]._replace(name=name, columns=together, rows=rows, whole=whole)


def _pairs(logs: list[Table], catalogues: list[Table], guess: Guess) -> Iterator[Pair]:
    made = {
        id(table): [Column(*column) for column in table.columns.items()] for table in [*logs, *catalogues]
    }
    grouped = {name for log in logs if isinstance(file(log), dict) for name in log.name.split("\n")}
    for items, log in product(catalogues, logs):
        if log is items or log.name in grouped or len(made[id(log)]) < 2:
            continue
        ours, theirs = made[id(log)], made[id(items)]
        for used, key in product(ours, theirs):
            wanted = key.is_unique and _is(guess, f"{COLUMNS}.item", key.name)
            if not wanted or not _is(guess, f"{COLUMNS}.interactions_item", used.name):
                continue
            if score := _score(used, key, ours):
                score += 0.15 * any(column.is_text for column in theirs if column is not key)
                yield Pair(score, Source(log, ours, used), Source(items, theirs, key))


def _score(used: Column, key: Column, columns: list[Column]) -> float:
    """How well a column of a log fits the ids of a catalogue; 0 if they have nothing to do with each other."""
    if used.time and not named([used], ITEM):
        return 0
    plain, usual = overlap(used, key)
    if max(plain, usual) < LEAST:
        return 0
    score = max(plain, 0.95 * usual) + 0.3 * (used.repeats >= 1.2)
    score += 0.3 * bool(named([used], ITEM)) + 0.2 * bool(named([key], ITEM)) + 0.1 * (used.name == key.name)
    users = named(columns, USER)
    others = [user for user in users if user is not used]
    return score + 0.2 * bool(others) - 0.3 * (used in users) + 0.15 * bool(named(columns, RATING))
