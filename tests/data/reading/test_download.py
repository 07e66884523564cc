"""Downloads from a local server that misbehaves in every way."""

import hashlib
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from fusionrec.data.reading import download
from fusionrec.data.reading.connections import is_public
from fusionrec.data.reading.download import Download
from fusionrec.data.reading.pictures import Pictures
from fusionrec.errors import UserError

EXTENSIONS = [".jpg", ".png"]
LIMIT = 10_000


class Handler(BaseHTTPRequestHandler):
    """The path says what to do."""

    protocol_version = "HTTP/1.1"
    seen: Counter[str]

    def do_GET(self) -> None:
        self.seen[self.path] += 1
        name = self.path.strip("/").split(".")[0].split("-")[0]
        getattr(self, f"_{name}", self._ok)()

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for key, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def _ok(self) -> None:
        if self.path.startswith("/slow"):
            time.sleep(0.05)
        self._answer(200, self.path.encode())

    def _missing(self) -> None:
        self._answer(404, b"no")

    def _busy(self) -> None:
        self._answer(503 if self.seen[self.path] < 3 else 200, b"at last", Retry_After="9999")

    def _broken(self) -> None:
        self._answer(500)

    def _large(self) -> None:
        self._answer(200, b"x" * (LIMIT + 1))

    def _endless(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            while True:
                self.wfile.write(b"400\r\n" + b"x" * 1024 + b"\r\n")
        except OSError:
            self.close_connection = True

    def _silent(self) -> None:
        time.sleep(1.5)
        self.close_connection = True

    def _drip(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "5000")
        self.end_headers()
        try:
            for _ in range(100):
                self.wfile.write(b"x")
                time.sleep(0.1)
        except OSError:
            pass
        self.close_connection = True

    def _cut(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "100")
        self.end_headers()
        self.wfile.write(b"half")
        self.close_connection = True

    def _moved(self) -> None:
        self._answer(302, Location="/there.jpg")

    def _circle(self) -> None:
        self._answer(302, Location=self.path)

    def _file(self) -> None:
        self._answer(302, Location="file:///etc/passwd")

    def _bracket(self) -> None:
        self._answer(302, Location="http://[::1/a.jpg")

    def _drip_for_ever(self, *parts: bytes) -> None:
        """The first part, and then the second one again and again, until the client has gone."""
        first, again = parts
        self.wfile.write(first)
        try:
            while True:
                self.wfile.write(again)
                time.sleep(0.02)
        except OSError:
            self.close_connection = True

    def _status_line(self) -> None:
        self._drip_for_ever(b"HTTP/1.1 200 ", b"O")

    def _headers(self) -> None:
        self._drip_for_ever(b"HTTP/1.1 200 OK\r\nX: ", b"x")

    def _continue(self) -> None:
        self._drip_for_ever(b"", b"HTTP/1.1 100 Continue\r\n\r\n")

    def _chunk(self) -> None:
        self._drip_for_ever(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0")

    def _trailers(self) -> None:
        self._drip_for_ever(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n", b"X: x\r\n"
        )

    def _body(self) -> None:
        self._drip_for_ever(b"HTTP/1.1 200 OK\r\n\r\n", b"x")

    def log_message(self, *_: Any) -> None:
        pass


class Site:
    """A server and what was asked of it."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        handler = type("Bound", (Handler,), {"seen": self.seen})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.root = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("FUSIONREC_CACHE", str(tmp_path / "cache"))
    site = Site()
    yield site
    site.server.shutdown()
    site.server.server_close()


def options(**changes: Any) -> Download:
    quick = {"connections": 4, "attempts": 3, "timeout": 1.0, "max_bytes": LIMIT}
    return Download.model_validate(quick | changes)


def fetch(urls: dict[str, str], private: bool = True, **changes: Any) -> Pictures:
    return download.fetch(urls, options(**changes), EXTENSIONS, private)


def test_pictures_come_in_order_of_ids_whatever_the_timing(site: Site) -> None:
    urls = {"b": f"{site.root}/slow-1.jpg", "a": f"{site.root}/2.PNG?x=1", "c": f"{site.root}/3.jpg"}
    expected = [("a.png", b"/2.PNG?x=1"), ("b.jpg", b"/slow-1.jpg"), ("c.jpg", b"/3.jpg")]
    for connections in (1, 4):
        images = fetch(urls, connections=connections)
        assert list(images.blobs) == expected and images.refused == []


def test_what_is_kept_is_not_fetched_again(site: Site) -> None:
    urls = {"a": f"{site.root}/1.jpg", "b": f"{site.root}/1.jpg", "c": f"{site.root}/missing.jpg"}
    first = fetch(urls)
    site.server.shutdown()
    site.seen.clear()
    second = fetch({name: urls[name] for name in "ab"})
    assert list(first.blobs) == list(second.blobs) == [("a.jpg", b"/1.jpg"), ("b.jpg", b"/1.jpg")]
    assert not site.seen


def test_one_address_is_asked_once(site: Site) -> None:
    fetch({str(i): f"{site.root}/1.jpg" for i in range(20)})
    assert site.seen == {"/1.jpg": 1}


def test_where_it_is_kept(site: Site, tmp_path: Path) -> None:
    url = f"{site.root}/1.jpg"
    fetch({"a": url})
    key = hashlib.sha256(url.encode()).hexdigest()
    kept = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert kept == [tmp_path / "cache/pictures" / key[:2] / key] and kept[0].read_bytes() == b"/1.jpg"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/missing.jpg", "http_404"),
        ("/broken.jpg", "http_500"),
        ("/large.jpg", "too_large"),
        ("/endless.jpg", "too_large"),
        ("/cut.jpg", "incomplete"),
        ("/circle.jpg", "too_many_redirects"),
        ("/file.jpg", "bad_url"),
        ("/bracket.jpg", "bad_url"),
        ("/1.gif", "unknown_suffix"),
        ("/", "unknown_suffix"),
    ],
)
def test_failures_have_a_reason_and_leave_nothing(site: Site, tmp_path: Path, path: str, reason: str) -> None:
    images = fetch({"a": site.root + path, "b": f"{site.root}/fine.jpg"})
    assert images.refused == [("pictures", None, "a", reason, site.root + path)]
    assert list(images.blobs) == [("b.jpg", b"/fine.jpg")]
    assert len([p for p in (tmp_path / "cache").rglob("*") if p.is_file()]) == 1


def test_silence_and_dripping_time_out(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "PATIENCE", 2)
    started = time.monotonic()
    images = fetch({"a": f"{site.root}/silent.jpg", "b": f"{site.root}/drip.jpg"}, timeout=0.2, attempts=2)
    assert [reason for _, _, _, reason, _ in images.refused] == ["timeout", "timeout"]
    assert time.monotonic() - started < 5


def test_attempts(site: Site) -> None:
    started = time.monotonic()
    assert list(fetch({"a": f"{site.root}/busy.jpg"}).blobs) == [("a.jpg", b"at last")]
    assert site.seen["/busy.jpg"] == 3 and time.monotonic() - started < 5, "Retry-After is not obeyed"
    assert fetch({"a": f"{site.root}/busy-2.jpg"}, attempts=2).refused[0][3] == "http_503"
    assert site.seen["/busy-2.jpg"] == 2


def test_redirects_are_followed(site: Site) -> None:
    assert list(fetch({"a": f"{site.root}/moved.jpg"}).blobs) == [("a.jpg", b"/there.jpg")]


@pytest.mark.parametrize(
    "url",
    ["ftp://x/a.jpg", "file:///etc/a.jpg", "//x/a.jpg", "a.jpg", "", "http:///a.jpg", "http://[::1/a.jpg",
     "javascript:alert(1).jpg", "http://x:port/a.jpg", "http://" + "a" * 70 + ".com/a.jpg", "http://*/a.jpg",
     "http://x:99999/a.jpg"],
)  # fmt: skip
def test_no_addresses(site: Site, url: str) -> None:
    images = fetch({"a": url}, attempts=1)
    assert images.refused == [("pictures", None, "a", "bad_url", url)]


def test_nobody_there(site: Site) -> None:
    images = fetch({"a": "http://127.0.0.1:1/a.jpg", "b": "http://nowhere.invalid/b.jpg"}, attempts=1)
    assert [reason for _, _, _, reason, _ in images.refused] == ["connection_failed", "connection_failed"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0.0.0.0"])
def test_addresses_of_this_machine_are_refused_before_a_byte_is_sent(site: Site, host: str) -> None:
    url = site.root.replace("127.0.0.1", host) + "/1.jpg"
    images = fetch({"a": url}, private=False)
    assert [reason for _, _, _, reason, _ in images.refused] == ["forbidden_address"]
    assert not site.seen


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("10.0.0.1", False), ("192.168.1.1", False), ("172.16.3.4", False), ("169.254.169.254", False),
        ("100.64.0.1", False), ("0.0.0.0", False), ("::1", False), ("fe80::1%eth0", False), ("fc00::1", False),
        ("::ffff:10.0.0.1", False), ("::ffff:127.0.0.1", False), ("224.0.0.1", False), ("8.8.8.8", True),
        ("2606:4700::1111", True), ("::127.0.0.1", False), ("::8.8.8.8", True), ("2002:7f00:1::", False),
        ("2002:a00:1::1", False), ("64:ff9b::7f00:1", False), ("64:ff9b::8.8.8.8", True), ("fec0::1", False),
        ("64:ff9b:1::a00:1", False), ("2001:0:7f00:1::", False), ("::", False), ("::ffff:0:127.0.0.1", False),
    ],
)  # fmt: skip
def test_which_addresses_are_public(address: str, public: bool) -> None:
    assert is_public(address) == public


@pytest.mark.parametrize("item", ["../../x", "a/b", "C:\\x", "a.b", "", "é", "a\0", "a b"])
def test_ids_that_are_no_file_name(site: Site, item: str) -> None:
    images = fetch({item: f"{site.root}/1.jpg", "fine": f"{site.root}/1.jpg"})
    assert [(id, reason) for _, _, id, reason, _ in images.refused] == [(item, "unsafe_item_id")]
    assert list(images.blobs) == [("fine.jpg", b"/1.jpg")]


def test_the_limit_holds_for_what_is_kept(site: Site) -> None:
    urls = {"a": f"{site.root}/1.jpg"}
    fetch(urls)
    assert fetch(urls, max_bytes=3).refused[0][3] == "too_large"


def test_a_place_that_cannot_be_written_to(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("FUSIONREC_CACHE", str(tmp_path / "file"))
    with pytest.raises(UserError, match=r"cannot be written .*\$FUSIONREC_CACHE"):
        fetch({"a": f"{site.root}/1.jpg"})


def test_nothing_from_the_environment(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert list(fetch({"a": f"{site.root}/1.jpg"}).blobs) == [("a.jpg", b"/1.jpg")]


ENDLESS = ["status_line", "headers", "continue", "chunk", "trailers", "body"]


def test_a_server_that_never_ends_is_given_up(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each sends something all the time, so that the timeout of silence is never reached."""
    monkeypatch.setattr(download, "PATIENCE", 1)
    monkeypatch.setattr(Handler, "do_GET", lambda self: getattr(self, "_" + self.path[1:].split(".")[0])())
    urls = {name: f"{site.root}/{name}.jpg" for name in ENDLESS}
    images = fetch(urls, timeout=0.5, attempts=2, connections=len(urls), max_bytes=10**9)
    assert {id: reason for _, _, id, reason, _ in images.refused} == dict.fromkeys(ENDLESS, "timeout")
    assert list(images.blobs) == []


def test_nothing_connects_to_a_private_address(site: Site) -> None:
    """Not even an empty connection is made: the address is checked before."""
    accepted = []
    monkeypatched = site.server.get_request

    def get_request() -> Any:
        accepted.append(1)
        return monkeypatched()

    site.server.get_request = get_request  # type: ignore[method-assign]
    images = fetch({"a": f"{site.root}/1.jpg"}, private=False)
    assert [reason for _, _, _, reason, _ in images.refused] == ["forbidden_address"] and accepted == []
    assert [name for name, _ in fetch({"a": f"{site.root}/1.jpg"}).blobs] == ["a.jpg"] and accepted == [1]
