"""Which folder holds the pictures, and how many items have one."""

from pathlib import PurePosixPath

import pandas as pd

from fusionrec.checking.columns import Column
from fusionrec.checking.folder import Folder
from fusionrec.checking.guess import COLUMNS, FILES, Guess, Source
from fusionrec.data import parsing

PATH = r".+\.(jpe?g|png|webp|gif|bmp|tiff?)"


def column(found: Folder, items: Source, guess: Guess) -> Column | None:
    """Guess the column that names the pictures, and their folder; None if no column names more than the ids do.

    Args:
        found: what the folder of data holds.
        items: the table of items.
        guess: is added to.
    """
    name, images = f"{COLUMNS}.image", f"{FILES}.images"
    given = guess.fixed.get(name)
    if name in guess.fixed and given is None:
        return None
    files, folder = _paths(found), guess.fixed.get(images)
    possible = [c for c in items.others() if (c.name == given if given else c.fits(PATH))]
    folders = [str(folder)] if images in guess.fixed else sorted(files)
    matches = [(len({*c.counts} & files.get(base, set())), base, c) for c in possible for base in folders]
    count, base, chosen = max(matches, key=lambda match: match[0], default=(0, None, None))
    if not chosen or count <= _after_ids(found, items.key):
        return None
    guess.set(name, chosen.name, f"{count:,} of its {len(chosen.counts):,} paths are pictures in {base}")
    guess.set(images, base, f"the folder that the paths in {chosen.name} begin in")
    return chosen


def _paths(found: Folder) -> dict[str, set[str]]:
    """The paths of all pictures relative to each folder that they are in, directly or further inside."""
    paths = dict[str, set[str]]()
    for folder, files in found.pictures.items():
        for base in (PurePosixPath(folder), *PurePosixPath(folder).parents):
            inside = PurePosixPath(folder).relative_to(base)
            paths.setdefault(str(base), set()).update(str(inside / file) for file in files)
    return paths


def _after_ids(found: Folder, key: Column) -> int:
    """How many pictures of one folder are named after items."""
    stems = ({PurePosixPath(file).stem for file in files} for files in found.pictures.values())
    return max((len(names & {*key.counts}) for names in stems), default=0)


def assign(found: Folder, key: Column, whole: bool, guess: Guess) -> None:
    """Guess the folder of pictures: the one with the most pictures that are named after items.

    Args:
        found: what the folder of data holds.
        key: the ids of the items.
        whole: whether these are all ids.
        guess: is added to.
    """
    name, ids = f"{FILES}.images", set(key.counts)
    stems = {folder: {PurePosixPath(file).stem for file in files} for folder, files in found.pictures.items()}
    matches = {folder: len(stems[folder] & ids) for folder in stems}
    best = max(matches, key=lambda folder: (matches[folder], len(stems[folder])), default=None)
    if best is None:
        guess.set(name, None, "there are no pictures")
        guess.set("model.vision", "none", "there are no pictures")
        return
    count = len(stems[best])
    if guess.fixed.get(name) is None and not matches[best]:
        guess.set(name, best, "the folder with the most pictures")
        guess.set("model.vision", "none", "no picture belongs to an item")
        guess.notes.append(_differently(best, stems[best], ids))
        return
    chosen = guess.set(name, best, f"{matches[best]:,} of its {count:,} pictures are named after an item")
    without = sorted(ids - stems.get(chosen, set()))
    if without and whole:
        guess.notes.append(
            f"{len(without):,} of {len(ids):,} items have no picture, such as {', '.join(without[:3])}"
        )
    strange = sorted(stems.get(chosen, set()) - ids)
    if strange and whole:
        guess.notes.append(
            f"{len(strange):,} pictures in {chosen} belong to no item, such as {', '.join(strange[:3])}"
        )


def _differently(folder: str, stems: set[str], ids: set[str]) -> str:
    names, known = pd.Index(sorted(stems), dtype="str"), pd.Index(sorted(ids), dtype="str")
    alike = parsing.usual_form(names).isin(parsing.usual_form(known)).mean()
    start = f"no picture in {folder} is named after an item: names are like {names[0]}, and ids are like {known[0]}"
    return (
        f"{start}. {alike:.0%} differ only in zeros or letter case: rename the files"
        if alike
        else f"{start}; rename the files"
    )
