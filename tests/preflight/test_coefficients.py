"""Every cost has a command that measures it, and a unit that is counted."""

from pathlib import Path

from fusionrec import params
from fusionrec.preflight import work
from fusionrec.preflight.coefficients import TERMS
from fusionrec.preflight.sizes import Sizes

ROOT = Path(__file__).resolve().parents[2]


def test_the_commands_exist() -> None:
    for term in TERMS:
        python, script = term.measured.split()
        assert python == "python" and (ROOT / script).is_file(), term


def test_the_units_are_counted() -> None:
    tree = params.read(ROOT / "params.yaml")
    counted = set(work.units(tree, Sizes(1, 1, 1)))
    encoders = {f"pictures by {name}" for name in tree["encoders"]["vision"]}
    encoders |= {f"texts by {name}" for name in tree["encoders"]["language"]}
    assert {term.unit for term in TERMS} <= counted | encoders
    assert len({(term.stage, term.unit) for term in TERMS}) == len(TERMS), "a cost is counted twice"
