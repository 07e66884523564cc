"""A `python` that starts in a moment: a process that has imported the large libraries forks itself for each command.

`folder()` holds `python`, `dvc` and `fusionrec`, which take the place of the real ones on the path of a test. A command
runs in a process of its own, with the caller's folder, environment, streams and exit status, and ends with the caller;
only the import of libraries is saved, seconds each time. FusionRec itself is imported anew, from the checkout that the
command belongs to, and pins are those of `runtime.PINS["portable"]`. What is no script and no `-m`, and what sets
another PYTHONHASHSEED or HF_HOME, which are read once, goes to the real Python. Nothing is fetched from Hugging Face.
"""

import atexit
import gc
import importlib
import importlib.abc
import importlib.machinery
import json
import os
import runpy
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LIBRARIES = [
    "torch", "torch.distributed.launcher.api", "pandas", "pyarrow.parquet", "pyarrow.dataset",
    "scipy.sparse.csgraph", "sklearn.decomposition", "matplotlib.pyplot", "matplotlib.style",
    "matplotlib.backends.backend_agg", "PIL.JpegImagePlugin", "PIL.PngImagePlugin", "imagehash", "ftfy",
    "pydantic", "yaml", "tqdm", "dvclive", "safetensors.torch", "timm.data", "networkx",
    "hydra.core.override_parser.overrides_parser",
    "transformers.models.bert.modeling_bert", "transformers.models.auto.tokenization_auto",
    "transformers.models.auto.modeling_auto", "transformers.models.auto.image_processing_auto",
    "dvc.cli.parser", "dvc.api", "dvc.repo.experiments.run", "dvc.repo.reproduce",
    "dvc.repo.experiments.queue.celery", "dvc.repo.diff", "dvc.utils.hydra", "dvc.stage.cache",
    "dvc_data.hashfile.build", "dulwich.porcelain", "scmrepo.git", "pygit2",
]  # fmt: skip

CLIENT = f"""#!{sys.executable} -IS
import json, os, socket, sys
known = len(sys.argv) > 1 and (sys.argv[1] == "-m" or not sys.argv[1].startswith("-"))
same = os.environ.get("PYTHONHASHSEED", "0") == "0" and os.environ.get("HF_HOME") == {os.environ.get("HF_HOME")!r}
if not known or not same:
    os.execv({sys.executable!r}, [{sys.executable!r}, *sys.argv[1:]])
with socket.socket(socket.AF_UNIX) as server:
    me = os.path.abspath(__file__)
    server.connect(os.path.dirname(me) + "/socket")
    command = {{"python": me, "arguments": sys.argv[1:], "folder": os.getcwd(), "environment": dict(os.environ)}}
    socket.send_fds(server, [json.dumps(command).encode()], [0, 1, 2])
    code = int(server.recv(8))
if code < 0:
    os.kill(os.getpid(), -code)
sys.exit(code)
"""


@cache
def folder() -> Path:
    """Holds `python`, `dvc` and `fusionrec`; they live as long as this process."""
    place = Path(tempfile.mkdtemp(prefix="warm"))
    modules = {name: f'#!/bin/sh\nexec {place}/python -m {name} "$@"\n' for name in ("dvc", "fusionrec")}
    for name, text in {"python": CLIENT, **modules}.items():
        (place / name).write_text(text, encoding="utf-8")
        (place / name).chmod(0o755)
    server = subprocess.Popen(
        [sys.executable, __file__, str(place / "socket")],
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": "0", "HF_HUB_OFFLINE": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert server.stdout and server.stdout.readline() == b"ready\n"
    atexit.register(shutil.rmtree, place)
    atexit.register(server.communicate)  # ends at the end of its input
    return place


def python() -> str:
    """The path of the quick `python`."""
    return str(folder() / "python")


def path() -> str:
    """A PATH on which the quick commands come first, then those of this environment."""
    return os.pathsep.join([str(folder()), str(Path(sys.executable).parent), os.environ["PATH"]])


class Ready(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports modules that are loaded but hidden: `runtime.pin` insists on coming before numpy and torch."""

    def __init__(self, *names: str):
        self.modules = {name: sys.modules.pop(name) for name in names}
        self.specs = {name: module.__spec__ for name, module in self.modules.items()}

    def find_spec(self, name: str, *rest: Any) -> importlib.machinery.ModuleSpec | None:
        return importlib.machinery.ModuleSpec(name, self) if name in self.modules else None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return self.modules[spec.name]

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self.specs[module.__name__]


def serve(address: str) -> dict[str, Any]:
    """Fork for each command that comes in, until the input ends; returns in the process that is to run it."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(64)
        print("ready", flush=True)
        while listener.fileno() in select.select([listener.fileno(), 0], [], [])[0]:
            connection, _ = listener.accept()
            with connection:
                if os.fork() == 0:
                    return receive(connection)
            with suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
    raise SystemExit


def receive(connection: socket.socket) -> dict[str, Any]:
    """In a process between the server and the command, which tells the exit status; returns in that of the command."""
    message, streams, _, _ = socket.recv_fds(connection, 1 << 20, 3)
    child = os.fork()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    if child:
        caller = connection.fileno()
        if caller in select.select([caller, os.pidfd_open(child)], [], [])[0]:
            os.kill(child, signal.SIGKILL)  # the caller is gone
            os._exit(0)
        connection.send(str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])).encode())
        os._exit(0)
    command: dict[str, Any] = json.loads(message)
    return command


def run(python: str, arguments: list[str], folder: str, environment: dict[str, str]) -> None:
    """Run a script, a folder, or a module, as Python itself would; it starts others with `python`."""
    sys.executable = python
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:0] = [entry for entry in environment.get("PYTHONPATH", "").split(os.pathsep) if entry]
    sys.meta_path.insert(0, Ready("numpy", "torch"))
    if arguments[0] == "-m":
        sys.argv = arguments[1:]
        sys.path.insert(0, folder)
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = arguments
        script = Path(arguments[0])
        if not script.is_dir():
            sys.path.insert(0, str(script.resolve().parent))
        runpy.run_path(str(script.absolute()), run_name="__main__")


def main() -> None:
    sys.path[0] = str(ROOT / "src")
    from fusionrec import runtime

    runtime.pin(str(ROOT / "params.yaml"))
    for name in [name for name in sys.modules if name.partition(".")[0] == "fusionrec"]:
        del sys.modules[name]
    del sys.path[0]
    for name in LIBRARIES:
        importlib.import_module(name)
    gc.freeze()  # a collection would touch, and so copy, what processes share
    command = serve(sys.argv[1])
    code: Any = 0
    try:
        run(**command)
    except SystemExit as end:
        code = end.code or 0
        if not isinstance(code, int):
            print(code, file=sys.stderr)
            code = 1
    except BaseException:
        traceback.print_exc()
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    os._exit(code)  # to take all modules apart would copy them first


if __name__ == "__main__":
    main()
