"""From clean tables to the parts of a split: ids to rows, labels with their proof, tables."""

import hashlib
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from fusionrec.data import leakage, strategies
from fusionrec.data.leakage import Proof, proved
from fusionrec.data.memberships import KINDS
from fusionrec.data.split_labels import PARTS, TEST, TRAIN, VAL, Log
from fusionrec.data.strategies import Given, Splits
from fusionrec.errors import UserError


def index(interactions: pd.DataFrame, item_ids: pd.Series) -> tuple[Log, pd.Index]:
    """Ids to rows.

    Args:
        interactions: user_id, item_id (strings, or categories of strings), timestamp, and split if the data set has
            parts of its own; in any order.
        item_ids: of the catalogue.

    Returns:
        The log in canonical order, and the id of each user row, sorted.

    Raises:
        ProofError: if an interaction is with an item that is not in the catalogue.
    """
    users = interactions["user_id"].astype("category").cat.remove_unused_categories()
    names = users.cat.categories.sort_values()
    items = interactions["item_id"].astype("category")
    log = Log(
        _rows(users, names),
        _rows(items, pd.Index(item_ids)),
        interactions["timestamp"].to_numpy(np.int64),
        pd.Categorical(interactions["split"]) if "split" in interactions else None,
    )
    proved("every interaction is with an item of the catalogue", log.item < 0)
    return canonical(log), names


def _rows(ids: pd.Series, names: pd.Index) -> np.ndarray:
    """int32 [n]: the position in `names` of each of the categorical `ids`, -1 where there is none."""
    return names.get_indexer(ids.cat.categories).astype(np.int32)[ids.cat.codes.to_numpy()]


def canonical(log: Log) -> Log:
    """The log sorted by user, timestamp and item; if it is sorted already, it is only checked."""
    user, item, timestamp, given = log
    same_user, same_time = user[1:] == user[:-1], timestamp[1:] == timestamp[:-1]
    later = (timestamp[1:] > timestamp[:-1]) | same_time & (item[1:] >= item[:-1])
    if ((user[1:] > user[:-1]) | same_user & later).all():
        return log
    order = np.lexsort((item, timestamp, user))
    return Log(user[order], item[order], timestamp[order], None if given is None else given[order])


class Split(NamedTuple):
    """A split of a log.

    Attributes:
        labels: int8 [n], positions in `PARTS`.
        cuts: the timestamps at which parts begin, by name, in seconds since 1970; empty unless the strategy
            cuts by time.
        proofs: that nothing leaks.
    """

    labels: np.ndarray
    cuts: dict[str, int]
    proofs: list[Proof]


def split(log: Log, items: pd.DataFrame, options: Splits) -> Split:
    """Split by the strategy that the parameters name, and prove that nothing leaks.

    Args:
        log: in canonical order.
        items: the catalogue, in the order of the item rows of `log`.
        options: section `splits` of the parameters.

    Raises:
        UserError: if the fractions leave no room for a part, or a part is empty; and what the strategy raises.
        ProofError: if something leaks.
    """
    strategy = strategies.load(options.strategy)
    given = Given(log, items, options, options.own(options.strategy))
    _require_room(options, strategy.reads)
    if strategy.by_time(given):
        _require_times(log, options)
    labels = strategy.label(given, np.random.default_rng(options.seed))
    _require_parts(labels, given, strategy.reads)
    proofs = [*leakage.check(labels, log, strategy.folds_in), *strategy.check(labels, given)]
    return Split(labels, strategy.cuts(given), proofs)


def proof(log: Log, split: Split, strategy: str) -> dict[str, Any]:
    """What was proved of a split, for JSON.

    Returns:
        - strategy, and interactions: how many there are
        - parts: how many of them each part has
        - proved: each promise, and in how many cases it was looked up
        - sha256: of the log (users, items and times as little-endian integers, one array after the other), and of the
          labels, one byte each
    """
    log_hash = hashlib.sha256()
    for column, kind in ((log.user, "<i4"), (log.item, "<i4"), (log.timestamp, "<i8")):
        log_hash.update(np.ascontiguousarray(column, kind).data)
    return {
        "strategy": strategy,
        "interactions": len(split.labels),
        "parts": {name: int((split.labels == label).sum()) for label, name in enumerate(PARTS)},
        "proved": [one._asdict() for one in split.proofs],
        "sha256": {
            "log": log_hash.hexdigest(),
            "labels": hashlib.sha256(np.ascontiguousarray(split.labels, np.int8).data).hexdigest(),
        },
    }


def tables(log: Log, labels: np.ndarray, kind: np.ndarray) -> dict[str, pd.DataFrame]:
    """{part: table}, with the columns user, item, timestamp, in canonical order; `kind` in val and test.

    Args:
        log: the whole log.
        labels: int8 [n], positions in `PARTS`.
        kind: int8 [n], positions in `KINDS`: whether the user or the item is cold.
    """
    parts = {}
    for label, name in enumerate(PARTS):
        rows = labels == label
        columns = {"user": log.user, "item": log.item, "timestamp": log.timestamp}
        parts[name] = pd.DataFrame({field: column[rows] for field, column in columns.items()})
        if name in ("val", "test"):
            parts[name]["kind"] = pd.Categorical.from_codes(kind[rows], pd.Index(KINDS))
    return parts


def _require_room(options: Splits, reads: tuple[str, ...]) -> None:
    val, test = options.val_fraction, options.test_fraction
    if "val_fraction" in reads and not (val > 0 and test > 0 and val + test < 1):
        raise UserError(
            f"splits.val_fraction={val} and splits.test_fraction={test}: both must be above 0, and together "
            f"below 1, for splits.strategy={options.strategy}"
        )


def _require_times(log: Log, options: Splits) -> None:
    if log.timestamp.min(initial=0) == log.timestamp.max(initial=0):
        raise UserError(
            f"splits.strategy={options.strategy} holds out the latest interactions, but all have the same time, or "
            "none; use another strategy, such as stratified, or leave_one_out with "
            "splits.leave_one_out.held_out=random"
        )


def _require_parts(labels: np.ndarray, given: Given[Any], reads: tuple[str, ...]) -> None:
    options, own = given.options, given.own
    values = {name: getattr(options, name) for name in reads}
    if own is not None:
        values |= {f"{options.strategy}.{name}": value for name, value in own.model_dump().items()}
    listed = ", ".join(f"splits.{name}={value}" for name, value in values.items()) or "no parameters"
    for label in (TRAIN, VAL, TEST):
        if not (labels == label).any():
            raise UserError(
                f"splits.strategy={options.strategy} with {listed} leaves the {PARTS[label]} part of "
                f"{len(labels):,} interactions empty; change these parameters, lower "
                "clean.min_user_interactions, or use more data"
            )
