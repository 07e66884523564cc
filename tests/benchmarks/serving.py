"""How fast a service answers: python tests/benchmarks/serving.py --users 100000 --items 100000 --seconds 10

A model with random weights, histories of ten items, a client on this machine that keeps 32 connections open. Beside
its figures stand the floor, one matrix product and the search for the best, in one thread and without HTTP, and a peer:
implicit behind FastAPI (`serving_peer.py`), if it is installed. `--new-items PACK` also sends pictures to a packed
model that has encoders.
"""

import argparse
import asyncio
import io
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]
CONNECTIONS = 32
LIMIT = 60  # most seconds of one measurement


def main() -> None:
    """Print a table of latencies and rates, and the memory of the workers."""
    parser = argparse.ArgumentParser(description=__doc__)
    sizes = {"users": 100_000, "items": 100_000, "width": 64, "workers": 1, "rate": 100, "seconds": 10}
    for name, default in sizes.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--new-items", metavar="PACK")
    args = parser.parse_args()
    from fusionrec import runtime

    os.environ |= runtime.PINS["machine"]
    with tempfile.TemporaryDirectory() as folder:
        pack = Path(folder) / "pack"
        build(args, Path(folder), pack)
        floor(args, pack)
        with serving(pack, args.workers, "--without-new-items") as (port, process, started):
            print(f"start-up until the first answer: {started:.1f} s")
            measure(args, port, process.pid)
            memory(pack, process)
        peer(args, Path(folder))
    if args.new_items:
        with serving(Path(args.new_items).resolve(), args.workers) as (port, process, started):
            print(f"start-up with encoders: {started:.1f} s")
            body, kind = upload()
            make = lambda: request("/v1/new-items", body, kind)  # noqa: E731
            timed("new item with picture, one at a time", process.pid, closed(port, make, 1, 10))


def peer(args: argparse.Namespace, folder: Path) -> None:
    """The same of implicit behind FastAPI."""
    if find_spec("implicit") is None:
        print("implicit is not installed: without the peer")
        return
    script = Path(__file__).with_name("serving_peer.py")
    command = [sys.executable, str(script), *map(str, (args.users, args.items, args.width))]
    print("implicit and FastAPI:")
    with running(command, folder) as (port, process, started):
        print(f"start-up until the first answer: {started:.1f} s")
        measure(args, port, process.pid)


def build(args: argparse.Namespace, folder: Path, pack: Path) -> None:
    """Write a packed model of the wanted size."""
    import numpy as np
    import pandas as pd
    import torch
    from tests.recommend import shop

    from fusionrec import files
    from fusionrec.data.item_inputs import Fitted, ItemInputs, Modality
    from fusionrec.models import checkpoint, preparation
    from fusionrec.models.contract import ModelData
    from fusionrec.models.preparation import Preparation, PreparationOptions
    from fusionrec.models.zoo.fusion import FusionModel
    from fusionrec.recommend import packing

    p = shop.parameters(dim=args.width, numbers=False, categories=False)
    n, users, draw = args.items, args.users, torch.Generator().manual_seed(0)
    off, everything, bags = torch.zeros(n, 0), torch.ones(n, dtype=torch.bool), torch.zeros(n + 1).long()
    vision = Modality(torch.randn(n, 32, generator=draw), everything.clone(), torch.zeros(n, 0, 32))
    data = ModelData(ItemInputs({"vision": vision}, off, bags, bags[:0], everything), users, 0)
    model = FusionModel(p.model.own("fusion"), data)
    model.reset(draw)
    items, names = [f"i{i:06}" for i in range(n)], [f"u{i:06}" for i in range(users)]
    checkpoint.save(folder / "model", "fusion", model, data, items, names, {"epoch": 1})
    none = p.encoders.model_copy(update={"vision": {"none": None}, "language": {"none": None}})
    options = PreparationOptions(
        clean=p.clean, images=p.images, cache=p.cache, encoders=none, reproducible="machine"
    )
    nothing = Fitted({"numbers": {}, "categories": {}}, {}, {}, None)
    preparation.save(folder / "model", Preparation(options, nothing))
    rng = np.random.default_rng(0)
    log = pd.DataFrame({"user": np.repeat(np.arange(users), 10), "item": rng.integers(0, n, users * 10)})
    log = log.drop_duplicates().assign(timestamp=0)
    for part in ("train", "val", "test", "fold_in"):
        files.write_table(folder / f"splits/{part}.parquet", log if part == "train" else log[:0])
    titles = [f"A title of some words {i}" for i in range(n)]
    table = pd.DataFrame({"item_id": items, "title": titles, "train_interactions": 1})
    files.write_table(folder / "splits/items.parquet", table)
    files.write_table(folder / "splits/users.parquet", pd.DataFrame({"user_id": names}))
    packing.pack(pack, folder / "model", folder / "splits")


def floor(args: argparse.Namespace, pack: Path) -> None:
    """One product and the search for the best of each user, alone and 64 at a time."""
    import numpy as np
    import torch

    from fusionrec.evaluation import catalogue_ranking
    from fusionrec.recommend import packing

    torch.set_num_threads(1)
    engine = packing.load(pack, torch.device("cpu"))
    towers, rng = engine.model.towers, np.random.default_rng(1)
    for together in (1, 64):
        vectors = engine.model.user_vectors(rng.integers(0, args.users, together), engine.split.past)
        times, used = list[float](), time.process_time()
        rounds = 100 // together + 10
        for _ in range(rounds):
            begun = time.perf_counter()
            with torch.no_grad():
                catalogue_ranking.best(torch.addmm(towers.bias, vectors, towers.candidates.T), 20)
            times.append(time.perf_counter() - begun)
        middle, used = statistics.median(times), time.process_time() - used
        print(
            f"floor, {together:>2} users at once: {1000 * middle:6.1f} ms, {together / middle:8,.0f} users/s, "
            f"{1000 * used / rounds / together:6.2f} ms of CPU a user"
        )


def serving(
    pack: Path, workers: int, *more: str
) -> AbstractContextManager[tuple[int, "subprocess.Popen[str]", float]]:
    """`running` for a packed model."""
    options = ["--port", "0", "--workers", str(workers), *more]
    return running([sys.executable, "-m", "fusionrec", "serve", str(pack), *options], pack.parent)


@contextmanager
def running(command: list[str], folder: Path) -> Iterator[tuple[int, "subprocess.Popen[str]", float]]:
    """A running service: its port, its process, and the seconds until it answered."""
    begun = time.perf_counter()
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=folder, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            found = re.search(r":(\d+) ", process.stdout.readline())
            assert found
            port = int(found[1])
            asyncio.run(closed(port, lambda: request("/ready"), 1, 1))
            yield port, process, time.perf_counter() - begun
        finally:
            process.terminate()


def request(path: str, body: bytes = b"", kind: str = "application/json") -> bytes:
    """A request over HTTP/1.1."""
    head = f"{'POST' if body else 'GET'} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, text: bytes) -> float:
    """Send a request; return the seconds until the whole answer was there."""
    begun = time.perf_counter()
    writer.write(text)
    head = await reader.readuntil(b"\r\n\r\n")
    assert b" 200 " in head[:20], head
    length = re.search(rb"content-length: (\d+)", head)
    assert length
    await reader.readexactly(int(length[1]))
    return time.perf_counter() - begun


async def closed(
    port: int, make: Callable[[], bytes], connections: int, requests: int = 0, seconds: float = LIMIT
) -> tuple[list[float], float]:
    """Each connection asks as soon as it was answered: the waits, and the seconds that all of it took."""
    waits: list[float] = []
    begun = time.perf_counter()

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.perf_counter() - begun < min(seconds, LIMIT) and not (requests and len(waits) >= requests):
            waits.append(await ask(reader, writer, make()))
        writer.close()

    await asyncio.gather(*(one() for _ in range(connections)))
    return waits, time.perf_counter() - begun


async def paced(port: int, make: Callable[[], bytes], rate: int, seconds: float) -> tuple[list[float], float]:
    """`rate` requests a second, however long the answers take; a wait counts from when it was due."""
    idle: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        idle.put_nowait(await asyncio.open_connection("127.0.0.1", port))
    waits: list[float] = []

    async def one(due: float) -> None:
        reader, writer = await idle.get()
        await ask(reader, writer, make())
        waits.append(time.perf_counter() - due)
        idle.put_nowait((reader, writer))

    begun, tasks = time.perf_counter(), []
    for number in range(int(rate * min(seconds, LIMIT))):
        due = begun + number / rate
        await asyncio.sleep(max(0, due - time.perf_counter()))
        tasks.append(asyncio.create_task(one(due)))
    await asyncio.gather(*tasks)
    took = time.perf_counter() - begun
    while not idle.empty():
        idle.get_nowait()[1].close()
    return waits, took


def timed(name: str, pid: int, asking: Coroutine[Any, Any, tuple[list[float], float]], each: int = 1) -> None:
    """Ask, and print a line of the table: waits, lists a second, and the CPU time of all workers for a list."""
    before = cpu(pid)
    waits, took = asyncio.run(asking)
    lists, used = each * len(waits), cpu(pid) - before
    ordered = sorted(waits)
    p50, p99 = (1000 * ordered[int(share * (len(ordered) - 1))] for share in (0.5, 0.99))
    print(
        f"{name:<36} p50 {p50:7.1f} ms  p99 {p99:7.1f} ms {lists / took:7,.0f} lists/s "
        f"{1000 * used / lists:6.2f} ms of CPU a list"
    )


def cpu(pid: int) -> float:
    """Seconds of CPU that a service and its workers have used."""
    import psutil  # type: ignore[import-untyped]

    service = psutil.Process(pid)
    each = [one.cpu_times() for one in [service, *service.children(recursive=True)]]
    return sum(one.user + one.system for one in each)


def measure(args: argparse.Namespace, port: int, pid: int) -> None:
    """Known users and baskets, at a rate and as fast as possible."""
    draw = random.Random(2)

    def known() -> bytes:
        return request(f"/v1/recommendations?user=u{draw.randrange(args.users):06}")

    def basket() -> bytes:
        chosen = [f"i{draw.randrange(args.items):06}" for _ in range(5)]
        return request(
            "/v1/recommendations", json.dumps({"users": ["b"], "histories": {"b": chosen}}).encode()
        )

    def many() -> bytes:
        users = [f"u{draw.randrange(args.users):06}" for _ in range(64)]
        return request("/v1/recommendations", json.dumps({"users": users}).encode())

    kinds = {"known user": known, "new basket": basket}
    asyncio.run(closed(port, known, 4, 200))
    for name, make in kinds.items():
        timed(f"{name}, {args.rate}/s", pid, paced(port, make, args.rate, args.seconds))
    for name, make in kinds.items():
        timed(
            f"{name}, {CONNECTIONS} connections", pid, closed(port, make, CONNECTIONS, seconds=args.seconds)
        )
    timed("64 known users, 4 connections", pid, closed(port, many, 4, seconds=args.seconds), 64)


def memory(pack: Path, process: "subprocess.Popen[str]") -> None:
    """Memory of all processes, shared pages counted once, beside the files that hold vectors."""
    import psutil

    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    each = [one.memory_full_info() for one in family]
    used = sum(one.pss for one in each)
    held = [
        pack / "model.safetensors",
        pack / "catalogue/towers.safetensors",
        pack / "catalogue/histories.safetensors",
    ]
    vectors = sum(path.stat().st_size for path in held)
    own = sum(one.uss for one in each)
    print(
        f"memory of {len(family)} processes: {used / 2**20:,.0f} MiB, of which {own / 2**20:,.0f} MiB are not shared; "
        f"vectors and histories: {vectors / 2**20:,.0f} MiB; the libraries alone: {libraries() / 2**20:,.0f} MiB"
    )


def libraries() -> int:
    """Bytes of a process that has loaded what a worker loads, but no model."""
    code = "import fusionrec.serve.app, psutil; print(psutil.Process().memory_full_info().pss)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, check=True, env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
    )  # fmt: skip
    return int(done.stdout)


def upload() -> tuple[bytes, str]:
    """A form with a picture."""
    import numpy as np
    from PIL import Image

    buffer: Any = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 255, (400, 300, 3), np.uint8)
    Image.fromarray(pixels).save(buffer, "JPEG")
    head = b'--=\r\nContent-Disposition: form-data; name="title"\r\n\r\nA harbour\r\n'
    head += b'--=\r\nContent-Disposition: form-data; name="image"; filename="x"\r\n\r\n'
    return head + buffer.getvalue() + b"\r\n--=--\r\n", "multipart/form-data; boundary=="


if __name__ == "__main__":
    main()
