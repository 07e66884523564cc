"""Folders that all checkouts of a user share."""

import os
from pathlib import Path


def cache_home() -> Path:
    """The folder for downloads and reusable results: $FUSIONREC_CACHE, or else ~/.cache/fusionrec."""
    return Path(os.environ.get("FUSIONREC_CACHE", Path.home() / ".cache" / "fusionrec"))
