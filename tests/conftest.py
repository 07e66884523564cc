"""One thread in the tests and in the processes that they start: tensors are tiny, and bits depend on it."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

settings.register_profile("without deadline", deadline=None)  # the time of a test depends on the machine
settings.load_profile("without deadline")

if TYPE_CHECKING:
    from fusionrec.api import FusionRec

# before numpy and torch are imported; the two of OpenBLAS are what products of the portable mode need
os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "OPENBLAS_CORETYPE": "Haswell"}
os.environ["NUMBA_DISABLE_JIT"] = "1"  # the oracle ranx: 20 s to compile what runs for 1 s


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small shop, built once."""
    from .recommend import shop

    return shop.build(tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="session")
def open_shop(built: Path) -> "FusionRec":
    """The small shop's API."""
    import fusionrec.api

    return fusionrec.api.load(built / "model", built / "splits")
