"""A source reads nothing outside its folder."""

from pathlib import Path

import pytest

from fusionrec.data.reading import folders
from fusionrec.errors import UserError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "secret").touch()
    root = tmp_path / "data"
    (root / "sub").mkdir(parents=True)
    (root / "sub" / "a").touch()
    (root / "within").symlink_to(root / "sub" / "a")
    (root / "without").symlink_to(tmp_path / "secret")
    return root


@pytest.mark.parametrize("name", ["sub/a", "sub", "within", "sub/../sub/a"])
def test_inside(root: Path, name: str) -> None:
    assert folders.inside(root, name, "raw.x") == root / name


@pytest.mark.parametrize("name", ["../secret", "without", "/etc/passwd", "sub/../../secret"])
def test_outside(root: Path, name: str) -> None:
    with pytest.raises(UserError, match=r"leads out of .*; set raw\.x"):
        folders.inside(root, name, "raw.x")


def test_nothing_there(root: Path) -> None:
    with pytest.raises(UserError, match=r"gone: not found; set raw\.x"):
        folders.inside(root, "gone", "raw.x")
    with pytest.raises(UserError, match=r"nowhere: no such folder; set raw\.input"):
        folders.inside(root / "nowhere", "a", "raw.x")


def test_a_root_that_is_a_link_itself(root: Path) -> None:
    (root.parent / "link").symlink_to(root)
    assert folders.inside(root.parent / "link", "sub/a", "raw.x").is_file()
