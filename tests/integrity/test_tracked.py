"""What DVC tracks is read byte by byte, in a small repository: a stage that makes a folder, and data that was added."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from dvc.repo import Repo  # type: ignore[import-untyped]

from fusionrec.integrity import tracked
from fusionrec.integrity.fault import Fault

MAKE = """
import pathlib
out = pathlib.Path("out")
out.mkdir()
(out / "inside").mkdir()
for name in ("a", "b", "inside/c"):
    (out / name).write_text(pathlib.Path("mine/data").read_text() + name)
pathlib.Path("count.json").write_text("{}")
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository after its first run."""
    root = tmp_path_factory.mktemp("repository")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        (root / "make.py").write_text(MAKE)
        (root / "mine").mkdir()
        (root / "mine/data").write_text("mine")
        (root / "input").write_text("input")
        with Repo.init(no_scm=True) as repo:
            repo.add("mine")
            repo.run(
                cmd=f"{sys.executable} make.py",
                name="make",
                deps=["mine", "input"],
                outs=["out"],
                metrics_no_cache=["count.json"],
            )
    return root


def found(root: Path) -> list[Fault]:
    with Repo(root) as repo:
        return list(tracked.faults(repo))


def flip(path: Path) -> None:
    """Change a bit, but neither size, time nor protection, as a disk does."""
    state, content = path.stat(), bytearray(path.read_bytes())
    content[0] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)
    path.chmod(state.st_mode)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


def stored(root: Path) -> dict[str, Path]:
    """The objects in DVC's cache, by their content; the lists of files begin with [."""
    objects = [path for path in (root / ".dvc/cache/files/md5").rglob("*") if path.is_file()]
    return {path.read_text()[:8]: path for path in objects}


def checkout(root: Path) -> None:
    with Repo(root) as repo:
        repo.checkout(force=True, allow_missing=True)


def reproduce(root: Path) -> None:
    with Repo(root) as repo:
        repo.reproduce()


def lists(root: Path) -> Iterator[Path]:
    return (path for path in (root / ".dvc/cache/files/md5").rglob("*.dir"))


def test_nothing_is_wrong_at_first(root: Path) -> None:
    assert found(root) == []
    with Repo(root) as repo:
        assert [str(one) for one in tracked.outputs(repo)] == ["count.json", "mine", "out"]


def test_dvc_itself_notices_nothing(root: Path) -> None:
    """Why this exists: a damaged object is checked out, and everything is said to be up to date."""
    flip(stored(root)["minea"])
    (root / "out/a").unlink()
    checkout(root)
    assert (root / "out/a").read_text() != "minea"
    with Repo(root) as repo:
        assert repo.status() == {}
        assert not repo.reproduce()


def test_a_damaged_object_is_replaced_by_the_file_here(root: Path) -> None:
    flip(stored(root)["minea"])
    (fault,) = found(root)
    assert fault.what == "damaged (out/a in the cache of DVC)" and fault.source == "out/a here"
    assert fault.mend is not None
    fault.mend()
    assert found(root) == []


def test_a_damaged_file_comes_back_from_the_cache(root: Path) -> None:
    flip(root / "out/inside/c")
    (fault,) = found(root)
    assert (fault.path, fault.what) == ("out/inside/c", "differs from the lock file")
    assert fault.source == "the cache of DVC" and fault.output == "out" and fault.mend is not None
    fault.mend()
    checkout(root)
    assert found(root) == [] and (root / "out/inside/c").read_text() == "mineinside/c"


def test_what_is_damaged_everywhere_is_made_again(root: Path) -> None:
    flip(root / "out/b")
    flip(stored(root)["mineb"])
    faults = found(root)
    assert [fault.source for fault in faults] == ["stage make makes it again"] * 2
    for fault in faults:
        assert fault.mend is not None
        fault.mend()
    checkout(root)
    assert found(root) == [] and not (root / "out").exists(), "as if it had never been made"
    reproduce(root)
    assert found(root) == [] and (root / "out/b").read_text() == "mineb"


@pytest.mark.parametrize("here", [True, False])
def test_a_damaged_list_of_files(root: Path, here: bool) -> None:
    listing = next(path for path in lists(root) if "inside/c" in path.read_text())
    whole = listing.read_bytes()
    flip(listing)
    if not here:
        flip(root / "out/a")
    faults = found(root)
    assert faults[0].what == "damaged (the list of files in out)"
    assert faults[0].source == ("out here" if here else "stage make makes it again")
    for fault in faults:
        assert fault.mend is not None
        fault.mend()
    if not here:
        assert found(root) == [], "it is as if it had never been made"
        reproduce(root)
    assert found(root) == [] and listing.read_bytes() == whole


def test_data_of_the_user_is_never_deleted(root: Path) -> None:
    flip(root / "mine/data")
    (fault,) = found(root)
    assert fault.path == "mine/data" and fault.mend is None
    assert fault.source == "the cache of DVC, if you have not changed it"
    flip(stored(root)["mine"])
    faults = found(root)
    assert [fault.mend for fault in faults] == [None, None]
    assert faults[0].source == "another copy of your data"


def test_an_input_that_dvc_does_not_keep(root: Path) -> None:
    flip(root / "input")
    (fault,) = found(root)
    assert fault.path == "input" and "your data" in fault.source and "(make)" in fault.source
    assert fault.mend is None


def test_files_that_are_missing_or_too_many(root: Path) -> None:
    (root / "out/a").unlink()
    (root / "out/new").write_text("new")
    (root / "count.json").write_text("{ }")
    assert {(fault.path, fault.what) for fault in found(root)} == {
        ("out/a", "missing"),
        ("out/new", "not in the lock file"),
        ("count.json", "differs from the lock file"),
    }


def test_outputs_that_were_never_pulled_are_no_fault(root: Path) -> None:
    shutil.rmtree(root / ".dvc/cache")
    shutil.rmtree(root / "out")
    assert {fault.path for fault in found(root) if "mine" not in fault.what} <= {"count.json"}
    with Repo(root) as repo:
        assert [str(one) for one in tracked.outputs(repo) if one.absent()] == ["out"]


def test_an_object_of_another_experiment(root: Path) -> None:
    (root / "mine/data").write_text("new")
    with Repo(root) as repo:
        repo.add("mine")
        repo.reproduce()
    flip(stored(root)["minea"])
    (fault,) = found(root)
    assert fault.what == "damaged (an object of another commit or experiment)" and fault.mend is None


def test_every_flipped_bit_of_every_copy_is_found(root: Path) -> None:
    """All files of the workspace and of the cache, a bit in each."""
    objects = [path for path in (root / ".dvc/cache/files/md5").rglob("*") if path.is_file()]
    here = [path for name in ("out", "mine") for path in (root / name).rglob("*") if path.is_file()]
    assert len(objects) == 7 and len(here) == 4
    for path in [*objects, *here, root / "count.json", root / "input"]:
        flip(path)
        named = {str(path.relative_to(root))}
        assert named & {fault.path for fault in found(root)}, path
        flip(path)
    assert found(root) == []
