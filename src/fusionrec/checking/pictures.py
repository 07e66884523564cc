"""Which folder holds the pictures, and how many items have one."""

from pathlib import PurePosixPath

import pandas as pd

from fusionrec.checking.columns import Column
from fusionrec.checking.folder import Folder
from fusionrec.checking.guess import FILES, Guess
from fusionrec.data import parsing


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
