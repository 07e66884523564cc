"""Answers questions that arrive at the same time together, in one thread.

There is no timer: while a batch is computed, the next one gathers. A lonely question is answered at once.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, NamedTuple, TypeVar

Q = TypeVar("Q")
A = TypeVar("A")


class FullError(Exception):
    """Too many questions wait already, or this one waited too long."""


class _Waiting(NamedTuple, Generic[Q, A]):
    question: Q
    weight: int
    answer: "asyncio.Future[A]"


class Batcher(Generic[Q, A]):
    """A queue and the thread that empties it.

    Args:
        answer: answers some questions at once, in their order; an exception as an answer is raised where the question
            was asked.
        most: weight of a batch, unless a single question weighs more.
        waiting: weight of all questions that may wait.
        seconds: how long a question may wait for its answer.
        batched: is told the weight of each batch.
    """

    def __init__(
        self,
        answer: Callable[[list[Q]], list[A | Exception]],
        most: int,
        waiting: int,
        seconds: float,
        batched: Callable[[int], object] = lambda weight: None,
    ):
        self.answer, self.most, self.waiting, self.seconds = answer, most, waiting, seconds
        self.batched = batched
        self.queued = 0
        self._queue: deque[_Waiting[Q, A]] = deque()
        self._thread = ThreadPoolExecutor(1)
        self._worker: asyncio.Task[None] | None = None

    async def ask(self, question: Q, weight: int = 1) -> A:
        """The answer to a question.

        Raises:
            FullError: if too many questions wait, or this one waited too long.
        """
        if self.queued and self.queued + weight > self.waiting:
            raise FullError
        loop = asyncio.get_running_loop()
        one: _Waiting[Q, A] = _Waiting(question, weight, loop.create_future())
        self._queue.append(one)
        self.queued += weight
        if self._worker is None or self._worker.done():
            self._worker = loop.create_task(self._work())
        try:
            async with asyncio.timeout(self.seconds):
                return await one.answer
        except TimeoutError:
            raise FullError from None

    async def run(self, function: Callable[[], A]) -> A:
        """Call a function in the thread, between two batches."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, function)

    def close(self) -> None:
        """Give the thread back."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _work(self) -> None:
        """Answer batches until none is left."""
        loop = asyncio.get_running_loop()
        while batch := self._next():
            self.batched(sum(one.weight for one in batch))
            questions = [one.question for one in batch]
            try:
                answers = await loop.run_in_executor(self._thread, self.answer, questions)
            except Exception as error:
                answers = [error] * len(batch)
            for one, answer in zip(batch, answers, strict=True):
                if one.answer.done():  # nobody waits for it any more
                    continue
                if isinstance(answer, Exception):
                    one.answer.set_exception(answer)
                else:
                    one.answer.set_result(answer)

    def _next(self) -> list[_Waiting[Q, A]]:
        batch: list[_Waiting[Q, A]] = []
        weight = 0
        while self._queue and (not batch or weight + self._queue[0].weight <= self.most):
            one = self._queue.popleft()
            self.queued -= one.weight
            if not one.answer.done():
                batch.append(one)
                weight += one.weight
        return batch
