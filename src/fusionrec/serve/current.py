"""The model that is served. It is replaced as soon as its folder is: requests that are under way keep theirs."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from threading import Lock

from fusionrec.errors import UserError
from fusionrec.recommend import packing
from fusionrec.recommend.additions import Additions
from fusionrec.serve.answers import Served
from fusionrec.serve.metrics import Metrics

LOOK = 1.0  # seconds between two looks at the folder
log = logging.getLogger("uvicorn.error")


class Current:
    """Holds a model, and loads another one when the folder, or the link to it, changes.

    Args:
        path: a packed model, or a link to one.
        load: loads a model.
        metrics: counts the models that are loaded.
        additions: items that are added to any model.

    Attributes:
        served: the model with the items that were added.

    Raises:
        UserError: if the model cannot be loaded.
    """

    def __init__(
        self,
        path: Path,
        load: Callable[[Path], Served],
        metrics: Metrics,
        additions: Additions | None = None,
    ):
        self.path, self.load, self.metrics, self.additions = path, load, metrics, additions
        self._growing = Lock()
        self._seen = self._state()
        self._loaded = load(path)
        metrics.loads.labels("loaded").inc()
        self.grow()

    def grow(self) -> None:
        """Look for items that were added or removed."""
        with self._growing:  # two threads may ask for it, and the later state must win
            if self.additions is None:
                self.served = self._loaded
            else:
                self._added = self.additions.state()
                self.served = self._loaded.grown(self.additions)

    async def watch(self) -> None:
        """Look for changes until cancelled; a model that cannot be loaded is logged, and the old one stays."""
        while True:
            await asyncio.sleep(LOOK)
            state = self._state()
            moved = state is not None and state != self._seen
            if moved:
                self._seen = state
            try:
                if moved:
                    await asyncio.to_thread(self._replace)
                elif (
                    self.additions is not None
                    and await asyncio.to_thread(self.additions.state) != self._added  # looks at each folder
                ):
                    await asyncio.to_thread(self.grow)
            except Exception as error:
                if moved:
                    self.metrics.loads.labels("failed").inc()
                log.error("the old model stays: %s", error, exc_info=not isinstance(error, UserError))

    def _replace(self) -> None:
        """Turn to the model that is there now."""
        before, self._loaded = self._loaded, self.load(self.path)
        try:
            self.grow()
        except Exception:
            self._loaded = before
            raise
        self.metrics.loads.labels("loaded").inc()
        log.warning("now serving model %s", self.served.name)

    def _state(self) -> tuple[str, int, int] | None:
        """What changes with the model: the target of the link, and the file that lists all others."""
        try:
            target = self.path.resolve()
            listed = (target / packing.LIST).stat()
        except OSError:  # the folder is being replaced
            return None
        return str(target), listed.st_ino, listed.st_mtime_ns
