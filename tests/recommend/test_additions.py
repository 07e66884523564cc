"""Items that were added: kept, encoded once for each model, removed, and checked when they are read."""

from pathlib import Path

import pytest
import torch

from fusionrec.api import FusionRec
from fusionrec.errors import DamagedError, UserError
from fusionrec.recommend.additions import Additions, ExistsError
from fusionrec.recommend.new_items import NewItem, Preparer

from . import shop

ITEM = NewItem(shop.picture(40), None, "An amber boat", "", {"genres": ["comedy"]}, {"year": 1990.0})


class Counting:
    """A preparer that counts what it encodes."""

    def __init__(self, preparer: Preparer):
        self.preparer, self.encoded, self.picture = preparer, 0, preparer.picture

    def content(self, items: list[NewItem]) -> object:
        self.encoded += len(items)
        return self.preparer.content(items)


@pytest.fixture
def preparer(open_shop: FusionRec) -> Counting:
    return Counting(open_shop.preparer)


def test_an_item_is_kept_and_removed(tmp_path: Path, preparer: Preparer) -> None:
    additions = Additions(tmp_path / "added")
    assert additions.read() == [] and not additions.remove("n")
    empty = additions.state()
    additions.add("../n", ITEM, preparer, "one")
    additions.add("a", NewItem(None, "text only"), preparer, "one")
    assert [(one.item_id, one.item) for one in additions.read()] == [
        ("../n", ITEM),
        ("a", NewItem(None, "text only")),
    ]
    both = additions.state()
    assert both != empty and {path.parent for path in tmp_path.rglob("item.json")} == {
        one.folder for one in additions.read()
    }
    with pytest.raises(ExistsError):
        additions.add("a", ITEM, preparer, "one")
    assert additions.remove("a") and not additions.remove("a")
    assert [one.item_id for one in additions.read()] == ["../n"] and additions.state() not in (empty, both)
    additions.add("a", ITEM, preparer, "one")
    assert additions.state() != both, "another item with the same id"
    assert len(list((tmp_path / "added").iterdir())) == 2, "nothing is left behind"


def test_a_model_encodes_an_item_once(tmp_path: Path, preparer: Counting) -> None:
    additions = Additions(tmp_path)
    additions.add("n", ITEM, preparer, "one")  # type: ignore[arg-type]
    (kept,) = additions.read()
    first = additions.inputs(kept, preparer, "one")  # type: ignore[arg-type]
    assert preparer.encoded == 1
    other = additions.inputs(kept, preparer, "two")  # type: ignore[arg-type]
    assert preparer.encoded == 2
    again = additions.inputs(kept, preparer, "two")  # type: ignore[arg-type]
    assert preparer.encoded == 2
    for name, tensor in first.tensors().items():
        assert torch.equal(tensor, other.tensors()[name]) and torch.equal(tensor, again.tensors()[name])
    (path,) = tmp_path.rglob("two.safetensors")
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    additions.inputs(kept, preparer, "two")  # type: ignore[arg-type]
    assert preparer.encoded == 3, "damaged vectors are computed again"


def test_what_cannot_be_used_is_not_kept(tmp_path: Path, preparer: Preparer) -> None:
    additions = Additions(tmp_path, most=1)
    for wrong in (NewItem(b"no picture"), NewItem(title="x", categories={"director": ["x"]})):
        with pytest.raises(UserError):
            additions.add("n", wrong, preparer, "one")
    assert additions.read() == []
    additions.add("n", ITEM, preparer, "one")
    with pytest.raises(UserError, match="1 items were added already"):
        additions.add("m", ITEM, preparer, "one")


def test_a_damaged_item_is_not_used(tmp_path: Path, preparer: Preparer) -> None:
    additions = Additions(tmp_path)
    additions.add("n", ITEM, preparer, "one")
    (path,) = tmp_path.rglob("item.json")
    path.write_text(path.read_text().replace("amber", "black"))
    with pytest.raises(DamagedError, match=r"item\.json"):
        additions.read()
