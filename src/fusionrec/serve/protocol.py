"""HTTP as uvicorn reads it, with limits on connections, and on the size and time of the head of a request."""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from fusionrec.serve import options as limits

SECONDS = 10
HEAD_BYTES = 32 * 1024
FULL = (
    "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n"
    f"Retry-After: {limits.RETRY}\r\n\r\n"
).encode()


class Protocol(HttpToolsProtocol):
    """Closes connections that do not finish the head of a request, or send one that is too large."""

    _deadline: asyncio.TimerHandle | None = None
    _head = 0
    _refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the time for the first request."""
        super().connection_made(transport)
        self._wait()

    def on_message_begin(self) -> None:
        """Start the time for the head of this request."""
        self._head = 0
        self._wait()
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Count the size of the head; the path may come in parts."""
        if self._counted(len(url)):
            super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count the size of the head."""
        if self._counted(len(name) + len(value)):
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is there: refuse it if there are too many connections."""
        self._stop()
        if len(self.connections) > limits.CONNECTIONS and not self._refused:
            self._refused = True
            self.transport.write(FULL)
            self.transport.close()
        if not self._refused:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Pass it on, unless the request was refused."""
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Pass it on, unless the request was refused."""
        if not self._refused:
            super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the time."""
        self._stop()
        super().connection_lost(exc)

    def _counted(self, size: int) -> bool:
        """Whether the head is still small enough; otherwise the connection is closed."""
        self._head += size
        if self._head > HEAD_BYTES:
            self._refused = True
            self.transport.abort()
        return not self._refused

    def _wait(self) -> None:
        self._stop()
        self._deadline = self.loop.call_later(SECONDS, self.transport.close)

    def _stop(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
