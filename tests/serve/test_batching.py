"""Questions that arrive together are answered together."""

import asyncio
import threading

import pytest

from fusionrec.serve.batching import Batcher, FullError


class Slow:
    """Doubles numbers, a batch at a time, as soon as it may; refuses negative ones."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.free = threading.Event()

    def __call__(self, questions: list[int]) -> list[int | Exception]:
        self.free.wait(10)
        self.batches.append(questions)
        if 13 in questions:
            raise RuntimeError("a fault")
        return [2 * number if number >= 0 else ValueError(number) for number in questions]


def test_what_waits_is_one_batch_and_errors_go_to_who_asked() -> None:
    slow, weights = Slow(), list[int]()

    async def ask() -> list[int | BaseException]:
        batcher: Batcher[int, int] = Batcher(slow, 3, 100, 10, weights.append)
        first = asyncio.create_task(batcher.ask(1))
        await asyncio.sleep(0)
        rest = [
            asyncio.create_task(batcher.ask(number, weight)) for number, weight in ((2, 1), (-3, 2), (4, 9))
        ]
        await asyncio.sleep(0)
        assert batcher.queued in (12, 13)
        slow.free.set()
        answers = await asyncio.gather(first, *rest, return_exceptions=True)
        assert batcher.queued == 0
        batcher.close()
        return answers

    answers = asyncio.run(ask())
    assert answers[0] == 2 and answers[1] == 4 and answers[3] == 8
    assert isinstance(answers[2], ValueError)
    assert sorted(number for batch in slow.batches for number in batch) == [-3, 1, 2, 4] and slow.batches[
        -1
    ] == [4]
    assert all(weight <= 3 or weight == 9 for weight in weights)


def test_a_fault_reaches_everybody_and_the_next_batch_is_answered() -> None:
    slow = Slow()
    slow.free.set()

    async def ask() -> int:
        batcher: Batcher[int, int] = Batcher(slow, 3, 100, 10)
        with pytest.raises(RuntimeError, match="a fault"):
            await batcher.ask(13)
        return await batcher.ask(5)

    assert asyncio.run(ask()) == 10


def test_a_full_queue_and_a_long_wait_are_refused() -> None:
    slow = Slow()

    async def ask() -> None:
        batcher: Batcher[int, int] = Batcher(slow, 1, 2, 0.05)
        tasks = [asyncio.create_task(batcher.ask(number)) for number in range(5)]
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(one, FullError) for one in done)
        slow.free.set()
        batcher.seconds = 10
        assert await batcher.ask(7) == 14
        batcher.close()

    asyncio.run(ask())
    assert [4] not in slow.batches, "there was no room for it"


def test_a_question_that_is_larger_than_the_queue_is_answered_alone() -> None:
    slow = Slow()
    slow.free.set()

    async def ask() -> int:
        return await Batcher[int, int](slow, 2, 3, 10).ask(4, weight=50)

    assert asyncio.run(ask()) == 8
