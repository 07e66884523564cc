"""The memory of a container counts, if it has less than the machine."""

from pathlib import Path

from fusionrec.preflight import machine


def test_a_limit_lowers_the_memory(tmp_path: Path) -> None:
    free = machine.this(tmp_path, tmp_path / "none")
    assert free.memory > 1e8 and free.disk > 0 and free.cpus >= 1
    (tmp_path / "limit").write_text("4096\n")
    assert machine.this(tmp_path, tmp_path / "limit").memory == 4096
    (tmp_path / "limit").write_text("max\n")
    assert machine.this(tmp_path, tmp_path / "limit").memory == free.memory
