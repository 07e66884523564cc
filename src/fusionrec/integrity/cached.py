"""Checks what FusionRec keeps outside the repository: weights, vectors, neighbours and interrupted trainings."""

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from fusionrec import checksums, files
from fusionrec.encoders import store
from fusionrec.errors import DamagedError
from fusionrec.integrity.fault import Fault

SEALED = {"neighbours": "they are computed again", "training": "the training starts from the beginning"}


def faults(home: Path) -> Iterator[Fault]:
    """All faults in a folder such as `fusionrec.paths.cache_home()`.

    Weights of a version that kept no hashes are left out, because they are downloaded again before they are used.
    """
    for folder in weights(home):
        try:
            checksums.check_folder(folder)
        except DamagedError as error:
            yield Fault(
                str(folder), _reason(error), "they are downloaded again", partial(shutil.rmtree, folder)
            )
    for path in stores(home):
        if problem := store.damage(path):
            yield Fault(str(path), problem, "its vectors are encoded again", partial(store.delete, path))
    for path in sealed(home):
        try:
            files.read_sealed(path)
        except DamagedError as error:
            source = SEALED[path.parent.name]
            yield Fault(str(path), _reason(error), source, partial(path.unlink, missing_ok=True))


def weights(home: Path) -> list[Path]:
    """The folders of weights with hashes."""
    return [path.parent for path in sorted((home / "weights").glob(f"[!.]*/{checksums.NAME}"))]


def stores(home: Path) -> list[Path]:
    """The files of encoder vectors."""
    return sorted((home / "vectors").glob("*.sqlite"))


def sealed(home: Path) -> list[Path]:
    """Single files that hold their own hash."""
    return [path for name in SEALED for path in sorted((home / name).glob("*.safetensors"))]


def _reason(error: DamagedError) -> str:
    return str(error).partition(";")[0]
