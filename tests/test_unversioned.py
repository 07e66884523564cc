"""A user's data stays out of Git, whatever `dvc exp run` commits."""

from pathlib import Path

import pytest

from fusionrec import unversioned
from fusionrec.errors import UserError

from . import checkouts, supplies
from .checkouts import dvc, git


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    (folder / "shop").mkdir(parents=True)
    (folder / "shop/items.csv").write_text("item_id\n1\n")
    (folder / "shop/log.csv").write_text("user_id,item_id\n1,1\n")
    git(folder, "init", "-q")
    return folder


def test_what_git_would_take_in_is_refused_with_the_remedy(repository: Path) -> None:
    for folder in (Path("shop"), repository / "shop", Path("shop/items.csv")):
        with pytest.raises(UserError, match=r"raw.input: .* does not ignore shop/items.csv.*`dvc add "):
            unversioned.refuse(folder, repository)
    with pytest.raises(UserError, match=r"and 1 more files"):
        unversioned.refuse(Path(), repository)


def test_ignored_tracked_outside_and_missing_is_fine(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/items.csv").write_text("item_id\n1\n")
    (repository / "link").symlink_to(tmp_path / "elsewhere")
    for folder in (Path("missing"), tmp_path / "elsewhere", Path("link")):
        unversioned.refuse(folder, repository)
    (repository / ".gitignore").write_text("/shop/log.csv\n")
    git(repository, "add", "shop/items.csv")
    (repository / "shop/items.csv.dvc").write_text("outs: []\n")
    (repository / "shop/.gitignore").write_text("/items.csv\n")
    unversioned.refuse(Path("shop"), repository)


def test_without_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/items.csv").write_text("item_id\n1\n")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    unversioned.refuse(Path("shop"), tmp_path)
    monkeypatch.setenv("PATH", "")
    unversioned.refuse(Path("shop"), tmp_path)


def committed(folder: Path) -> set[str]:
    """All files in the commits of experiments."""
    revisions = git(folder, "for-each-ref", "--format=%(objectname)", "refs/exps").split()
    return {name for each in revisions for name in git(folder, "ls-tree", "-r", "--name-only", each).split()}


def test_no_experiment_holds_data_or_files_beside_it(tmp_path: Path) -> None:
    folder = checkouts.clone(tmp_path)
    supplies.shop(folder / "my-data")
    (folder / "notes.txt").write_text("private")
    chosen = ("-S", "raw.source=files", "-S", "raw.input=my-data", "-S", "clean.min_user_interactions=3")
    refused = dvc(folder, "exp", "run", *chosen, "clean", fails=True)
    assert "Run `dvc add my-data` first" in refused
    assert checkouts.ran(refused) == []
    git(folder, "checkout", "-q", ".")
    dvc(folder, "add", "-q", "my-data")
    dvc(folder, "exp", "run", *chosen, "clean")
    git(folder, "checkout", "-q", ".")
    dvc(folder, "exp", "run", "--queue", *chosen, "-S", "raw.demo.seed=4", "clean")
    names = committed(folder)
    assert {"my-data.dvc", "dvc.lock"} <= names
    assert not {name for name in names if name.startswith("my-data/") or name == "notes.txt"}
