"""Commands without the libraries of an extra, and which extra brings which library."""

import re
import sys
import tomllib
from pathlib import Path

import pytest

from fusionrec import cli, extras

ROOT = Path(__file__).resolve().parents[1]
NAMES = {"hydra": "hydra-core", "sklearn": "scikit-learn", "faiss": "faiss-cpu", "dvc_data": "dvc"}
NAMES |= {"multipart": "python-multipart"}


def test_every_library_is_in_its_extra() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for library, extra in extras.EXTRAS.items():
        names = {re.split(r"[<>=;\[]", one)[0] for one in project["optional-dependencies"][extra]}
        assert NAMES.get(library, library).replace("_", "-") in names
    core = {re.split(r"[<>=;\[]", one)[0] for one in project["dependencies"]}
    assert not core & {NAMES.get(library, library) for library in extras.EXTRAS}


def test_a_missing_extra_is_named_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fusionrec.cli.code", None)
    with pytest.raises(ModuleNotFoundError):  # a fault of the program stays one
        cli.main(["code"])

    def load(name: str) -> None:
        raise ModuleNotFoundError("No module named 'dvc.api'", name="dvc.api")

    monkeypatch.setattr(cli, "import_module", load)
    with pytest.raises(
        SystemExit, match=r"^error: fusionrec code: dvc .* pip install 'fusionrec\[pipeline\]'$"
    ):
        cli.main(["code"])
