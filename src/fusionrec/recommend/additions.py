"""Items that were added to a packed model: a folder of what is known of each, beside the model and for any model.

An item has a folder of its own, named by the hash of its id: `item.json`, its `picture` as it was given, and a
`thumbnail`. What the encoders of a model make of it is kept in `inputs/<model>.safetensors`; another model encodes it
again. Any number of processes may read and write.
"""

import hashlib
import shutil
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from fusionrec import files, scratch
from fusionrec.data.item_inputs import ItemInputs
from fusionrec.errors import DamagedError, UserError
from fusionrec.recommend import gallery
from fusionrec.recommend.new_items import NewItem, Preparer

ITEM, PICTURE, THUMBNAIL = "item.json", "picture", "thumbnail"
FIELDS = ("text", "title", "description", "categories", "numbers")


class Addition(NamedTuple):
    """An item that was added.

    Attributes:
        item_id: its id.
        item: what is known of it.
        folder: where it is kept.
    """

    item_id: str
    item: NewItem
    folder: Path


class ExistsError(UserError):
    """An item that is there already."""


class Additions:
    """The items in a folder.

    Args:
        folder: it need not exist.
        most: how many items it may hold.
    """

    def __init__(self, folder: Path, most: int = 1000):
        self.folder, self.most = folder, most

    def state(self) -> frozenset[tuple[str, int, int]]:
        """What changes when an item is added, removed or replaced."""
        found = set()
        for path in self.folder.glob(f"*/{ITEM}"):
            with suppress(FileNotFoundError):  # another process has just removed it
                now = path.stat()
                found.add((path.parent.name, now.st_ino, now.st_mtime_ns))
        return frozenset(found)

    def read(self) -> list[Addition]:
        """All items, by id.

        Raises:
            DamagedError: if a file is not what was written.
        """
        found = []
        for path in self.folder.glob(f"*/{ITEM}"):
            with suppress(FileNotFoundError):
                found.append(_read(path))
        return sorted(found)

    def add(self, item_id: str, item: NewItem, preparer: Preparer, model: str) -> None:
        """Keep an item; its picture is given as bytes.

        Args:
            item_id: its id.
            item: what is known of it.
            preparer: that of the model; the item is encoded before it is kept, so that what cannot be used is refused.
            model: the model's name.

        Raises:
            ExistsError: if it is there already.
            UserError: if the picture cannot be used, the catalogue does not have an attribute, or there are too many.
        """
        if len(self.state()) >= self.most:
            raise UserError(f"{self.most} items were added already; add them to the data, and train again")
        place = self._place(item_id)
        if (place / ITEM).is_file():
            raise ExistsError(f"{item_id}: there is such an item already")
        content, picture = preparer.content([item]), preparer.picture(item)
        with files.replacing_folder(place) as folder:
            fields = {name: getattr(item, name) for name in FIELDS}
            files.write_json(folder / ITEM, {"item_id": item_id} | fields)
            if picture is not None:
                assert isinstance(item.image, bytes)
                (folder / PICTURE).write_bytes(item.image)
                (folder / THUMBNAIL).write_bytes(gallery.thumbnail(picture))
        files.write_sealed(_inputs(place, model), content.tensors())

    def remove(self, item_id: str) -> bool:
        """Forget an item; whether it was there."""
        place = self._place(item_id)
        if not (place / ITEM).is_file():
            return False
        away = scratch.make(place)
        place.rename(away / place.name)  # at once, so that no process reads half of it
        shutil.rmtree(away)
        return True

    def inputs(self, one: Addition, preparer: Preparer, model: str) -> ItemInputs:
        """What a model reads of an item, which is encoded unless it was for this model.

        Raises:
            UserError: if the model cannot use it; see `Preparer.content`.
        """
        path = _inputs(one.folder, model)
        try:
            return ItemInputs.of_tensors(files.read_sealed(path))
        except (FileNotFoundError, DamagedError):
            content = preparer.content([one.item])
            files.write_sealed(path, content.tensors())
            return content

    def _place(self, item_id: str) -> Path:
        return self.folder / hashlib.sha256(item_id.encode()).hexdigest()[:32]


def _read(path: Path) -> Addition:
    fields, picture = files.read_json(path), path.with_name(PICTURE)
    image = picture.read_bytes() if picture.is_file() else None
    item = NewItem(image, **{name: fields[name] for name in FIELDS})
    return Addition(fields["item_id"], item, path.parent)


def _inputs(folder: Path, model: str) -> Path:
    return folder / "inputs" / f"{model}.safetensors"
