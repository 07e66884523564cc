"""From clean tables to the parts of a split: ids to rows, groups of a column, labels, proof, tables."""

import numpy as np
import pandas as pd

from fusionrec import params
from fusionrec.data import leakage, strategies
from fusionrec.data.attributes import CATEGORY, NUMBER
from fusionrec.data.memberships import KINDS
from fusionrec.data.separator import SEPARATOR
from fusionrec.data.strategies import PARTS, Log
from fusionrec.errors import UserError

BINS = 10  # of a column of numbers
READS = {  # the parameters of a strategy besides the fractions
    "leave_one_out": ("min_interactions", "held_out"),
    "stratified": ("min_interactions",),
    "stratified_temporal": ("min_interactions",),
    "stratified_by_column": ("min_interactions", "column"),
    "user": ("min_interactions", "fold_in"),
    "mixed": ("min_interactions", "cold_users", "cold_items", "fold_in"),
}


def index(interactions: pd.DataFrame, item_ids: pd.Series) -> tuple[Log, pd.Index]:
    """Ids to rows.

    Args:
        interactions: user_id, item_id (strings, or categories of strings) and timestamp, in any order.
        item_ids: of the catalogue.

    Returns:
        The log in canonical order, and the id of each user row, sorted.
    """
    users = interactions["user_id"].astype("category").cat.remove_unused_categories()
    names = users.cat.categories.sort_values()
    items = interactions["item_id"].astype("category")
    log = Log(
        _rows(users, names), _rows(items, pd.Index(item_ids)), interactions["timestamp"].to_numpy(np.int64)
    )
    assert log.item.min(initial=0) >= 0, "an interaction is with an item that is not in the catalogue"
    return canonical(log), names


def _rows(ids: pd.Series, names: pd.Index) -> np.ndarray:
    """int32 [n]: the position in `names` of each of the categorical `ids`, -1 where there is none."""
    return names.get_indexer(ids.cat.categories).astype(np.int32)[ids.cat.codes.to_numpy()]


def canonical(log: Log) -> Log:
    """Sorted by user, timestamp and item; a log that already is so costs one look."""
    user, item, timestamp = log
    same_user, same_time = user[1:] == user[:-1], timestamp[1:] == timestamp[:-1]
    later = (timestamp[1:] > timestamp[:-1]) | same_time & (item[1:] >= item[:-1])
    if ((user[1:] > user[:-1]) | same_user & later).all():
        return log
    order = np.lexsort((item, timestamp, user))
    return Log(user[order], item[order], timestamp[order])


def split(log: Log, items: pd.DataFrame, options: params.Splits) -> np.ndarray:
    """Split by the strategy that the parameters name, and prove that nothing leaks.

    Args:
        log: in canonical order.
        items: the catalogue, for `stratified_by_column`.
        options: see params.yaml.

    Returns:
        int8 [n], positions in `PARTS`.

    Raises:
        UserError: if the fractions leave no room for a part, the column is unknown, or a part is empty.
    """
    _require_room(options)
    by_column = options.strategy == "stratified_by_column"
    strata = groups(options.column, log, items) if by_column else log.user
    labels = _labels(log, strata, options, np.random.default_rng(options.seed))
    _require_parts(labels, options)
    leakage.check(labels, log, strata, options)
    return labels


def _labels(log: Log, strata: np.ndarray, o: params.Splits, rng: np.random.Generator) -> np.ndarray:
    fractions = o.val_fraction, o.test_fraction
    match o.strategy:
        case "leave_one_out":
            return strategies.leave_one_out(log, o.held_out, o.min_interactions, rng)
        case "temporal":
            return strategies.temporal(log, *fractions)
        case "stratified":
            return strategies.stratified(log, *fractions, o.min_interactions, rng)
        case "stratified_temporal":
            return strategies.stratified_temporal(log, *fractions, o.min_interactions)
        case "stratified_by_column":
            return strategies.stratified_by(strata, *fractions, o.min_interactions, rng)
        case "simple_random":
            return strategies.simple_random(log, *fractions, rng)
        case "user":
            return strategies.user(log, *fractions, o.min_interactions, o.fold_in, rng)
        case "item":
            return strategies.item(log, *fractions, rng)
        case "mixed":
            cold = o.cold_users, o.cold_items
            return strategies.mixed(log, *fractions, o.min_interactions, *cold, o.fold_in, rng)


def groups(column: str, log: Log, items: pd.DataFrame) -> np.ndarray:
    """The group of each interaction by a column, for `stratified_by_column`.

    - `user_id`, `item_id`: one group each.
    - `category_*`: one group for each set of values.
    - `number_*`: tenths of the catalogue by value, and one group for the items without a number.

    Returns:
        int64 [n].

    Raises:
        UserError: if there is no such column.
    """
    if column == "user_id":
        return log.user
    if column == "item_id":
        return log.item
    known = [str(name) for name in items if str(name).startswith((CATEGORY, NUMBER))]
    if column not in known:
        raise UserError(
            f"splits.column={column}: no such column; use one of {', '.join(['user_id', 'item_id', *known])}"
        )
    if column.startswith(CATEGORY):
        sets = items[column].map(lambda values: SEPARATOR.join(sorted(set(values))))
        return pd.factorize(sets, sort=True)[0][log.item]
    values = items[column].to_numpy(np.float64)
    edges = np.nanquantile(values, np.arange(1, BINS) / BINS) if not np.isnan(values).all() else []
    return np.where(np.isnan(values), BINS, np.searchsorted(edges, values, side="right"))[log.item]


def tables(log: Log, labels: np.ndarray, kind: np.ndarray) -> dict[str, pd.DataFrame]:
    """{part: user, item, timestamp}, each in canonical order; val and test also say what is cold: `kind`."""
    parts = {}
    for label, name in enumerate(PARTS):
        rows = labels == label
        parts[name] = pd.DataFrame({field: column[rows] for field, column in log._asdict().items()})
        if name in ("val", "test"):
            parts[name]["kind"] = pd.Categorical.from_codes(kind[rows], pd.Index(KINDS))
    return parts


def _require_room(options: params.Splits) -> None:
    val, test = options.val_fraction, options.test_fraction
    if options.strategy != "leave_one_out" and not (val > 0 and test > 0 and val + test < 1):
        raise UserError(
            f"splits.val_fraction={val} and splits.test_fraction={test}: both must be above 0, and together "
            f"below 1, for splits.strategy={options.strategy}"
        )


def _require_parts(labels: np.ndarray, options: params.Splits) -> None:
    names = READS.get(options.strategy, ())
    if options.strategy != "leave_one_out":
        names = ("val_fraction", "test_fraction", *names)
    values = ", ".join(f"splits.{name}={getattr(options, name)}" for name in names)
    for label in (strategies.TRAIN, strategies.VAL, strategies.TEST):
        if not (labels == label).any():
            raise UserError(
                f"splits.strategy={options.strategy} with {values} leaves the {PARTS[label]} part of "
                f"{len(labels):,} interactions empty; change these, lower clean.min_user_interactions, or use "
                "more data"
            )
