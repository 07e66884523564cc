"""What a worker process holds: the model, metrics, and the threads that compute."""

from pathlib import Path
from typing import Any

import torch

from fusionrec.recommend.additions import Additions
from fusionrec.serve import options as limits
from fusionrec.serve import schemas
from fusionrec.serve.answers import Served
from fusionrec.serve.batching import Batcher
from fusionrec.serve.current import Current
from fusionrec.serve.metrics import Metrics
from fusionrec.serve.options import Options


class Service:
    """A worker process: the model, and the two threads that compute, one for lists and one for encoders."""

    def __init__(self, options: Options):
        torch.set_num_threads(1)  # several requests share the cores instead
        self.options, self.metrics = options, Metrics()
        additions = None if options.additions is None else Additions(options.additions, limits.ADDED)
        self.current = Current(options.model, self._load, self.metrics, additions)
        batched = self.metrics.batches.observe
        seconds = options.seconds
        self.lists: Batcher[Any, dict[str, Any]] = Batcher(
            self._answer, limits.BATCH, options.waiting, seconds, batched
        )
        self.encoders: Batcher[Any, dict[str, Any]] = Batcher(self._call, 1, 32, max(seconds, 30))

    def _load(self, path: Path) -> Served:
        served = Served(path, self.options.exact)
        if self.options.encoders and served.scores_new_items:
            served.warm()
        return served

    def _answer(self, asked: list[Any]) -> list[dict[str, Any] | Exception]:
        """Lists in one product; everything else, a function, one after the other."""
        served = self.current.served
        requests = [one for one in asked if isinstance(one, schemas.ListsRequest)]
        made = iter(served.lists(requests))
        return [
            next(made) if isinstance(one, schemas.ListsRequest) else self._call([one])[0] for one in asked
        ]

    def _call(self, asked: list[Any]) -> list[dict[str, Any] | Exception]:
        answers: list[dict[str, Any] | Exception] = []
        for function in asked:
            try:
                answers.append(function(self.current.served))
            except Exception as error:
                answers.append(error)
        return answers
