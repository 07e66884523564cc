"""Pins come before numpy and torch in every stage; workers do not change results."""

import ast
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from fusionrec import runtime, sections
from fusionrec.errors import UserError
from fusionrec.runtime import Runtime

from . import warm

ROOT = Path(__file__).resolve().parents[1]
STAGES = sorted(path for path in (ROOT / "stages").glob("*.py") if path.name != "_start.py")


@pytest.mark.parametrize("path", STAGES, ids=lambda path: path.stem)
def test_every_stage_imports_the_pins_first(path: Path) -> None:
    imports = [
        node for node in ast.parse(path.read_text()).body if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert isinstance(imports[0], ast.Import)
    assert [name.name for name in imports[0].names] == ["_start"]


@pytest.fixture(scope="module")
def helps() -> dict[str, str]:
    """What each stage says about itself."""
    commands = {path.stem: [warm.python(), str(path), "--help"] for path in STAGES}
    return {
        name: subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for name, command in commands.items()
    }


def test_help_says_what_a_stage_reads_and_writes(helps: dict[str, str]) -> None:
    tree = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    for name, stage in tree.items():
        text, inputs = helps[name], [each["input"] for each in stage.get("foreach", {}).values()]
        stage = stage.get("do", stage)
        listed = inputs + [
            entry for kind in ("deps", "outs", "metrics", "plots") for entry in stage.get(kind, [])
        ]
        for path in (entry if isinstance(entry, str) else next(iter(entry)) for entry in listed):
            if path.startswith("data/code/") or path == "${item.input}":
                continue
            path = re.sub(r"\$\{(\w+\.)*(\w+)\}", lambda found: f"<{found[2]}>", path).replace(
                "<key>", "<modality>"
            )
            stem = Path(path).stem
            folders = [str(parent) for parent in Path(path).parents if parent.parts[1:]]
            named = any(word in text for word in (path, stem, stem.strip("<>"), *folders))
            assert named, f"stages/{name}.py --help does not name {path}"
        for parameters in stage["params"]:
            section = parameters.partition(".")[0]
            assert re.search(rf"\b{section}\b", text.partition("Parameters:")[2]), f"{name}: {section}"


def test_a_stage_takes_no_option_that_it_does_not_know() -> None:
    done = subprocess.run(
        [warm.python(), "stages/clean.py", "--forced"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 2 and "unrecognized arguments: --forced" in done.stderr


def start(mode: str, folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    text = (ROOT / "params.yaml").read_text().replace("reproducible: portable", f"reproducible: {mode}")
    (folder / "params.yaml").write_text(text)
    env = {k: v for k, v in os.environ.items() if k not in runtime.PINS["portable"]}
    code = f"import sys; sys.path.insert(0, {str(ROOT / 'stages')!r}); {code}"
    return subprocess.run([sys.executable, "-c", code], cwd=folder, env=env, capture_output=True, text=True)


REPORT = (
    "import _start, torch, numpy, os; print(torch.backends.cpu.get_cpu_capability(), torch.get_num_threads())"
)


def test_portable_pins_reach_torch(tmp_path: Path) -> None:
    out = start(
        "portable",
        tmp_path,
        REPORT + "; print([os.environ[k] for k in sorted(_start.runtime.ONE_INSTRUCTION_SET)])",
    )
    assert out.stdout.splitlines()[0] == "AVX2 1", out.stderr
    assert "COMPATIBLE" in out.stdout


def test_machine_pins_threads_only(tmp_path: Path) -> None:
    out = start("machine", tmp_path, REPORT + "; print('MKL_CBWR' in os.environ)")
    assert out.stdout.split()[-2:] == ["1", "False"], out.stderr


def test_pins_that_come_too_late_are_an_error(tmp_path: Path) -> None:
    out = start("portable", tmp_path, "import numpy, _start")
    assert out.returncode != 0 and "pin() must come before the import of numpy" in out.stderr


def test_bad_params_end_a_stage_with_one_message(tmp_path: Path) -> None:
    out = start("sometimes", tmp_path, "import _start")
    assert out.returncode == 1
    assert out.stderr.startswith("error: params.yaml: parameter `runtime.reproducible`")
    assert "Traceback" not in out.stderr


def test_stage_shows_user_errors_without_traceback(tmp_path: Path) -> None:
    code = (
        "import _start; from fusionrec.errors import UserError\ndef main(): raise UserError('x.csv: row 3')\n"
    )
    out = start("portable", tmp_path, code + "_start.runtime.stage(main)")
    assert (out.returncode, out.stderr) == (1, "error: x.csv: row 3\n")


def test_parallel_keeps_order_whatever_the_workers() -> None:
    assert list(runtime.parallel(abs, range(-50, 0), 1)) == list(runtime.parallel(abs, range(-50, 0), 2))


def test_parallel_passes_errors_on() -> None:
    with pytest.raises(ValueError):
        list(runtime.parallel(int, ["a"], 2))


WORKERS = """
import multiprocessing
import time

from fusionrec import runtime


def tasks():
    while True:
        print(*[child.pid for child in multiprocessing.active_children()], flush=True)
        yield 60


if __name__ == "__main__":
    list(runtime.parallel(time.sleep, tasks(), 2))
"""


def alive(pid: int) -> bool:
    """A zombie, which nobody has waited for yet, is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes in /proc")
def test_workers_end_with_a_killed_parent(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(WORKERS)
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    parent = subprocess.Popen([sys.executable, script], env=environment, stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    workers: list[int] = []
    while len(workers) < 2:
        workers = [int(pid) for pid in parent.stdout.readline().split()]
    assert all(map(alive, workers))
    time.sleep(2)  # they start
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 30
    while any(map(alive, workers)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(alive, workers))


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_ahead_keeps_the_order(threads: int) -> None:
    assert list(runtime.ahead(abs, range(-50, 0), threads)) == list(range(50, 0, -1))


@pytest.mark.parametrize("threads", [0, 2])
def test_ahead_passes_errors_on(threads: int) -> None:
    with pytest.raises(ValueError):
        list(runtime.ahead(int, ["1", "a"], threads))


def test_ahead_works_ahead_and_not_too_far() -> None:
    started: list[int] = []
    found = runtime.ahead(started.append, iter(range(100)), 2)
    next(found)
    assert len(started) <= 8, "waiting results take memory"


def test_ahead_does_not_wait_to_be_asked() -> None:
    events = [threading.Event() for _ in range(2)]
    next(runtime.ahead(threading.Event.set, iter(events), 1))
    assert events[1].wait(30)


def test_asking_for_a_gpu_that_is_not_there() -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    try:
        with pytest.raises(UserError, match=r"set runtime\.device=cpu"):
            runtime.device(Runtime(reproducible="off", device="cuda", workers=1, nproc=1, store_gb=0))
        auto = Runtime(reproducible="off", device="auto", workers=1, nproc=1, store_gb=0)
        assert runtime.device(auto).type == "cpu"
    finally:
        torch.use_deterministic_algorithms(False)


def test_prepared_torch_is_deterministic() -> None:
    import torch

    try:
        runtime.prepare("off")
        assert not torch.are_deterministic_algorithms_enabled()
        runtime.prepare("machine")
        assert torch.are_deterministic_algorithms_enabled()
        assert not torch.is_deterministic_algorithms_warn_only_enabled()
    finally:
        torch.use_deterministic_algorithms(False)


def test_compiled_code_is_deterministic_too(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch
    from torch._inductor import config

    module = torch.nn.Linear(2, 2)
    monkeypatch.setattr(module, "compile", lambda: None)
    try:
        runtime.prepare("machine")
        runtime.compile(module)
        assert config.deterministic
    finally:
        torch.use_deterministic_algorithms(False)
    runtime.compile(module)
    assert not config.deterministic


@pytest.mark.parametrize("section", ["cache", "train"])
@pytest.mark.parametrize("changes", [{"precision": "bf16"}, {"precision": "fp16"}, {"compile": True}])
def test_pins_and_what_they_do_not_go_with(section: str, changes: dict[str, Any]) -> None:
    import torch

    plain = getattr(sections.load(ROOT / "params.yaml"), section)
    changed, cpu = plain.model_copy(update=changes), torch.device("cpu")
    with pytest.raises(UserError, match=rf"{section}\.{next(iter(changes))}.*runtime\.reproducible"):
        runtime.check_precision(section, changed, cpu, "portable")
    runtime.check_precision(section, changed, cpu, "machine")
    runtime.check_precision(section, changed, cpu, "off")
    runtime.check_precision(section, changed, torch.device("cuda"), "portable")
    runtime.check_precision(section, plain, cpu, "portable")
