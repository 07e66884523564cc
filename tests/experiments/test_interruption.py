"""What is found in Git after `dvc exp run`: made by hand here as DVC leaves it; test_back.py has DVC itself."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from fusionrec.errors import UserError
from fusionrec.experiments import interruption
from fusionrec.git import git

COMMITTED, OWN, SET = "a: 1\nb: 1\n", "a: 1\nb: 2\n", "a: 5\nb: 2\n"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit on the branch main."""
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "test")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "test@localhost")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    git(tmp_path, "init", "-q", "-b", "main")
    for name, text in {"params.yaml": COMMITTED, "code.py": "old\n", ".gitignore": ".dvc/\n"}.items():
        (tmp_path / name).write_text(text)
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "state")
    return tmp_path


def write(root: Path, name: str, text: str) -> None:
    (root / name).write_text(text)


def commit(root: Path, time: int, *command: str) -> str:
    """The commit that a command of Git makes, with a time in seconds."""
    when = f"{1_700_000_000 + time} +0000"
    env = os.environ | {"GIT_COMMITTER_DATE": when, "GIT_AUTHOR_DATE": when}
    command = ("git", *command)
    return subprocess.run(
        command, cwd=root, env=env, capture_output=True, text=True, check=True
    ).stdout.strip()


def experiment(root: Path, params: str, time: int) -> str:
    """Change params.yaml as `dvc exp run -S` does, and leave the two stashes in Git; returns STASHED."""
    commit(root, time, "stash", "create")
    write(root, "params.yaml", params)
    git(root, "add", "-A")
    run = commit(root, time + 1, "commit-tree", "-m", "dvc-exp", "-p", "HEAD", git(root, "write-tree"))
    git(root, "reset", "-q")
    (root / interruption.RUNS / run).mkdir(parents=True)
    return run


def detach(root: Path) -> None:
    git(root, "checkout", "-q", "--detach", git(root, "rev-parse", "HEAD"))


def before(root: Path) -> str | None:
    blob = interruption.params_before(root)
    return None if blob is None else git(root, "cat-file", "blob", blob) + "\n"


# params.yaml


def test_without_own_changes_the_parameters_are_those_of_the_commit(root: Path) -> None:
    experiment(root, SET, 100)
    assert before(root) == COMMITTED


def test_own_changes_of_parameters_come_back_without_what_was_set(root: Path) -> None:
    write(root, "code.py", "new\n")
    write(root, "params.yaml", OWN)
    experiment(root, SET, 100)
    assert before(root) == OWN


@pytest.mark.parametrize(
    "ref", [interruption.EXEC[0], f"refs/exps/ab/{'c' * 38}/shop"], ids=["killed", "finished"]
)
def test_a_run_that_sets_nothing_takes_the_users_parameters_as_they_are(root: Path, ref: str) -> None:
    write(root, "params.yaml", OWN)
    git(root, "update-ref", ref, experiment(root, OWN, 100))
    assert before(root) is None


@pytest.mark.parametrize("folder", ["", "data/"])
def test_data_that_dvc_records_while_it_starts_hides_no_changes(root: Path, folder: str) -> None:
    """`dvc exp run` commits changed data to DVC, which writes these files."""
    write(root, "params.yaml", OWN)
    commit(root, 100, "stash", "create")
    (root / folder).mkdir(exist_ok=True)
    write(root, f"{folder}shop.dvc", "outs: []\n")
    with (root / folder / ".gitignore").open("a") as file:
        file.write("/shop\n")
    run = experiment(root, SET, 101)
    git(root, "update-ref", interruption.EXEC[0], run)
    assert before(root) == OWN


def test_parameters_that_were_edited_afterwards_are_the_users(root: Path) -> None:
    experiment(root, SET, 100)
    write(root, "params.yaml", SET + "c: 1\n")
    assert before(root) is None


def test_without_an_experiment_nothing_is_undone(root: Path) -> None:
    assert before(root) is None
    write(root, "params.yaml", OWN)
    assert before(root) is None


def test_parameters_of_an_experiment_that_were_committed_stay(root: Path) -> None:
    experiment(root, SET, 100)
    git(root, "commit", "-qam", "better")
    assert before(root) is None


def test_one_experiment_on_top_of_another(root: Path) -> None:
    write(root, "params.yaml", OWN)
    experiment(root, SET, 100)
    experiment(root, SET + "c: 9\n", 200)
    assert before(root) == OWN


def test_changes_that_were_given_up_between_two_experiments_do_not_come_back(root: Path) -> None:
    write(root, "params.yaml", OWN)
    experiment(root, SET, 100)
    git(root, "checkout", "-q", "--", "params.yaml")
    experiment(root, SET, 200)
    assert before(root) == COMMITTED


def test_changes_of_another_run_are_not_mistaken(root: Path) -> None:
    """With other code than the experiment had."""
    write(root, "params.yaml", OWN)
    write(root, "code.py", "other\n")
    commit(root, 100, "stash", "create")
    git(root, "checkout", "-q", "--", ".")
    experiment(root, SET, 100)
    assert before(root) == COMMITTED


def test_an_applied_experiment(root: Path) -> None:
    write(root, "params.yaml", SET)
    assert before(root) is None
    git(root, "add", "-A")
    applied = git(root, "commit-tree", "-m", "experiment", "-p", "HEAD", git(root, "write-tree"))
    git(root, "update-ref", f"refs/exps/ab/{'c' * 38}/name", applied)
    assert before(root) == COMMITTED


# HEAD


def test_a_branch_is_found_after_each_way_that_dvc_detaches_head(root: Path) -> None:
    assert interruption.lost_branch(root) is None
    detach(root)
    assert interruption.lost_branch(root) == "main"
    detach(root)  # the next run starts without a branch
    assert interruption.lost_branch(root) == "main"
    interruption.reattach(root, "main")
    assert git(root, "symbolic-ref", "HEAD") == "refs/heads/main"
    assert interruption.lost_branch(root) is None


def test_the_branch_gets_commits_that_were_made_meanwhile(root: Path) -> None:
    detach(root)
    write(root, "code.py", "new\n")
    git(root, "commit", "-qam", "meanwhile")
    interruption.reattach(root, interruption.lost_branch(root) or "")
    assert git(root, "log", "-1", "--format=%s", "main") == "meanwhile"
    assert git(root, "status", "--porcelain") == ""


def test_a_branch_that_has_gone_on_is_left_alone(root: Path) -> None:
    detach(root)
    tree = git(root, "rev-parse", "HEAD^{tree}")
    git(root, "update-ref", "refs/heads/main", git(root, "commit-tree", "-m", "further", "-p", "HEAD", tree))
    assert interruption.lost_branch(root) is None


def test_who_detaches_head_on_purpose_is_left_alone(root: Path) -> None:
    git(root, "tag", "v1")
    git(root, "checkout", "-q", "v1")
    assert interruption.lost_branch(root) is None
    detach(root)
    assert interruption.lost_branch(root) is None, "an experiment that starts from there"


@pytest.mark.parametrize(("start", "branch"), [(0, None), (1_000_000_000, "main")], ids=["before", "after"])
def test_during_a_run_head_is_expected_to_be_detached(root: Path, start: int, branch: str | None) -> None:
    """A run detaches HEAD after its start; if that happened before, it was another run."""
    detach(root)
    run = commit(root, start, "commit-tree", "-m", "dvc-exp", "-p", "HEAD", "HEAD^{tree}")
    git(root, "update-ref", interruption.EXEC[0], run)
    assert interruption.lost_branch(root, running=True) == branch


# Changes that are in a stash only


def killed_while_starting(root: Path) -> None:
    lock = {"write": {"workspace": {"pid": 1, "cmd": "dvc exp run"}}, "read": {}}
    (root / interruption.LOCKS).parent.mkdir(parents=True)
    (root / interruption.LOCKS).write_text(json.dumps(lock))
    detach(root)


def test_a_run_killed_before_it_applied_the_changes(root: Path) -> None:
    write(root, "code.py", "new\n")
    git(root, "stash", "-q")
    killed_while_starting(root)
    assert interruption.recover(root)
    assert (root / "code.py").read_text() == "new\n" and git(root, "stash", "list") == ""


def test_a_run_killed_after_it_set_the_parameters(root: Path) -> None:
    write(root, "code.py", "new\n")
    write(root, "params.yaml", OWN)
    git(root, "stash", "-q")
    killed_while_starting(root)
    git(root, "stash", "apply", "-q")
    write(root, "params.yaml", SET)
    assert interruption.recover(root)
    assert (root / "code.py").read_text() == "new\n" and (root / "params.yaml").read_text() == OWN


def test_a_run_without_own_changes_killed_after_it_set_the_parameters(root: Path) -> None:
    killed_while_starting(root)
    write(root, "params.yaml", SET)
    git(root, "add", "params.yaml")
    assert not interruption.recover(root)
    assert git(root, "status", "--porcelain") == ""


def test_a_stash_of_the_user_is_left_alone(root: Path) -> None:
    write(root, "code.py", "later\n")
    git(root, "stash", "-q")
    assert not interruption.recover(root)
    detach(root)
    assert not interruption.recover(root)
    assert git(root, "stash", "list") != ""


def test_files_that_were_changed_since_then_are_not_overwritten(root: Path) -> None:
    write(root, "code.py", "new\n")
    git(root, "stash", "-q")
    killed_while_starting(root)
    write(root, "code.py", "newer\n")
    with pytest.raises(UserError, match=r"git stash pop"):
        interruption.recover(root)
    assert (root / "code.py").read_text() == "newer\n"


def test_a_run_killed_before_it_applied_the_changes_again(root: Path) -> None:
    write(root, "code.py", "new\n")
    run = experiment(root, SET, 100)
    git(root, "checkout", "-q", "--", ".")
    detach(root)
    git(root, "update-ref", interruption.EXEC[0], run)
    assert interruption.recover(root)
    assert (root / "code.py").read_text() == "new\n" and before(root) == COMMITTED
