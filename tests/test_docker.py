"""The Dockerfiles: what they copy exists, nothing runs as root, and the steps work as a script."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from fusionrec.cli import serve

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted((ROOT / "docker").glob("*.Dockerfile"))


def steps(path: Path) -> list[tuple[str, str]]:
    """Each instruction and its arguments, in one line."""
    text = re.sub(r"^#.*\n", "", path.read_text(encoding="utf-8"), flags=re.M).replace("\\\n", " ")
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1].strip()) for line in text.splitlines() if line]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_what_is_copied_exists_and_nobody_is_root(path: Path) -> None:
    found = steps(path)
    for name, arguments in found:
        if name == "COPY" and "--from" not in arguments:
            sources = [word for word in arguments.split() if not word.startswith("--")][:-1]
            assert all((ROOT / source).exists() for source in sources), arguments
    names = [name for name, _ in found]
    last_user = [arguments for name, arguments in found if name == "USER"][-1]
    assert last_user == "fusionrec"
    last_run = max(number for number, name in enumerate(names) if name in ("CMD", "ENTRYPOINT"))
    assert names.index("USER") < last_run


def test_the_service_starts_with_arguments_that_exist() -> None:
    words = yaml.safe_load(dict(steps(ROOT / "docker/service.Dockerfile"))["ENTRYPOINT"])
    assert words[:2] == ["fusionrec", "serve"]
    args = serve._parser().parse_args(words[2:])
    assert (args.model, args.port) == ("/model", 8000)
    composed = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    for service in composed["services"].values():
        assert (ROOT / service["build"]["dockerfile"]).is_file()
    assert (
        serve._parser().parse_args(composed["services"]["service"]["entrypoint"][2:]).model == "/model/shop"
    )


def constraints(folder: Path) -> None:
    """Run the part of the service's steps that prepares the versions."""
    (step,) = [
        text for name, text in steps(ROOT / "docker/service.Dockerfile") if name == "RUN" and "grep" in text
    ]
    (folder / "requirements.txt").write_bytes((ROOT / "requirements.txt").read_bytes())
    subprocess.run(["sh", "-c", step.split("&&")[0]], cwd=folder, check=True)


def test_the_versions_are_those_that_are_tested(tmp_path: Path) -> None:
    constraints(tmp_path)
    lines = (tmp_path / "constraints.txt").read_text().splitlines()
    pins = {line.split("==")[0]: line for line in lines if re.match(r"[\w.-]+==", line)}
    assert {"torch", "fastapi", "uvicorn", "transformers"} <= {*pins} and "--editable ." not in lines
    assert not any(name.startswith(("nvidia", "triton", "cuda")) for name in pins)


@pytest.mark.slow
def test_the_steps_of_the_service_install_it(tmp_path: Path) -> None:
    """In a virtual environment, from the package index of this machine instead of PyTorch's."""
    constraints(tmp_path)
    subprocess.run([sys.executable, "-m", "venv", "venv"], cwd=tmp_path, check=True)
    install = ["venv/bin/pip", "install", "--quiet", "--constraint", "constraints.txt", f"{ROOT}[serve]"]
    subprocess.run(install, cwd=tmp_path, check=True)
    clean = {"PATH": f"{tmp_path}/venv/bin:/usr/bin:/bin", "HOME": str(tmp_path), **os.environ}
    clean.pop("PYTHONPATH", None)
    done = subprocess.run(
        ["venv/bin/fusionrec", "serve", "nothing"], cwd=tmp_path, env=clean, capture_output=True, text=True
    )
    assert done.returncode == 1 and "fusionrec pack" in done.stderr
