"""The model that is served. It is replaced as soon as its folder is: requests that are under way keep theirs."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from fusionrec.errors import UserError
from fusionrec.recommend import packing
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

    Raises:
        UserError: if the model cannot be loaded.
    """

    def __init__(self, path: Path, load: Callable[[Path], Served], metrics: Metrics):
        self.path, self.load, self.metrics = path, load, metrics
        self._seen = self._state()
        self.served = load(path)
        metrics.loads.labels("loaded").inc()

    async def watch(self) -> None:
        """Look for changes until cancelled; a model that cannot be loaded is logged, and the old one stays."""
        while True:
            await asyncio.sleep(LOOK)
            state = self._state()
            if state is None or state == self._seen:
                continue
            self._seen = state
            try:
                self.served = await asyncio.to_thread(self.load, self.path)
            except Exception as error:
                self.metrics.loads.labels("failed").inc()
                log.error("the old model stays: %s", error, exc_info=not isinstance(error, UserError))
            else:
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
