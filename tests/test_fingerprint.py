"""What a change of code costs, and that it is found: the fingerprint through DVC, in a clone with a tiny demo."""

import os
import subprocess
from pathlib import Path

import pytest

from . import warm
from .checkouts import dvc, edit, git, ran, tiny
from .command import fusionrec

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny(tmp_path_factory.mktemp("clone"))


def lock(folder: Path, fails: bool = False) -> None:
    """Run .ci/lock as in an activated environment."""
    env = os.environ | {"PATH": warm.path()}
    done = subprocess.run(
        ["bash", ".ci/lock"], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    assert (done.returncode != 0) == fails, done.stdout + done.stderr


def test_a_docstring_and_a_comment_in_every_file_run_nothing(finished: Path) -> None:
    paths = [*finished.glob("src/**/*.py"), *finished.glob("stages/*.py")]
    assert len(paths) > 150
    for path in paths:
        text = path.read_text(encoding="utf-8")
        documented = text.startswith('"""')
        text = text.replace('"""', '"""Another word. ', 1) if documented else f'"""New."""\n{text}'
        path.write_text(text + "\n# a comment\n", encoding="utf-8")
    lock(finished)
    assert ran(dvc(finished, "repro")) == []
    assert git(finished, "status", "--porcelain", "--", "dvc.lock", "metrics", "plots") == ""
    git(finished, "checkout", "-q", "--", ".")


def test_a_change_is_found_and_going_back_is_free(finished: Path) -> None:
    gallery = finished / "src/fusionrec/recommend/gallery.py"
    edit(gallery, "border-radius: 12px", "border-radius: 13px")
    lock(finished, fails=True)
    assert "recs" in dvc(finished, "status")
    assert ran(dvc(finished, "repro")) == ["recs"]
    assert "src/fusionrec/recommend/gallery.py" in fusionrec(finished, "review"), "a reviewer sees it"
    lock(finished)
    # by hand: Git overlooks a change of the same length in the second of the checkout before, once DVC wrote its index
    edit(gallery, "border-radius: 13px", "border-radius: 12px")
    lock(finished, fails=True)
    assert ran(dvc(finished, "repro")) == [], "restored from the run-cache"
    assert git(finished, "status", "--porcelain") == ""
