"""`fusionrec back` refuses where it must; tests/test_back.py has what it does."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fusionrec.cli import back
from fusionrec.errors import UserError

from ..command import fusionrec


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a pipeline and one commit."""
    for name, text in {
        "dvc.yaml": "stages: {}\n",
        "params.yaml": "a: 1\n",
        "stages/model.py": "input()\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    identity = ["-c", "user.name=test", "-c", "user.email=test@localhost", "-c", "commit.gpgsign=false"]
    for command in (["init", "-q"], ["add", "-A"], [*identity, "commit", "-qm", "state"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_runs_in_the_root_of_a_repository_only(tmp_path: Path) -> None:
    assert "run from the root of the repository" in fusionrec(tmp_path, "back", fails=True)


@pytest.mark.parametrize(
    "command", [["stages/model.py"], ["-u", "stages/model.py"], ["dvc", "repro"]], ids=str
)
def test_it_refuses_while_a_stage_or_dvc_works_here(root: Path, command: list[str]) -> None:
    (root / "dvc").write_text("input()\n")
    run = [sys.executable, *command]
    with subprocess.Popen(run, cwd=root, stdin=subprocess.PIPE, env=os.environ) as process:
        with pytest.raises(
            UserError, match=rf"is running here as process {process.pid}: .*`kill {process.pid}`"
        ):
            back.main([])
        process.communicate(b"\n")
    back._refuse_if_running(root)


def test_what_works_in_another_folder_is_no_obstacle(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other")
    (other / "stages").mkdir()
    (other / "stages/model.py").write_text("input()\n")
    with subprocess.Popen([sys.executable, "stages/model.py"], cwd=other, stdin=subprocess.PIPE) as process:
        back._refuse_if_running(root)
        process.communicate(b"\n")
