"""The notebooks in docs: their outputs are there, and they run."""

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_output

from . import checkouts, notebooks, warm

ROOT = Path(__file__).resolve().parents[1]
PRIVATE = re.compile(r"/(home|root|tmp|work|usr|Users)/|\d\d:\d\d:\d\d|\b\d{1,3}(\.\d+)? ?(s|seconds|min)\b")

SILENT = ("%cd -q ..", "items = ")  # the beginnings of cells that only prepare


def cells(name: str) -> list[Any]:
    notebook = nbformat.read(ROOT / "docs" / name, as_version=4)
    nbformat.validate(notebook)
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


@pytest.mark.parametrize("name", notebooks.NAMES)
def test_outputs_are_there_and_hold_nothing_of_a_machine(name: str) -> None:
    assert (ROOT / "docs" / name).stat().st_size < 300_000
    numbers = [cell.execution_count for cell in cells(name)]
    assert numbers == list(range(1, len(numbers) + 1)), "executed once, from top to bottom"
    outputs = [output for cell in cells(name) for output in cell.outputs]
    assert not [
        output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"
    ]
    silent = [cell for cell in cells(name) if not cell.outputs]
    assert not [cell for cell in silent if not cell.source.startswith(SILENT)], "a cell has no output"
    texts = [text for cell in cells(name) for _, text, _ in said(cell)]
    assert [found[0] for text in texts if (found := PRIVATE.search(text))] == []
    assert not any("execution" in cell.metadata for cell in cells(name))


def test_pieces_of_a_stream_are_one_text() -> None:
    """In how many pieces a program's output arrives depends on time."""
    pieces = [("stdout", "a\n\n"), ("stderr", "!\r\n"), ("stdout", "\x1b[31mb"), ("stdout", "\x1b[39mc\n")]
    outputs = [new_output("stream", name=name, text=text) for name, text in pieces]
    outputs.insert(2, new_output("display_data", {"text/plain": "x"}))
    kept = notebooks.joined(outputs)
    assert [output.get("text", output.output_type) for output in kept] == ["a\n\nbc\n", "display_data"]


def said(cell: Any) -> list[tuple[str, str, bool]]:
    """What is compared of the outputs of a cell: texts, and whether there is a picture."""
    outputs = [(output, output.get("data", {})) for output in cell.outputs]
    return [
        (
            output.get("name", output.output_type),
            output.get("text", data.get("text/plain", "")),
            "image/png" in data,
        )
        for output, data in outputs
    ]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone in which the demo has run; what this checkout has in its cache is not computed again."""
    clone = checkouts.clone(tmp_path_factory.mktemp("notebooks") / "clone")
    cache = ROOT / ".dvc/cache"
    if cache.is_dir():
        checkouts.dvc(clone, "cache", "dir", "--local", str(cache))
    checkouts.dvc(clone, "repro")
    checkouts.commit(clone)
    return clone


@pytest.mark.slow
@pytest.mark.parametrize("name", notebooks.NAMES)
def test_outputs_are_what_the_cells_say(name: str, demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", warm.path())
    ran = [cell for cell in notebooks.run(demo, name).cells if cell.cell_type == "code"]
    assert [said(cell) for cell in ran] == [said(cell) for cell in cells(name)]
