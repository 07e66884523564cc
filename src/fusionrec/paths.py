"""Folders that all checkouts of a user share."""

import os
from pathlib import Path


def cache_home() -> Path:
    """What was downloaded or computed once; $FUSIONREC_CACHE moves it."""
    return Path(os.environ.get("FUSIONREC_CACHE", Path.home() / ".cache" / "fusionrec"))
