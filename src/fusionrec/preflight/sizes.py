"""How large a data set is: the counts that forecasts are made from."""

from pathlib import Path
from typing import Any, NamedTuple

from fusionrec import files
from fusionrec.errors import UserError

CLEAN, RAW = Path("metrics/clean.json"), Path("data/raw/tables")


class Sizes(NamedTuple):
    """Counts of a data set; an item has a picture and a text unless the encoder of these is off."""

    interactions: int
    users: int
    items: int


def of_clean(counts: dict[str, Any]) -> Sizes:
    """From the counts that the stage clean writes."""
    log = counts["interactions"]
    return Sizes(log["kept"], log["users"], counts["items"]["kept"])


def here() -> Sizes:
    """Those of the tables that are here: the clean ones, or else the raw ones.

    Raises:
        UserError: if there are neither.
    """
    if Path("data/clean").is_dir() and CLEAN.is_file():
        return of_clean(files.read_json(CLEAN))
    if (RAW / "interactions.parquet").is_file():
        users = files.read_table(RAW / "interactions.parquet", ["user_id"])["user_id"].nunique()
        rows = {name: files.row_count(RAW / f"{name}.parquet") for name in ("interactions", "items")}
        return Sizes(rows["interactions"], users, rows["items"])
    raise UserError(
        "no tables are here yet, so nothing is known about the data; give --interactions, --users and --items, or run "
        "`dvc repro raw`"
    )
