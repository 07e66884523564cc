"""Pins come before numpy and torch in every stage; workers do not change results."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fusionrec import params, runtime
from fusionrec.errors import UserError

ROOT = Path(__file__).resolve().parents[1]
STAGES = sorted(path for path in (ROOT / "stages").glob("*.py") if path.name != "_start.py")


def test_there_are_stages() -> None:
    assert {path.stem for path in STAGES} == {
        "raw", "clean", "images", "splits", "cache", "model", "metrics", "recs"
    }  # fmt: skip


@pytest.mark.parametrize("path", STAGES, ids=lambda path: path.stem)
def test_every_stage_imports_the_pins_first(path: Path) -> None:
    imports = [
        node for node in ast.parse(path.read_text()).body if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert isinstance(imports[0], ast.Import)
    assert [name.name for name in imports[0].names] == ["_start"]


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


def test_asking_for_a_gpu_that_is_not_there() -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    try:
        with pytest.raises(UserError, match=r"set runtime\.device=cpu"):
            runtime.device(params.Runtime(reproducible="off", device="cuda", workers=1, store_gb=0))
        auto = params.Runtime(reproducible="off", device="auto", workers=1, store_gb=0)
        assert runtime.device(auto).type == "cpu"
    finally:
        torch.use_deterministic_algorithms(False)
