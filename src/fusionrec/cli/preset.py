"""Writes presets, such as the parameters of a paper, into params.yaml; without a name, lists them.

    fusionrec preset
    fusionrec preset benchmarks/clothing models/lightgcn && dvc repro

A preset is a file in presets/ with some of the parameters of params.yaml. All other lines, and comments, stay. A
later preset wins. Nothing is written unless the parameters are valid as a whole.
"""

from pathlib import Path

from fusionrec import params
from fusionrec.cli import _arguments
from fusionrec.experiments import presets


def main(arguments: list[str]) -> None:
    """Run the command.

    Args:
        arguments: those after the name of the command.

    Raises:
        UserError: if there is no such preset, or the parameters are not valid.
    """
    parser = _arguments.parser("preset", __doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="such as models/vbpr; none: list them")
    names = parser.parse_args(arguments).names
    if not names:
        for name, path in presets.available().items():
            print(f"{name:<22} {presets.summary(path)}")
        return
    written = presets.apply(Path(params.PATH), names)
    print(f"{params.PATH}: set {len(written)} parameters; `dvc repro` or `dvc exp run` follows")
