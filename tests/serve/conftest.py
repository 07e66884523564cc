"""A packed small shop, and a service that answers for it."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from fusionrec.recommend import packing

ROOT = Path(__file__).resolve().parents[2]


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """Asks a service at a port of this machine; each request has a connection of its own."""

    def __init__(self, process: subprocess.Popen[str], port: int, log: Path):
        self.process, self.port, self.log = process, port, log

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, named)
            answer = connection.getresponse()
            told = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, told, answer.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, None, **headers)

    def post(self, path: str, value: Any, **headers: str) -> Answer:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        return self.ask("POST", path, body, **{"content_type": "application/json"} | headers)

    def upload(self, fields: dict[str, str | bytes], path: str = "/v1/new-items") -> Answer:
        """A form; bytes are a file."""
        parts = []
        for name, value in fields.items():
            file = '; filename="x.png"' if isinstance(value, bytes) else ""
            content = value if isinstance(value, bytes) else value.encode()
            parts.append(
                f'--=\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + content
            )
        body = b"\r\n".join([*parts, b"--=--\r\n"])
        return self.ask("POST", path, body, content_type="multipart/form-data; boundary==")


@contextmanager
def serving(folder: Path, log: Path, *arguments: str, **environment: str) -> Iterator[Client]:
    """A service in a process of its own; it is ended by SIGTERM."""
    command = [sys.executable, "-m", "fusionrec", "serve", str(folder), "--port", "0", *arguments]
    variables = os.environ | {"PYTHONPATH": str(ROOT / "src")} | environment
    with log.open("w") as errors:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, cwd=folder.parent, env=variables, text=True
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        port = re.search(r":(\d+) ", line)
        assert port, log.read_text()
        client = Client(process, int(port[1]), log)
        assert client.get("/ready").status == 200  # it waits until a worker accepts
        yield client
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture(scope="session")
def pack(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("serve") / "shop"
    packing.pack(out, built / "model", built / "splits", built / "images")
    return out


@pytest.fixture(scope="session")
def service(pack: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with serving(pack, tmp_path_factory.mktemp("service") / "log", "--seconds", "120") as client:
        yield client
