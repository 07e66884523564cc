"""Runs the notebooks in docs and keeps their outputs, without what differs from run to run.

    python tests/notebooks.py FOLDER

FOLDER is a clone in which `dvc repro` has run; its notebooks are replaced by executed ones.
"""

import os
import sys
from pathlib import Path
from typing import Any

import nbclient
import nbformat

ROOT = Path(__file__).resolve().parents[1]
NAMES = [path.name for path in sorted((ROOT / "docs").glob("*.ipynb"))]


def run(folder: Path, name: str, seconds: int = 1800) -> Any:
    """The notebook `docs/<name>` of a clone, executed there.

    Raises:
        nbclient.exceptions.CellExecutionError: if a cell fails.
    """
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    notebook = nbformat.read(folder / "docs" / name, as_version=4)
    place = {"metadata": {"path": str(folder / "docs")}}
    nbclient.NotebookClient(notebook, timeout=seconds, kernel_name="python3", resources=place).execute()
    for cell in notebook.cells:
        cell["metadata"].pop("execution", None)
    notebook["metadata"]["language_info"] = {"name": "python"}
    return notebook


def main() -> None:
    folder = Path(sys.argv[1])
    for name in NAMES:
        nbformat.write(run(folder, name), folder / "docs" / name)
        print(f"{folder / 'docs' / name}")


if __name__ == "__main__":
    main()
