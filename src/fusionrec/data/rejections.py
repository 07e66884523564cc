"""Which rows of a table are kept, and why the others are rejected: no row is dropped without a reason."""

from collections.abc import Iterator
from typing import Generic, TypeVar

import numpy as np
import pandas as pd

from fusionrec.data.raw_log import RawLog
from fusionrec.data.tallies import tally
from fusionrec.errors import ProofError

R = TypeVar("R", bound=pd.DataFrame | RawLog)
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


def nothing() -> pd.DataFrame:
    """The table of rejected rows if there are none."""
    return pd.DataFrame({name: [] for name in REJECTED}).astype(REJECTED)


class FilteredTable(Generic[R]):
    """A raw table whose rows are rejected step by step; each keeps the first reason that applied.

    Rows are marked, never moved, so a table of many million rows is not copied at every step.

    Args:
        name: of the table, for the report.
        rows: raw, with `row`, ascending, and the ids.

    Attributes:
        kept: bool [rows].
        reasons: (reason, column at fault) of each step.
        step: uint8 [rows], 1 + position in `reasons`; 0: kept.
    """

    def __init__(self, name: str, rows: R):
        self.name, self.rows = name, rows
        self.kept = np.ones(len(rows), bool)
        self.reasons: list[tuple[str, str | None]] = []
        self.step = np.zeros(len(rows), np.uint8)

    def reject(self, bad: np.ndarray, reason: str, value: str | None = None) -> None:
        """Reject the rows where `bad` (bool [rows]) is true; `value` names the column at fault."""
        self.reject_at(np.flatnonzero(bad & self.kept), reason, value)

    def reject_at(self, positions: np.ndarray, reason: str, value: str | None = None) -> None:
        """Reject kept rows by their positions, int [n]."""
        if not len(positions):
            return
        if (reason, value) not in self.reasons:
            self.reasons.append((reason, value))
        self.kept[positions] = False
        self.step[positions] = 1 + self.reasons.index((reason, value))

    def counts(self) -> dict[str, int]:
        """Rows in, kept, and rejected by reason; the first is the sum of the others.

        Raises:
            ProofError: if it is not.
        """
        by_step = tally(self.step, len(self.reasons) + 1)
        counts = {"in": len(self.kept), "kept": int(self.kept.sum())}
        for reason in sorted({reason for reason, _ in self.reasons}):
            same = [step for step, (name, _) in enumerate(self.reasons, 1) if name == reason]
            counts[f"rejected_{reason}"] = int(by_step[same].sum())
        if 2 * counts["in"] != sum(counts.values()):
            raise ProofError(f"each row of {self.name} is kept, or rejected with one reason: {counts}")
        return counts

    def rejected(self) -> pd.DataFrame:
        """The rejected rows, in their order: table, row, user_id, item_id, reason, value."""
        return pd.concat([nothing(), *self.rejected_pieces()], ignore_index=True)

    def rejected_pieces(self) -> Iterator[pd.DataFrame]:
        """`rejected`, piece by piece; none of them is empty."""
        if isinstance(self.rows, RawLog):
            pieces = self.rows.rows(self.step)
        else:
            out = self.step > 0
            pieces = iter([self.rows[out].assign(step=self.step[out])])
        yield from (self._piece(rows.reset_index(drop=True)) for rows in pieces if len(rows))

    def _piece(self, rows: pd.DataFrame) -> pd.DataFrame:
        steps: list[int] = rows["step"].unique().tolist()
        parts = [self._part(*self.reasons[step - 1], rows[rows["step"] == step]) for step in steps]
        return (
            pd.concat(parts)
            .astype(REJECTED)
            .sort_index()
            .sort_values("row", kind="stable", ignore_index=True)
        )

    def _part(self, reason: str, value: str | None, rows: pd.DataFrame) -> pd.DataFrame:
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
