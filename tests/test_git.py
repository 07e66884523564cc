"""Which parameters differ from the commit."""

import subprocess
from pathlib import Path

import pytest

from fusionrec.errors import UserError
from fusionrec.git import changed_parameters, git, holds


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "params.yaml").write_text("train: {lr: 0.1, seed: 1, old: 2}\n")
    identity = ["-c", "user.name=test", "-c", "user.email=test@localhost", "-c", "commit.gpgsign=false"]
    for command in (["init", "-q"], ["add", "-A"], [*identity, "commit", "-qm", "state"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    return tmp_path


def test_values_that_differ(root: Path) -> None:
    assert changed_parameters(root) == {}
    (root / "params.yaml").write_text("train: {lr: 0.1, seed: 2, new: [3]}\n")
    assert changed_parameters(root) == {
        "train.seed": (1, 2),
        "train.new": (None, [3]),
        "train.old": (2, None),
    }


@pytest.mark.parametrize("text", ["train: {lr", "- 1\n"])
def test_what_cannot_be_read_has_none(root: Path, text: str) -> None:
    (root / "params.yaml").write_text(text)
    assert changed_parameters(root) == {}


def test_without_git_there_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    (tmp_path / "params.yaml").write_text("a: 1\n")
    assert changed_parameters(tmp_path) == {}


def test_a_failure_is_one_message(root: Path) -> None:
    assert not holds(root, "rev-parse", "--verify", "nothing")
    with pytest.raises(UserError, match=r"`git rev-parse --verify nothing` failed: fatal"):
        git(root, "rev-parse", "--verify", "nothing")
