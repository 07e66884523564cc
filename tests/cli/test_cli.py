"""The command `fusionrec`: its subcommands, which code it runs, and what it costs to start."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fusionrec import choices, cli
from fusionrec.errors import UserError

from .. import warm
from ..command import ROOT, fusionrec

NAMES = choices.names(cli.PACKAGE)


def run(folder: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([warm.python(), *command], cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("arguments", [[], ["-h"], ["--help"]])
def test_it_lists_its_subcommands(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(arguments)
    lines = capsys.readouterr().out.splitlines()
    for name, summary in choices.summaries(cli.PACKAGE).items():
        assert summary and any(line.split() == [name, *summary.split()] for line in lines)


OPTIONS = {
    "check": "--write",
    "compare": "--metrics",
    "docs": "--check",
    "pack": "--index",
    "preflight": "--interactions",
    "preset": "NAME",
    "recommend": "--sample-users",
    "review": "--html",
    "search": "--trials",
    "serve": "--port",
    "variants": "--seeds",
    "verify": "--environment",
}


def test_each_explains_itself() -> None:
    assert {*NAMES} == {"back", "code", *OPTIONS}
    for name, option in OPTIONS.items():
        text = fusionrec(ROOT, name, "--help")
        assert text.startswith(f"usage: fusionrec {name} ") and option in text


def test_an_unknown_command(tmp_path: Path) -> None:
    done = run(tmp_path, str(ROOT / "src/fusionrec"), "fly")
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == f"error: no command `fly`; there are {', '.join(NAMES)}\n"


def test_a_user_error_is_one_line(tmp_path: Path) -> None:
    done = run(tmp_path, str(ROOT / "src/fusionrec"), "compare")
    assert done.returncode == 1
    assert done.stderr == "error: params.yaml: not found; run from the root of the repository\n"


def test_what_a_subcommand_raises(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(arguments: list[str]) -> None:
        raise UserError(f"no {arguments}")

    monkeypatch.setattr("fusionrec.cli._pin", lambda name: None)
    monkeypatch.setattr("fusionrec.cli.variants.main", fail, raising=True)
    with pytest.raises(SystemExit, match=r"^error: no \['x'\]$"):
        cli.main(["variants", "x"])


def test_pins_are_set_before_numpy_and_torch_are_imported() -> None:
    script = (
        "import os, sys; from fusionrec import cli, runtime\n"
        "before = runtime.pin\n"
        "def pin(): loaded = {'numpy', 'torch'} & sys.modules.keys(); print(sorted(loaded)); before()\n"
        "runtime.pin = pin\n"
        "try: cli.main(['compare', '--help'])\n"
        "except SystemExit: pass\n"
        "print(os.environ['OMP_NUM_THREADS'], 'numpy' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT, env={"PYTHONPATH": str(ROOT / "src")}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert lines[0] == "[]" and lines[-1] == "1 True"


def test_to_start_costs_little() -> None:
    """`code` runs at each `dvc repro`."""
    script = (
        "import sys, json; from fusionrec import cli; cli._pin('code'); import fusionrec.cli.code\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": str(ROOT / "src")}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    heavy = {"numpy", "torch", "pandas", "pydantic", "yaml", "dvc", "tqdm", "matplotlib"}
    assert heavy & set(json.loads(done.stdout)) == set()


def test_it_runs_as_a_module_and_as_a_folder(tmp_path: Path) -> None:
    folder = run(tmp_path, str(ROOT / "src/fusionrec"))
    done = subprocess.run(
        [sys.executable, "-m", "fusionrec"],
        cwd=tmp_path, env={"PYTHONPATH": str(ROOT / "src")}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert folder.returncode == 0 and folder.stdout == done.stdout != ""


def test_modules_beside_the_main_file_do_not_shadow_others(tmp_path: Path) -> None:
    """`python src/fusionrec` puts that folder on the path, where `code.py` would hide the standard library's."""
    script = (
        "import runpy, sys; sys.argv = ['fusionrec', '--help']\n"
        f"sys.path.insert(0, {str(ROOT / 'src/fusionrec')!r})\n"
        f"runpy.run_path({str(ROOT / 'src/fusionrec/__main__.py')!r}, run_name='__main__')\n"
        "import code; print(code.InteractiveConsole)"
    )
    assert "InteractiveConsole" in run(tmp_path, "-c", script).stdout


def test_in_another_checkout_that_one_runs(tmp_path: Path) -> None:
    other = tmp_path / "src/fusionrec"
    other.mkdir(parents=True)
    (other / "__main__.py").write_text("import sys; print('other', sys.argv[1:]); raise SystemExit(3)")
    done = run(tmp_path, str(ROOT / "src/fusionrec"), "compare", "--metrics", "a b")
    assert (done.returncode, done.stdout) == (3, "other ['compare', '--metrics', 'a b']\n")


def test_a_folder_that_is_no_checkout_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "src/fusionrec").mkdir(parents=True)
    assert run(tmp_path, str(ROOT / "src/fusionrec")).stdout.startswith("usage: fusionrec COMMAND")
