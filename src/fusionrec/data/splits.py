"""Split strategies: pure functions from an interaction log to train, validation and test.

A log is a table (user, item, timestamp) of rows into the users and items tables, with each pair once.
"""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from fusionrec import params
from fusionrec.errors import UserError


class Split(NamedTuple):
    """Three disjoint logs whose union is the whole."""

    train: pd.DataFrame
    val: pd.DataFrame
    test: pd.DataFrame


def index(interactions: pd.DataFrame, items: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Ids to rows: the log (user, item, timestamp), and the user of each user row."""
    users, names = pd.factorize(interactions["user_id"], sort=True)
    item = pd.Index(items["item_id"]).get_indexer(interactions["item_id"])
    log = pd.DataFrame({"user": users, "item": item, "timestamp": interactions["timestamp"]})
    return log, list(names)


def split(log: pd.DataFrame, options: params.Splits) -> Split:
    """Split `log` by the strategy that the parameters name, and prove that nothing leaks.

    Raises:
        UserError: if a part is left empty.
    """
    log = log.sort_values(["user", "timestamp", "item"], ignore_index=True)
    if options.strategy == "leave_one_out":
        parts = leave_one_out(log)
    else:
        parts = temporal(log, options.val_fraction, options.test_fraction)
    check(parts, log, options.strategy)
    return Split(*(part.reset_index(drop=True) for part in parts))


def leave_one_out(log: pd.DataFrame) -> Split:
    """The last interaction of each user is for testing, the one before for validation.

    Ties in time go by item row. Users with fewer than three interactions stay in train whole, so that
    everybody who is evaluated has a history (the protocol of NCF, He et al. 2017, and SASRec, Kang and
    McAuley 2018).
    """
    age = log.groupby("user").cumcount(ascending=False)
    long = log.groupby("user")["item"].transform("size") >= 3
    return Split(log[(age >= 2) | ~long], log[(age == 1) & long], log[(age == 0) & long])


def temporal(log: pd.DataFrame, val_fraction: float, test_fraction: float) -> Split:
    """Two cuts through time, the same for everybody: the past trains, the future tests.

    The cuts are the timestamps that leave about `test_fraction` of all interactions after the second
    and `val_fraction` between the two; interactions at the very second of a cut belong to the later part.
    """
    times = log["timestamp"].sort_values(ignore_index=True)
    test_cut = times.iloc[min(int(len(times) * (1 - test_fraction)), len(times) - 1)]
    val_cut = times.iloc[min(int(len(times) * (1 - test_fraction - val_fraction)), len(times) - 1)]
    time = log["timestamp"]
    return Split(log[time < val_cut], log[(time >= val_cut) & (time < test_cut)], log[time >= test_cut])


def check(parts: Split, log: pd.DataFrame, strategy: str) -> None:
    """Prove that the parts are complete and disjoint, and that no part knows a later part's time.

    Raises:
        UserError: if a part is empty.
        AssertionError: if something leaks, which would be a bug here.
    """
    for name, part in parts._asdict().items():
        if part.empty:
            raise UserError(
                f"splits.strategy={strategy} leaves the {name} part of {len(log)} interactions empty; "
                "use more data, lower clean.min_user_interactions, or change splits.*_fraction"
            )
    together = pd.concat(parts)
    assert len(together) == len(log), "interactions were lost or doubled"
    assert not together.duplicated(["user", "item"]).any(), "a held-out pair is also in train"
    if strategy == "temporal":
        assert parts.train["timestamp"].max() < parts.val["timestamp"].min()
        assert parts.val["timestamp"].max() < parts.test["timestamp"].min()
    else:
        newest = together.groupby("user")["timestamp"].max()
        held_out = parts.test.set_index("user")["timestamp"]
        assert (newest[held_out.index] == held_out).all(), "a test interaction is not its user's newest"


def summary(parts: Split, users: int, pictures: np.ndarray) -> dict[str, Any]:
    """What is in each part: interactions, users, items, and the items that train does not know."""
    known = np.zeros(len(pictures), bool)
    known[parts.train["item"]] = True
    counts: dict[str, Any] = {
        "users": users,
        "items": len(pictures),
        "items_without_train": int((~known).sum()),
    }
    for name, part in parts._asdict().items():
        counts[name] = {
            "interactions": len(part),
            "users": part["user"].nunique(),
            "items": part["item"].nunique(),
            "on_items_without_train": int((~known[part["item"]]).sum()),
            "on_items_without_picture": int((~pictures[part["item"]]).sum()),
        }
    return counts
