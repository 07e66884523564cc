"""The command `fusionrec verify`: what it prints, its exit status, and what it repairs."""

from pathlib import Path

import pytest
import torch
from dvc.repo import Repo  # type: ignore[import-untyped]

from fusionrec import checksums, files
from fusionrec.cli import verify
from fusionrec.errors import UserError

from ..integrity.conftest import root
from ..integrity.test_tracked import flip, made, stored

__all__ = ["made", "root"]  # fixtures


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FUSIONREC_CACHE", str(tmp_path / "home"))
    return tmp_path / "home"


def test_when_nothing_is_wrong(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    verify.main([])
    assert (
        capsys.readouterr().out == "nothing is wrong: 3 outputs, 0 folders of weights, 0 stores of vectors\n"
    )


def test_what_is_wrong_and_where_the_right_bytes_are(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flip(root / "out/a")
    with pytest.raises(UserError, match=r"1 files are not what they must be; `fusionrec verify --repair`"):
        verify.main([])
    assert capsys.readouterr().out == "out/a: differs from the lock file; from: the cache of DVC\n"
    verify.main(["--repair"])
    assert capsys.readouterr().out.splitlines()[-1] == "repaired: 1"
    assert (root / "out/a").read_text() == "minea"
    verify.main([])


def test_what_only_a_stage_can_make_again(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flip(root / "out/a")
    flip(stored(root)["minea"])
    with pytest.raises(UserError, match="`dvc repro` makes again"):
        verify.main(["--repair"])
    assert "deleted, because no good copy is here: out" in capsys.readouterr().out
    with Repo(root) as repo:
        repo.reproduce()
    verify.main([])


def test_a_remote_has_good_bytes(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (root / ".dvc/config").open("a") as config:
        config.write(f"    remote = r\n['remote \"r\"']\n    url = {tmp_path / 'remote'}\n")
    with Repo(root) as repo:
        repo.push()
    flip(root / "out/a")
    flip(stored(root)["minea"])
    verify.main(["--repair"])
    assert "from: the remote" in capsys.readouterr().out
    assert (root / "out/a").read_text() == "minea"


def test_data_of_the_user_is_left(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "mine/data").write_text("edited")
    with pytest.raises(UserError, match="what you added must come from another copy"):
        verify.main(["--repair"])
    assert (root / "mine/data").read_text() == "edited"


def test_what_is_kept_outside(root: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = home / "weights/some"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    checksums.write(folder)
    files.write_sealed(home / "training/one.safetensors", {"x": torch.ones(2)})
    verify.main([])
    flip(folder / "config.json")
    flip(home / "training/one.safetensors")
    with pytest.raises(UserError, match="2 files"):
        verify.main([])
    output = capsys.readouterr().out
    assert "config.json: damaged" in output and "from: they are downloaded again" in output
    assert "one.safetensors: damaged" in output and "the training starts from the beginning" in output
    verify.main(["--repair"])
    assert not folder.exists() and not list((home / "training").iterdir())
    verify.main([])


def test_outside_of_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"no dvc.yaml here; run from the root"):
        verify.main([])


def test_a_lock_file_that_cannot_be_read(root: Path) -> None:
    (root / "dvc.lock").write_text("{")
    with pytest.raises(UserError, match=r"DVC cannot read the repository.*git checkout"):
        verify.main([])
