"""Writes docs/parameters.md and the tables of choices in README.md and docs, from declarations.

    fusionrec docs [--check]

With --check nothing is written, and the exit status is 1 if a page is out of date.
"""

from pathlib import Path

from fusionrec import files, parameter_docs, params
from fusionrec.cli import _arguments
from fusionrec.errors import UserError

GENERATED = Path("docs/parameters.md")


def main(arguments: list[str]) -> None:
    """Run the command; `arguments` are those after its name."""
    parser = _arguments.parser("docs", __doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, only compare")
    check = parser.parse_args(arguments).check
    params.read()
    text = Path(params.PATH).read_text(encoding="utf-8")
    new = {page: parameter_docs.refreshed(page.read_text(encoding="utf-8"), text) for page in by_hand()}
    new[GENERATED] = parameter_docs.page(text)
    changed = [
        page for page, text in new.items() if not page.exists() or page.read_text(encoding="utf-8") != text
    ]
    if check and changed:
        raise UserError(f"{', '.join(map(str, changed))}: out of date; run `fusionrec docs`")
    for page in changed:
        files.write_text(page, new[page])
        print(f"written: {page}")


def by_hand() -> list[Path]:
    """README.md, CONTRIBUTING.md and the pages of docs that are not generated as a whole."""
    pages = [Path("README.md"), Path("CONTRIBUTING.md"), *sorted(Path("docs").glob("*.md"))]
    return [page for page in pages if page.exists() and page != GENERATED]
