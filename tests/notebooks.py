"""Runs the notebooks in docs and keeps their outputs, without what differs from run to run.

    python tests/notebooks.py FOLDER

FOLDER is a clone in which `dvc repro` has run, and in which nothing else is kept: what is not committed is deleted. Its
notebooks are replaced by executed ones.
"""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbclient
import nbformat

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
SPINNER = re.compile("[\u2800-\u28ff]")
ROOT = Path(__file__).resolve().parents[1]
NAMES = [path.name for path in sorted((ROOT / "docs").glob("*.ipynb"))]


def run(folder: Path, name: str, seconds: int = 1800) -> Any:
    """The notebook `docs/<name>` of a clone, executed there; what another one left is deleted first.

    Raises:
        nbclient.exceptions.CellExecutionError: if a cell fails.
    """
    os.environ |= {"MPLBACKEND": "module://matplotlib_inline.backend_inline", "NO_COLOR": "1", "TERM": "dumb"}
    for command in ("reset -q --hard", "clean -qfd"):
        subprocess.run(["git", *command.split()], cwd=folder, check=True)
    notebook = nbformat.read(folder / "docs" / name, as_version=4)
    place = {"metadata": {"path": str(folder / "docs")}}
    nbclient.NotebookClient(notebook, timeout=seconds, kernel_name="python3", resources=place).execute()
    for cell in notebook.cells:
        cell["metadata"].pop("execution", None)
        if cell["cell_type"] == "code":
            cell["outputs"] = joined(cell["outputs"])
    notebook["metadata"]["language_info"] = {"name": "python"}
    return notebook


def joined(outputs: list[Any]) -> list[Any]:
    """What a program printed as one text for each stream, however many pieces it came in; blank ones are left out."""
    kept: list[Any] = []
    for output in outputs:
        same = [other for other in kept if output["output_type"] == "stream" == other["output_type"]]
        same = [other for other in same if other["name"] == output["name"]]
        if same:
            same[0]["text"] += output["text"]
        else:
            kept.append(output)
    for output in kept:
        if "text" in output:
            output["text"] = plain(output["text"])
    return [output for output in kept if output.get("text") != ""]


def plain(text: str) -> str:
    """Without colours, and without lines that a program has written over."""
    lines = ESCAPE.sub("", text).splitlines(keepends=True)
    shown = "".join(line for line in lines if line.strip() != "!" and not SPINNER.search(line))
    return shown if shown.strip() else ""


def main() -> None:
    folder = Path(sys.argv[1])
    for name, notebook in [(name, run(folder, name)) for name in NAMES]:
        nbformat.write(notebook, folder / "docs" / name)
        print(f"{folder / 'docs' / name}")


if __name__ == "__main__":
    main()
