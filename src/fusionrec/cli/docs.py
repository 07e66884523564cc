"""Writes docs/parameters.md and the tables of choices in README.md and docs, from declarations.

    fusionrec docs [--check]

With --check nothing is written, and the exit status is 1 if a page is out of date.
"""

import argparse
from pathlib import Path

from fusionrec import files, parameter_docs
from fusionrec.errors import UserError


def main(arguments: list[str]) -> None:
    """Run the command; `arguments` are those after its name."""
    parser = argparse.ArgumentParser("fusionrec docs", description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing, only compare")
    check = parser.parse_args(arguments).check
    old = {page: parameter_docs.refreshed(page.read_text(encoding="utf-8")) for page in pages()}
    new = old | {
        Path("docs/parameters.md"): parameter_docs.page(Path("params.yaml").read_text(encoding="utf-8"))
    }
    changed = [
        page for page, text in new.items() if not page.exists() or page.read_text(encoding="utf-8") != text
    ]
    if check and changed:
        raise UserError(f"{', '.join(map(str, changed))}: out of date; run `fusionrec docs`")
    for page in changed:
        files.write_text(page, new[page])
        print(f"written: {page}")


def pages() -> list[Path]:
    """README.md, CONTRIBUTING.md and the pages of docs that are written by hand."""
    by_hand = [Path("README.md"), Path("CONTRIBUTING.md"), *sorted(Path("docs").glob("*.md"))]
    return [page for page in by_hand if page.exists() and page != Path("docs/parameters.md")]
