"""The command `fusionrec docs`: it writes the generated parts of the pages, or says which are out of date."""

import shutil
from pathlib import Path

import pytest

from fusionrec.cli import docs
from fusionrec.errors import UserError

from ..command import ROOT

BLOCK = "<!-- choices: fusionrec.models.zoo -->\n<!-- end -->\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with parameters and one page, of which nothing is generated yet."""
    (tmp_path / "docs").mkdir()
    shutil.copy(ROOT / "params.yaml", tmp_path)
    (tmp_path / "README.md").write_text(f"# Title\n\n{BLOCK}")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_writes_what_is_out_of_date(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    docs.main([])
    assert capsys.readouterr().out == "written: README.md\nwritten: docs/parameters.md\n"
    assert "| `lightgcn` |" in (folder / "README.md").read_text()
    assert "| `train.epochs` | `60` |" in (folder / "docs/parameters.md").read_text()
    docs.main([])
    docs.main(["--check"])
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("file", "old", "new", "page"),
    [
        ("params.yaml", "epochs: 60", "epochs: 61", "docs/parameters.md"),
        ("README.md", "| `lightgcn` |", "| `lightgnc` |", "README.md"),
    ],
)
def test_the_check_names_a_page_that_is_out_of_date(
    folder: Path, file: str, old: str, new: str, page: str
) -> None:
    docs.main([])
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new))
    before = (folder / page).read_text()
    with pytest.raises(UserError, match=f"^{page}: out of date; run `fusionrec docs`$"):
        docs.main(["--check"])
    assert (folder / page).read_text() == before
