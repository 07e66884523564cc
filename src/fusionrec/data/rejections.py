"""Which rows of a table are kept, and why the others are rejected: no row is dropped without a reason."""

import numpy as np
import pandas as pd

from fusionrec.errors import ProofError

REJECTED = {
    "table": "str",
    "row": "int64",
    "user_id": "str",
    "item_id": "str",
    "reason": "str",
    "value": "str",
}

# what helps if nothing is left: the reason that most rows were rejected for -> the remedy
REMEDIES = {
    "rejected_timestamp_after_2099": "the times are no seconds; set raw.files.interactions_format.time to ms, us or ns",
    "rejected_unreadable_timestamp": "say in raw.files.interactions_format.time how times are written",
    "rejected_rating_is_a_time": "the columns of rating and time are swapped",
    "rejected_item_id_written_differently": "write the ids of both tables in the same way: 7 is neither 7.0 nor 007",
    "rejected_unknown_item": "the interactions name other items than the table of items",
    "rejected_bad_rating": "the column of ratings holds something else",
    "rejected_below_min_rating": "lower clean.min_rating",
}
FEW = "lower clean.min_user_interactions, clean.min_item_interactions or clean.min_rating, or fix the data"


def remedy(counts: dict[str, int]) -> str:
    """What helps if all rows are rejected.

    Args:
        counts: of `FilteredTable.counts`.
    """
    reasons = {name: count for name, count in counts.items() if name.startswith("rejected_")}
    return REMEDIES.get(max(reasons, key=lambda name: reasons[name], default=""), FEW)


class FilteredTable:
    """A raw table whose rows are rejected step by step; each keeps the first reason that applied.

    Rows are marked, never moved, so a table of twenty million rows is not copied at every step.

    Args:
        name: of the table, for the report.
        rows: raw, with `row` and the ids.
    """

    def __init__(self, name: str, rows: pd.DataFrame):
        self.name, self.rows = name, rows
        self.kept = np.ones(len(rows), bool)
        self.steps: list[tuple[str, str | None, np.ndarray]] = []  # reason, column at fault, positions

    def reject(self, bad: np.ndarray, reason: str, value: str | None = None) -> None:
        """Reject the rows where `bad` (bool [rows]) is true; `value` names the column at fault."""
        out = np.flatnonzero(bad & self.kept)
        if len(out):
            self.kept[out] = False
            self.steps.append((reason, value, out))

    def counts(self) -> dict[str, int]:
        """Rows in, kept, and rejected by reason; the first is the sum of the others.

        Raises:
            ProofError: if it is not.
        """
        counts = {"in": len(self.kept), "kept": int(self.kept.sum())}
        for reason in sorted({reason for reason, _, _ in self.steps}):
            counts[f"rejected_{reason}"] = sum(len(out) for name, _, out in self.steps if name == reason)
        if 2 * counts["in"] != sum(counts.values()):
            raise ProofError(f"each row of {self.name} is kept, or rejected with one reason: {counts}")
        return counts

    def rejected(self) -> pd.DataFrame:
        """The rejected rows: table, row, user_id, item_id, reason, value."""
        parts = [self._part(*step) for step in self.steps]
        empty = pd.DataFrame({name: [] for name in REJECTED})
        return pd.concat(parts).astype(REJECTED) if parts else empty.astype(REJECTED)

    def _part(self, reason: str, value: str | None, positions: np.ndarray) -> pd.DataFrame:
        rows = self.rows.iloc[positions]
        nothing = pd.Series(None, rows.index, dtype="str")
        columns = {
            "table": self.name,
            "row": rows["row"],
            "user_id": rows["user_id"].astype("str") if "user_id" in rows else nothing,
            "item_id": rows["item_id"].astype("str"),
            "reason": reason,
            "value": rows[value].astype("str").str.slice(0, 200) if value else nothing,
        }
        return pd.DataFrame(columns)
