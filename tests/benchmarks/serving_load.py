"""A service under a long mix of requests: python tests/benchmarks/serving_load.py PACK --requests 1000000

Of a hundred requests one is hostile: malformed, oversized, of wrong types, path-like, or so slow that it never ends.
The others ask for users, baskets, rules, similar items, pictures and new items; their answers are compared with those
of `fusionrec.api`. A status of 500 or more is a fault, but for 503 with Retry-After. In the end it prints the requests
by status, and the memory and open files of the workers at the beginning and at the end.
"""

import argparse
import asyncio
import json
import math
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]

import psutil  # type: ignore[import-untyped]  # noqa: E402
from tests.benchmarks import serving  # noqa: E402
from tests.serve import test_hostile as hostile  # noqa: E402
from tests.serve.test_answers import by_api  # noqa: E402

import fusionrec.api  # noqa: E402
from fusionrec.serve.schemas import ListsRequest  # noqa: E402

KINDS = 400  # of honest requests
CONNECTIONS, SLOW = 16, 8
WARM = 0.1  # share of the requests after which memory is measured first


class Honest(NamedTuple):
    """A request, a check of its answer, and the answers that were found right already."""

    sent: bytes
    check: Callable[[bytes], None]
    right: set[bytes]


def main() -> None:
    """Run the mix; exit with 1 at the first fault."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pack", type=Path)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, default=1)
    args = parser.parse_args()
    pack = args.pack.resolve()
    draw = random.Random(0)
    kinds = honest(fusionrec.api.load(pack), draw)
    with serving.serving(pack, args.workers) as (port, process, _):
        mix = Mix(port, kinds, draw, str(pack.parent))
        print(
            f"{args.requests:,} requests, {len(kinds)} kinds of honest ones, {len(hostile.HOSTILE)} of hostile ones"
        )
        begun = time.perf_counter()
        asyncio.run(mix.run(int(args.requests * WARM)))
        first = state(process.pid)
        asyncio.run(mix.run(args.requests - int(args.requests * WARM)))
        last = state(process.pid)
    print(
        f"{time.perf_counter() - begun:,.0f} s; honest by status: {dict(mix.honest)}; hostile: {dict(mix.hostile)}"
    )
    for (pid, *before), (again, *after) in zip(first, last, strict=True):
        assert pid == again, "a worker died"
        print(
            "process {}: {:,.1f} MiB and {} open files, then {:,.1f} MiB and {}".format(pid, *before, *after)
        )


def honest(shop: fusionrec.api.FusionRec, draw: random.Random) -> list[Honest]:
    """Requests whose answers are known."""
    users, items = shop.engine.split.user_ids, shop.engine.item_ids
    made: list[Honest] = []
    for number in range(KINDS):
        asked: dict[str, Any] = {"users": draw.sample(users, 1 + number % 3), "k": draw.choice([3, 10, 50])}
        if number % 4 == 1:
            asked = {"users": ["a basket"], "histories": {"a basket": draw.sample(items, 4)}}
        if number % 8 == 2:
            asked["rerank"] = {"method": draw.choice(["mmr", "calibrated"]), "strength": 0.5}
        if number % 8 == 6:
            asked |= {"exclude": draw.sample(items, 20), "filter_seen": False}
        expected = by_api(shop, ListsRequest(**asked).model_dump())
        sent = serving.request("/v1/recommendations", json.dumps(asked).encode())
        made.append(Honest(sent, partial(lists_are, expected), set()))
    for item in draw.sample(items, 20):
        similar = shop.similar_items([item], 5)["similar_item_id"].tolist()
        sent = serving.request(f"/v1/similar?item={item}&k=5")
        made.append(Honest(sent, partial(similar_are, similar), set()))
    new = serving.request("/v1/new-items", *serving.upload())
    return [*made, Honest(new, ranked, set())]


def lists_are(expected: list[dict[str, Any]], body: bytes) -> None:
    """The lists are those of the API, but for the last bits of scores."""
    lists = json.loads(body)["lists"]
    assert [one["user_id"] for one in lists] == [one["user_id"] for one in expected]
    for one, other in zip(lists, expected, strict=True):
        assert one["basis"] == other["basis"] and len(one["items"]) == len(other["items"])
        for item, wanted in zip(one["items"], other["items"], strict=True):
            assert item["item_id"] == wanted["item_id"], (one, other)
            assert math.isclose(item["score"], wanted["score"], rel_tol=1e-4, abs_tol=1e-5)


def similar_are(expected: list[str], body: bytes) -> None:
    """The items are those of the API."""
    assert [one["item_id"] for one in json.loads(body)["items"]] == expected


def ranked(body: bytes) -> None:
    """Somebody would like the new item."""
    assert json.loads(body)["users"][0]["rank"] >= 1


class Mix:
    """Asks in several connections; counts answers by status."""

    def __init__(self, port: int, kinds: list[Honest], draw: random.Random, secret: str):
        self.port, self.kinds, self.draw, self.secret = port, kinds, draw, secret.encode()
        self.honest, self.hostile = Counter[int](), Counter[int]()
        self.bad = [*hostile.HOSTILE.values()]

    async def run(self, requests: int) -> None:
        """Send so many."""
        left = iter(range(requests))
        slow = [asyncio.create_task(self._never_ending()) for _ in range(SLOW)]
        await asyncio.gather(*(self._asking(left) for _ in range(CONNECTIONS)))
        for task in slow:
            task.cancel()

    async def _asking(self, left: Any) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2**24)
        for number in left:
            if number % 100 == 0:
                await self._send(self._strange())
                continue
            one = self.kinds[-1] if number % 5000 == 1 else self.draw.choice(self.kinds[:-1])
            writer.write(one.sent)
            head = await reader.readuntil(b"\r\n\r\n")
            status = int(head[9:12])
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0])
            body = await reader.readexactly(length)
            self._count(self.honest, status, head)
            assert status == 200, head + body
            if body not in one.right:
                one.check(body)
                if len(one.right) < 50:
                    one.right.add(body)
        writer.close()

    def _strange(self) -> bytes:
        chosen = self.draw.choice(self.bad)
        return chosen if self.draw.random() < 0.7 else hostile.mutated(chosen, self.draw)

    async def _send(self, request: bytes) -> None:
        """Send bytes over a connection of their own, and read until it is closed."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        answer = b""
        try:
            writer.write(request)
            async with asyncio.timeout(15):
                while part := await reader.read(2**16):
                    answer += part
        except (OSError, TimeoutError):
            pass  # it was refused before everything was sent, or waits for more
        finally:
            writer.close()
        assert self.secret not in answer and b"Traceback" not in answer, (request[:500], answer)
        self._count(self.hostile, hostile.status(answer), answer)

    async def _never_ending(self) -> None:
        """A request that comes byte by byte, again and again."""
        while True:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            head = b"POST /v1/recommendations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n"
            try:
                for byte in head + self.draw.choice([b"", b"\r\n"]) + b"x" * 1000:
                    writer.write(bytes([byte]))
                    await writer.drain()
                    await asyncio.sleep(0.2)
            except OSError:
                self.hostile[0] += 1
            finally:
                writer.close()

    def _count(self, counted: Counter[int], status: int, head: bytes) -> None:
        counted[status] += 1
        assert status < 500 or (status == 503 and b"retry-after" in head.lower()), head


def state(pid: int) -> list[tuple[int, float, int]]:
    """Process, MiB of its own, and open files of each worker, after connections that end have ended."""
    time.sleep(12)
    workers = psutil.Process(pid).children(recursive=True)
    return [(one.pid, one.memory_full_info().uss / 2**20, one.num_fds()) for one in workers]


if __name__ == "__main__":
    main()
