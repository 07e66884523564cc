"""Where the counts of a data set come from."""

from pathlib import Path

import pandas as pd
import pytest

from fusionrec import files
from fusionrec.errors import UserError
from fusionrec.preflight import sizes
from fusionrec.preflight.sizes import Sizes

COUNTS = {"items": {"in": 9, "kept": 5}, "interactions": {"in": 30, "kept": 20, "users": 4}}


def test_clean_tables_come_before_raw_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="--interactions, --users and --items"):
        sizes.here()
    log = pd.DataFrame({"user_id": ["u", "v", "u"], "item_id": ["a", "b", "b"]})
    files.write_table("data/raw/tables/interactions.parquet", log)
    files.write_table("data/raw/tables/items.parquet", pd.DataFrame({"item_id": list("abc")}))
    assert sizes.here() == Sizes(interactions=3, users=2, items=3)
    files.write_json("metrics/clean.json", COUNTS)
    assert sizes.here().interactions == 3, "a metric that Git brought, without its tables"
    Path("data/clean").mkdir()
    assert sizes.here() == Sizes(interactions=20, users=4, items=5)
