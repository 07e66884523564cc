"""The command `fusionrec preflight`."""

from pathlib import Path

import pytest

from fusionrec.cli import preflight
from fusionrec.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
MANY = ["--interactions", "9000000000", "--users", "100000000", "--items", "1000000"]


@pytest.fixture(autouse=True)
def parameters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text(
        (ROOT / "params.yaml").read_text(encoding="utf-8"), encoding="utf-8"
    )
    return tmp_path


def test_given_counts(capsys: pytest.CaptureFixture[str]) -> None:
    preflight.main(["--interactions", "40000", "--users", "2000", "--items", "1200"])
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("40,000 interactions") and [line.split()[0] for line in said[2:4]] == [
        "raw",
        "clean",
    ]


def test_what_cannot_work_is_shown_and_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError, match=r"^stage raw: would need about"):
        preflight.main(MANY)
    assert "9,000,000,000 interactions" in capsys.readouterr().out


def test_some_counts_are_not_enough() -> None:
    with pytest.raises(UserError, match="--users and --items missing"):
        preflight.main(MANY[:2])


def test_nothing_is_known_without_tables() -> None:
    with pytest.raises(UserError, match="no tables are here yet"):
        preflight.main([])
