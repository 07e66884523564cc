"""Hostile requests between honest ones: no fault, no word about this machine, and the honest are answered right."""

import json
import random
import socket
import time
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest

from fusionrec.api import FusionRec
from fusionrec.serve import options as limits

from ..recommend import shop
from .conftest import Client
from .test_answers import REQUESTS, by_api, same

JSON = b"Content-Type: application/json\r\n"
LIST = "/v1/recommendations"


def http(method: str, path: str, body: bytes = b"", head: bytes = JSON) -> bytes:
    length = f"Connection: close\r\nContent-Length: {len(body)}\r\n".encode()
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n".encode() + head + length + b"\r\n" + body


def post(value: Any) -> bytes:
    return http("POST", LIST, value if isinstance(value, bytes) else json.dumps(value).encode())


def form(body: bytes, boundary: bytes = b"=") -> bytes:
    kind = b"Content-Type: multipart/form-data; boundary=" + boundary + b"\r\n"
    return http("POST", "/v1/new-items", body, kind)


def field(name: str, value: bytes, more: str = "") -> bytes:
    return f'--=\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + value + b"\r\n"


PATHS = [
    "../../../etc/passwd",
    "/etc/passwd",
    "C:\\Windows",
    "data/splits",
    "a\0b",
    "%2e%2e%2f",
    "i05/../i06",
    "~",
]
HOSTILE: dict[str, bytes] = {
    "no json": post(b"users=u1"),
    "nothing": post(b""),
    "a list": post(b"[]"),
    "null": post(b"null"),
    "nan": post(b'{"users": ["u1"], "k": NaN}'),
    "infinity in re-ranking": post(b'{"users": ["u1"], "rerank": {"method": "mmr", "strength": 1e999}}'),
    "duplicate keys": post(b'{"users": ["u1"], "users": ["u2"]}'),
    "deep lists": post(b'{"users": ' + b"[" * 50_000 + b"]" * 50_000 + b"}"),
    "deep objects": post(b'{"a":' * 20_000 + b"1" + b"}" * 20_000),
    "a long number": post(b'{"users": ["u1"], "k": ' + b"9" * 10_000 + b"}"),
    "half a surrogate": post(b'{"users": ["\\ud800"]}'),
    "half a surrogate in a history": post(b'{"users": ["b"], "histories": {"b": ["\\udfff"]}}'),
    "not utf-8": post(b'{"users": ["\xff\xfe"]}'),
    "utf-16": post('{"users": ["u1"]}'.encode("utf-16")),
    "numbers as users": post({"users": [1, 2.5, None, True]}),
    "a string as users": post({"users": "u00022"}),
    "no users": post({"users": []}),
    "an empty id": post({"users": [""]}),
    "many users": post({"users": [f"u{i}" for i in range(limits.USERS + 1)]}),
    "a long id": post({"users": ["u" * (limits.ID_LENGTH + 1)]}),
    "a long history": post({"users": ["b"], "histories": {"b": ["i01"] * (limits.IDS + 1)}}),
    "k is nothing": post({"users": ["u1"], "k": 0}),
    "k is negative": post({"users": ["u1"], "k": -1}),
    "k is large": post({"users": ["u1"], "k": 10**9}),
    "k is true": post({"users": ["u1"], "k": True}),
    "k is a text": post({"users": ["u1"], "k": "10"}),
    "an unknown key": post({"users": ["u1"], "__class__": "x"}),
    "an unknown category": post({"users": ["u1"], "category_limits": {"../../etc": 1}}),
    "an unknown method": post({"users": ["u1"], "rerank": {"method": "__import__"}}),
    "weights above 1": post(
        {"users": ["u1"], "rerank": {"method": "weighted", "strength": 0.9, "novelty": 0.9}}
    ),
    "many candidates": post({"users": ["u1"], "rerank": {"method": "mmr", "max_candidates": 10**6}}),
    "oversized": http("POST", LIST, b" " * (limits.JSON_BYTES + 1)),
    "oversized, only said": f"POST {LIST} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {10**11}\r\n\r\n".encode(),
    "oversized in chunks": b"POST /v1/recommendations HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    + (b"40000\r\n" + b" " * 0x40000 + b"\r\n") * 5,
    "a negative length": b"POST /v1/recommendations HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
    "a length that is no number": b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "no http": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 5 + b"\r\n\r\n",
    "a long head": http("GET", "/health", head=b"X: " + b"y" * 200_000 + b"\r\n"),
    "many headers": http("GET", "/health", head=b"X: y\r\n" * 20_000),
    "a long path": http("GET", "/" + "x" * 60_000),
    "no host": b"GET /v1/info HTTP/1.1\r\n\r\n",
    "an unknown route": http("GET", "/v1/../../etc/passwd"),
    "an encoded route": http("GET", "/%2e%2e/%2e%2e/etc/passwd"),
    "another method": http("DELETE", LIST),
    "an upgrade": http("GET", "/", head=b"Connection: Upgrade\r\nUpgrade: websocket\r\n"),
    "an unknown vector": http("GET", "/v1/similar?item=i05&by=__dict__"),
    "bytes in a query": http("GET", "/v1/similar?item=%ff%fe%00"),
    "a query twice": http("GET", "/v1/recommendations?user=u1&user=u2&k=1e3"),
    "a form without a boundary": http(
        "POST", "/v1/new-items", b"x", b"Content-Type: multipart/form-data\r\n"
    ),
    "a form that is none": form(b"x" * 1000),
    "a form that does not end": form(field("title", b"x")[:-2]),
    "no picture": form(field("image", b"<svg/>", '; filename="x.png"') + b"--=--\r\n"),
    "half a picture": form(field("image", shop.picture(0)[:200], '; filename="x"') + b"--=--\r\n"),
    "a picture as text": form(field("image", b"/etc/passwd") + b"--=--\r\n"),
    "a file name": form(field("image", shop.picture(0), '; filename="../../x"') + b"--=--\r\n"),
    "nan as a number": form(field("numbers", b'{"year": NaN}') + b"--=--\r\n"),
    "infinity as a number": form(field("numbers", b'{"year": 1e999}') + b"--=--\r\n"),
    "a text as a number": form(field("numbers", b'{"year": "x"}') + b"--=--\r\n"),
    "an unknown attribute": form(field("categories", b'{"/etc/passwd": ["x"]}') + b"--=--\r\n"),
    "many fields": form(field("title", b"x") * 3000 + b"--=--\r\n"),
    "json as a form": http("POST", "/v1/new-items", b'{"title": "x"}'),
    **{f"path-like user {path!r}": post({"users": [path]}) for path in PATHS},
    **{f"path-like item {path!r}": post({"users": ["b"], "histories": {"b": [path]}}) for path in PATHS},
}


def send(port: int, request: bytes) -> bytes:
    """The answer to raw bytes; empty if the connection is closed without one."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        try:
            connection.sendall(request)
            parts = []
            while part := connection.recv(65536):
                parts.append(part)
        except OSError:  # it was closed before everything was sent
            return b""
    return b"".join(parts)


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


def mutated(request: bytes, draw: random.Random) -> bytes:
    """A request with some bytes of its body changed, removed or doubled."""
    head, _, body = request.partition(b"\r\n\r\n")
    for _ in range(draw.randrange(1, 4)):
        place = draw.randrange(len(body) + 1)
        body = draw.choice(
            [
                body[:place] + bytes([draw.randrange(256)]) + body[place + 1 :],
                body[:place] + body[place + draw.randrange(1, 9) :],
                body[:place] + body[place - 9 :],
            ]
        )
    kept = b"\r\n".join(line for line in head.split(b"\r\n") if not line.startswith(b"Content-Length"))
    return kept + f"\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def worker(service: Client) -> psutil.Process:
    children = psutil.Process(service.process.pid).children(recursive=True)
    return max(children, key=lambda one: one.memory_info().rss)


def handles(process: psutil.Process) -> int:
    """Open files, once the connections that are being closed are closed."""
    count = process.num_fds()
    for _ in range(50):
        time.sleep(0.1)
        if (now := process.num_fds()) == count:
            break
        count = now
    return count


def check(answers: dict[str, bytes], secrets: list[str]) -> None:
    for name, answer in answers.items():
        assert status(answer) < 500, f"{name}: {answer[:300]!r}"
        for secret in ["Traceback", "site-packages", ".py", *secrets]:
            assert secret.encode() not in answer, f"{name}: {answer[:300]!r}"


def test_each_kind_is_refused_or_answered(service: Client, pack: Path, open_shop: FusionRec) -> None:
    process = worker(service)
    service.post(LIST, REQUESTS[0])
    before = handles(process)
    answers = {name: send(service.port, request) for name, request in HOSTILE.items()}
    check(answers, [str(pack.parent), str(Path.home()), "catalogue/"])
    refused = {"oversized", "oversized, only said", "oversized in chunks"}
    assert {name for name, answer in answers.items() if status(answer) == 413} >= refused - {
        name for name in refused if not answers[name]
    }
    for name in ("nan", "duplicate keys", "deep lists", "half a surrogate", "k is true", "numbers as users"):
        assert status(answers[name]) == 422, (name, answers[name])
    for name in ("path-like user '/etc/passwd'", "a file name"):
        assert status(answers[name]) == 200, (name, answers[name])
    assert service.process.poll() is None and worker(service).pid == process.pid, "no worker died"
    for request in REQUESTS:
        same(service.post(LIST, request).json["lists"], by_api(open_shop, request))
    assert handles(process) <= before + 2


def mix(service: Client, open_shop: FusionRec, pack: Path, requests: int, seed: int) -> None:
    """Honest requests with one hostile one in ten, known kinds and random changes of honest ones."""
    draw, process = random.Random(seed), worker(service)
    expected = [by_api(open_shop, request) for request in REQUESTS]
    honest = [post(request) for request in REQUESTS]
    honest.append(
        form(field("title", b"a red boat") + field("image", shop.picture(0), '; filename="x"') + b"--=--\r\n")
    )
    before = handles(process)
    for number in range(requests):
        if number % 10 == 0:
            kind = draw.choice([*HOSTILE])
            bad = HOSTILE[kind] if draw.random() < 0.5 else mutated(draw.choice(honest), draw)
            check({f"{seed}/{number} {kind}": send(service.port, bad)}, [str(pack.parent), str(Path.home())])
        which = draw.randrange(len(REQUESTS))
        same(service.post(LIST, REQUESTS[which]).json["lists"], expected[which])
    assert worker(service).pid == process.pid and handles(process) <= before + 2


def test_a_mix(service: Client, pack: Path, open_shop: FusionRec) -> None:
    mix(service, open_shop, pack, 300, seed=1)


@pytest.mark.slow
def test_a_long_mix_keeps_its_memory(service: Client, pack: Path, open_shop: FusionRec) -> None:
    mix(service, open_shop, pack, 1000, seed=2)
    before = worker(service).memory_info().rss
    mix(service, open_shop, pack, 20_000, seed=3)
    assert worker(service).memory_info().rss < before + 50 * 2**20


def test_a_full_queue_is_503_and_says_when_to_come_back(service: Client) -> None:
    """Connections beyond the limit are refused at once; those that wait are answered."""
    connections = [
        socket.create_connection(("127.0.0.1", service.port)) for _ in range(limits.CONNECTIONS + 5)
    ]
    try:
        refused = service.get("/health")
        assert refused.status == 503 and refused.headers["retry-after"] == "1"
    finally:
        for connection in connections:
            connection.close()
    deadline = time.monotonic() + 30
    while service.get("/health").status != 200 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert service.get("/health").status == 200
