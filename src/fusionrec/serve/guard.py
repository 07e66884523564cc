"""What stands before the routes: who may ask, how large and how slow a request may be, and headers of answers."""

import asyncio
import hmac
import json
import logging
import re
import time
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fusionrec.serve import options as limits
from fusionrec.serve.metrics import Metrics
from fusionrec.serve.options import Options

OPEN = ("/", "/health", "/ready")  # need no token: they tell nothing about the model
UPLOADS = "/v1/new-items", "/v1/items"  # take pictures
log = logging.getLogger("uvicorn.error")
HOST = re.compile(
    r"(?:\[([^]]+)\]|([^:]+))(?::\d*)?$"
)  # an address of IPv6 in brackets, or another name; a port
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class RefusedError(Exception):
    """A request that is not passed on: a status, and what is wrong."""

    def __init__(self, status: int, detail: str):
        super().__init__(detail)
        self.status, self.detail = status, detail


class Guard:
    """An ASGI application around another one."""

    def __init__(self, app: ASGIApp, options: Options, metrics: Metrics):
        self.app, self.options, self.metrics = app, options, metrics
        self.read = 0  # bytes of the bodies in memory

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status, size = time.perf_counter(), 0, 0

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
                message = {**message, "headers": [*message["headers"], *headers]}
            await send(message)

        try:
            headers = _headers(scope)
            self._check(scope, headers)
            body = await self._body(scope, headers, receive)
            size = len(body)
            self.read += size
            try:
                await self.app(scope, _replayed(body, receive), sent)
            finally:
                self.read -= size
        except RefusedError as refused:
            await _refuse(refused, sent)
        except Exception:  # a fault of the program: what it says stays here
            log.exception("a request failed")
            if not status:
                await _refuse(RefusedError(500, "internal error"), sent)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            self.metrics.answered(route, status, time.perf_counter() - started)

    def _check(self, scope: Scope, headers: dict[str, str]) -> None:
        """Refuse who may not ask.

        Raises:
            RefusedError: without the token, and where a page of another site, or another name of this machine, asks.
        """
        name, hosts = HOST.match(headers.get("host", "")), self.options.hosts
        if hosts is not None and (name is None or (name[1] or name[2]) not in hosts):
            raise RefusedError(421, "this name is not served here")
        if headers.get("sec-fetch-site") in ("cross-site", "same-site") and scope["path"] != "/":
            raise RefusedError(403, "pages of other sites may not ask")
        if self.options.token is None or scope["path"] in OPEN:
            return
        given = headers.get("authorization", "").encode()
        if not hmac.compare_digest(given, f"Bearer {self.options.token}".encode()):
            raise RefusedError(401, "the header `Authorization: Bearer TOKEN` is missing or wrong")

    async def _body(self, scope: Scope, headers: dict[str, str], receive: Receive) -> bytes:
        """The whole body.

        Raises:
            RefusedError: if it is too large, or does not arrive in time, or the memory for bodies is full.
        """
        most = limits.UPLOAD_BYTES if scope["path"] in UPLOADS else limits.JSON_BYTES
        told = headers.get("content-length", "0")
        if not told.isascii() or not told.isdigit() or len(told) > 12 or int(told) > most:
            raise RefusedError(413, f"the body may have {most:,} bytes")
        if self.read + int(told) > limits.BODIES:
            raise RefusedError(503, "too many requests at a time")
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self.options.seconds):
                more = True
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise RefusedError(400, "the request was not sent to its end")
                    parts.append(message.get("body", b""))
                    size += len(parts[-1])
                    more = message.get("more_body", False)
                    if size > most:
                        raise RefusedError(413, f"the body may have {most:,} bytes")
        except TimeoutError:
            raise RefusedError(408, f"the body did not arrive in {self.options.seconds:g} seconds") from None
        return b"".join(parts)


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def _replayed(body: bytes, receive: Receive) -> Receive:
    """A body that was read already, and then what follows."""
    whole: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return whole.pop() if whole else await receive()

    return replay


async def _refuse(refused: RefusedError, send: Send) -> None:
    """Answer with the reason, and close the connection: the rest of the body may still be on its way."""
    body = json.dumps({"detail": refused.detail}).encode()
    headers: list[tuple[Any, Any]] = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    if refused.status == 503:
        headers.append((b"retry-after", str(limits.RETRY).encode()))
    if refused.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
