"""Starts worker processes that listen at one address, and keeps them alive.

This process loads no model; it must not import numpy or torch, see `fusionrec.runtime`.
"""

import os
import shutil
import socket
import sys
import tempfile
from typing import Any

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from fusionrec import runtime
from fusionrec.errors import UserError
from fusionrec.serve.options import LOOPBACK, TOKEN, Options

HEALTH = 20  # seconds that a worker may be silent, and that a replacement may take to load the model


class App:
    """Makes the application in a worker process."""

    def __init__(self, options: Options):
        self.options = options

    def __call__(self) -> Any:
        """The application.

        Raises:
            SystemExit: if the model cannot be loaded.
        """
        from fusionrec.serve import app

        try:
            return app.create(self.options)
        except UserError as error:
            print(f"error: {error}", file=sys.stderr)
            raise SystemExit(STARTUP_FAILURE) from None


def address(host: str, token: str | None) -> None:
    """Refuse to listen to other machines without a token.

    Raises:
        UserError: if it would.
    """
    if host not in LOOPBACK and not token:
        raise UserError(
            f"--host {host}: other machines could ask without authentication; set a token in ${TOKEN}, or listen at "
            "127.0.0.1 only"
        )


def run(options: Options, host: str, port: int, workers: int) -> None:
    """Serve until a signal ends it: SIGTERM and SIGINT let requests end, SIGHUP replaces all workers.

    Raises:
        UserError: if the address cannot be used.
        SystemExit: if the first worker cannot load the model.
    """
    address(host, options.token)
    os.environ |= runtime.ONE_THREAD | {"TOKENIZERS_PARALLELISM": "false"}
    folder = tempfile.mkdtemp(prefix="fusionrec-metrics-")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
    config = uvicorn.Config(
        App(options),
        factory=True,
        host=host,
        port=port,
        workers=workers,
        http="fusionrec.serve.protocol:Protocol",
        ws="none",
        lifespan="on",
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=int(options.seconds) + 1,
        timeout_worker_healthcheck=HEALTH,
    )
    try:
        with _socket(host, port) as listening:
            shown = f"[{host}]" if ":" in host else host
            about = "with a token" if options.token else "this machine only: without authentication"
            print(
                f"serving {options.model} at http://{shown}:{listening.getsockname()[1]} ({about})",
                flush=True,
            )
            supervisor = Multiprocess(config, sockets=[listening])
            supervisor.run()
            if any(worker.exitcode == STARTUP_FAILURE for worker in supervisor.processes):
                raise SystemExit(1)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _socket(host: str, port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise UserError(f"{host}:{port}: {error.strerror}; choose another --port or --host") from None
    listening.listen(2048)
    listening.set_inheritable(True)
    return listening
