"""Who may ask, and how large and slow a request may be, without a server."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from fusionrec.serve import guard
from fusionrec.serve import options as limits
from fusionrec.serve.guard import Guard
from fusionrec.serve.metrics import Metrics
from fusionrec.serve.options import Options

METRICS = Metrics()
OPTIONS = Options(Path(), seconds=0.2)


def asked(
    options: Options = OPTIONS, path: str = "/v1/x", parts: tuple[bytes | None, ...] = (b"",), **headers: str
) -> tuple[int, Any, dict[str, str]]:
    """Status, body and headers of the answer; the application echoes what it got. None as a part never comes."""
    sent: list[Any] = []
    waiting = [*parts]

    async def receive() -> dict[str, Any]:
        part = waiting.pop(0)
        if part is None:
            await asyncio.sleep(3600)
        if part == b"gone":
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": part, "more_body": bool(waiting)}

    async def send(message: Any) -> None:
        sent.append(message)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        body = (await receive())["body"]
        if body == b"fault":
            raise RuntimeError("/secret/path")
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps(body.decode()).encode()})

    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "path": path, "headers": [(b"host", b"localhost:8000"), *named]}
    asyncio.run(Guard(app, options, METRICS)(scope, receive, send))
    told = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], json.loads(sent[1]["body"]), told


def test_a_body_arrives_as_it_was() -> None:
    status, body, headers = asked(parts=(b"ab", b"", b"c"), content_length="3")
    assert (status, body) == (200, "abc") and headers["x-content-type-options"] == "nosniff"


def test_slow_large_and_broken_bodies() -> None:
    assert asked(parts=(b"a", None))[0] == 408
    assert asked(parts=(b"a", b"gone"))[0] == 400
    large = b" " * limits.JSON_BYTES
    assert asked(parts=(large, b"x"))[0] == asked(content_length=str(limits.JSON_BYTES + 1))[0] == 413
    for path in guard.UPLOADS:
        assert asked(path=path, parts=(large, b"x"))[0] == 200
    for length in ("-1", "x", "9" * 30, "²"):
        assert asked(content_length=length.encode().decode("latin-1"))[0] == 413


def test_memory_for_bodies_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BODIES", 10)
    status, _, headers = asked(parts=(b"a" * 20,), content_length="20")
    assert status == 503 and headers["retry-after"] == "1"


def test_a_fault_says_nothing() -> None:
    status, body, _ = asked(parts=(b"fault",))
    assert status == 500 and body == {"detail": "internal error"}


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("127.0.0.1:80", 200),
        ("[::1]:80", 200),
        ("[::1]", 200),
        ("[evil]:1", 421),
        ("::1", 421),
        ("a.b", 421),
        ("", 421),
    ],
)
def test_only_names_of_this_machine_are_answered(host: str, status: int) -> None:
    async def nothing(*_: Any) -> None: ...

    checked = Guard(nothing, OPTIONS, METRICS)
    try:
        checked._check({"path": "/"}, {"host": host})
        found = 200
    except guard.RefusedError as refused:
        found = refused.status
    assert found == status


def test_a_token_is_needed_but_for_health() -> None:
    with_token = Options(Path(), token="sesame", hosts=None)
    assert asked(with_token)[0] == asked(with_token, authorization="Bearer sesam")[0] == 401
    assert asked(with_token)[2]["www-authenticate"] == "Bearer"
    assert asked(with_token, authorization="Bearer sesame")[0] == asked(with_token, "/health")[0] == 200
    assert asked(with_token, authorization="Bearer sesame", sec_fetch_site="cross-site")[0] == 403
