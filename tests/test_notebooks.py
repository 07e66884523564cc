"""The notebooks in docs: their outputs are there, and they run."""

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

from . import checkouts, notebooks, warm

ROOT = Path(__file__).resolve().parents[1]
PRIVATE = re.compile(r"/(home|root|tmp|work|usr|Users)/|\d\d:\d\d:\d\d|\b\d+(\.\d+)? ?(s|seconds|min)\b")


def cells(name: str) -> list[Any]:
    notebook = nbformat.read(ROOT / "docs" / name, as_version=4)
    nbformat.validate(notebook)
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


@pytest.mark.parametrize("name", notebooks.NAMES)
def test_outputs_are_there_and_hold_nothing_of_a_machine(name: str) -> None:
    assert (ROOT / "docs" / name).stat().st_size < 400_000
    numbers = [cell.execution_count for cell in cells(name)]
    assert numbers == list(range(1, len(numbers) + 1)), "executed once, from top to bottom"
    outputs = [output for cell in cells(name) for output in cell.outputs]
    assert len(outputs) > len(numbers) / 2 and not [o for o in outputs if o.output_type == "error"]
    said = [str(o.get("text", "")) + str(o.get("data", {}).get("text/plain", "")) for o in outputs]
    assert not [text for text in said if PRIVATE.search(text)]


@pytest.mark.slow
def test_notebooks_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a smaller demo: whatever has outputs in the committed notebook has outputs here."""
    clone = checkouts.clone(tmp_path / "clone")
    checkouts.change(clone, checkouts.SMALL)
    checkouts.dvc(clone, "repro")
    checkouts.commit(clone)
    monkeypatch.setenv("PATH", warm.path())
    for name in notebooks.NAMES:
        ran = [cell for cell in notebooks.run(clone, name).cells if cell.cell_type == "code"]
        kinds = [
            [output.output_type for output in cell.outputs if output.output_type != "stream"] for cell in ran
        ]
        committed = [
            [o.output_type for o in cell.outputs if o.output_type != "stream"] for cell in cells(name)
        ]
        assert kinds == committed
