"""A log in row groups is the same log, and each of them names its own ids only."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from fusionrec import files
from fusionrec.data import row_groups


def log(rows: int = 10) -> pd.DataFrame:
    users = pd.Categorical([f"u{9 - row // 2}" if row != 3 else None for row in range(rows)])
    return pd.DataFrame(
        {"row": np.arange(rows), "user_id": users, "timestamp": pd.array(["1"] * rows, "str")}
    )


def test_a_short_log_has_the_bytes_of_pandas(tmp_path: Path) -> None:
    files.write_table(tmp_path / "whole.parquet", log())
    files.write_row_groups(tmp_path / "groups.parquet", *row_groups.of(log()))
    assert (tmp_path / "whole.parquet").read_bytes() == (tmp_path / "groups.parquet").read_bytes()


def test_a_long_log_has_the_same_rows_and_no_id_in_vain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_groups, "ROWS", 4)
    path = tmp_path / "log.parquet"
    files.write_row_groups(path, *row_groups.of(log()))
    read = files.read_table(path)
    assert read.astype({"user_id": "str"}).equals(log().astype({"user_id": "str"}))
    assert read["user_id"].dtype == "category"
    groups = parquet.ParquetFile(path)
    own = [groups.read_row_group(group)["user_id"].combine_chunks() for group in range(groups.num_row_groups)]
    assert [ids.dictionary.to_pylist() for ids in own] == [["u8", "u9"], ["u6", "u7"], ["u5"]]


def test_ids_by_hand() -> None:
    kind = pa.dictionary(pa.int8(), pa.string())
    ids = row_groups.dictionary(np.array([2, -1, 0, 2]), pd.Index(["c", "b", "a"]), kind)
    assert ids.type == kind and ids.to_pylist() == ["a", None, "c", "a"]
    assert ids.dictionary.to_pylist() == ["c", "a"], "b does not occur"
