"""Says what a run will take on this machine before it starts: hours, memory and disk of each stage, and what to change.

    fusionrec preflight [--interactions N --users N --items N]

The counts are those of the tables that are here: the clean ones, or else the raw ones. For data that has not been read
yet, give all three. Parameters are those of params.yaml. The stage clean says the same about the stages after it, and
refuses what cannot work.

Exit status: 1 if a stage would need 1.5 times the memory of this machine or more, or the model that is selected takes
no data of this size; otherwise 0.
"""

from fusionrec import params, sections
from fusionrec.cli import _arguments
from fusionrec.errors import UserError


def main(arguments: list[str]) -> None:
    """Run the command; `arguments` are those after its name.

    Raises:
        UserError: if the parameters are not valid, counts are missing, or a stage or model cannot work.
    """
    from fusionrec.models import size_limits
    from fusionrec.preflight import forecast, machine, report, sizes

    parser = _arguments.parser("preflight", __doc__)
    for name in sizes.Sizes._fields:
        parser.add_argument(f"--{name}", type=_arguments.positive, metavar="N", help=f"number of {name}")
    given = {name: value for name, value in vars(parser.parse_args(arguments)).items() if value}
    if given and len(given) < len(sizes.Sizes._fields):
        missing = [f"--{name}" for name in sizes.Sizes._fields if name not in given]
        raise UserError(f"{' and '.join(missing)} missing; give all counts, or none")
    counts = sizes.Sizes(**given) if given else sizes.here()
    tree = params.read()
    sections.parse(tree, params.PATH)
    found, here = forecast.stages(tree, counts), machine.this()
    print("\n".join(report.lines(found, counts, here, tree)))
    size_limits.check_selected(tree, counts.items, counts.users)
    report.check(found, here)
