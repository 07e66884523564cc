"""Looks at a folder with your own data: what it holds, what would be kept and lost, and which parameters fit.

    fusionrec check FOLDER [-S PARAMETER=VALUE ...] [--write PATH]

Finds the tables of items and interactions (CSV, TSV, JSON lines or Parquet, gzipped or not), guesses what each column
is, matches the pictures, and tries to read, clean and split all of it. Guesses are only ever written into a file of
parameters: a copy of params.yaml with the reason above each, PATH or params.FOLDER.yaml. -S overrules a guess, and
answers a question.

Exit status: 0 if the pipeline can run with these parameters; 1 if something must be answered or repaired first.
"""

import re
from pathlib import Path

from fusionrec import files, params, sections, unversioned
from fusionrec.cli import _arguments
from fusionrec.errors import UserError
from fusionrec.experiments import overrides


def main(arguments: list[str]) -> None:
    """Run the command; `arguments` are those after its name.

    Raises:
        SystemExit: with status 1 if the pipeline could not run.
        UserError: if there is no such folder, or a value of -S is none.
    """
    from fusionrec.checking import report, writing

    parser = _arguments.parser("check", __doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument(
        "-S", "--set", action="append", default=[], metavar="PARAMETER=VALUE", help="overrules a guess"
    )
    parser.add_argument("--write", type=Path, metavar="PATH", help="default: params.FOLDER.yaml")
    args = parser.parse_args(arguments)
    tree = params.read()
    fixed = dict(overrides.parsed(setting, tree) for setting in args.set)
    name = re.sub(r"[^\w-]+", "-", args.folder.resolve().name).strip("-") or "data"
    path = args.write or Path(f"params.{name}.yaml")
    if path.resolve() == Path(params.PATH).resolve():
        raise UserError(f"--write {path}: this is the file that is copied; name another one")
    if path.is_dir():  # it would be replaced, with all that it holds
        raise UserError(f"--write {path}: this is a folder; name a file")

    made = report.make(args.folder, tree, fixed)
    print("\n".join(report.lines(made, args.folder)))
    if not made.is_ready:
        raise SystemExit(1)
    sections.parse(report.merged(tree, made.guess), str(path))  # what is written must be right
    patched = writing.patched(Path(params.PATH).read_text(encoding="utf-8"), made.guess.settings)
    files.write_text(path, patched)
    print(f"\n{path} has these parameters, with the reasons. Look at it, then run:\n")
    print(f"    {_version(args.folder)}cp {path} {params.PATH} && dvc exp run -n {name}")


def _version(folder: Path) -> str:
    """The command that keeps the data out of Git, if it is needed."""
    try:
        unversioned.refuse(folder, Path.cwd())
    except UserError:
        return f"dvc add {folder} && "
    return ""
