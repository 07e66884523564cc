"""The proof that holds for every strategy."""

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fusionrec.data import leakage
from fusionrec.data.split_labels import FOLD_IN, TEST, VAL, Log
from fusionrec.errors import ProofError

from .strategies.common import LOG, labels


def test_labels_must_be_complete_and_known() -> None:
    split = labels(LOG, "simple_random")
    with pytest.raises(ProofError, match="every interaction has one label"):
        leakage.check(split[:-1], LOG, folds_in=False)
    split[0] = 4
    with pytest.raises(ProofError, match="each label is train, val, test or fold_in"):
        leakage.check(split, LOG, folds_in=False)


@pytest.mark.parametrize("strategy", ["leave_one_out", "simple_random"])
def test_only_strategies_that_say_so_fold_in(strategy: str) -> None:
    split = labels(LOG, strategy)
    split[0] = FOLD_IN
    with pytest.raises(ProofError, match="only strategies that say so fold in"):
        leakage.check(split, LOG, folds_in=False)
    leakage.check(split, LOG, folds_in=True)


def test_a_pair_that_occurs_twice_could_be_in_two_parts() -> None:
    user, item, timestamp = (
        np.concatenate([column[:1], column]) for column in (LOG.user, LOG.item, LOG.timestamp)
    )
    twice = Log(user, item, timestamp)
    split = np.zeros(len(twice.user), np.int8)
    split[:2] = VAL, TEST
    with pytest.raises(ProofError, match="no pair of user and item is in the log twice"):
        leakage.check(split, twice, folds_in=False)


OPTIMISED = """
import numpy as np, pandas as pd
from fusionrec.data import leakage, memberships, rejections, splits, strategies
from fusionrec.errors import ProofError
from tests.data.strategies.common import ITEMS, LOG, given, rng

assert False, "asserts are off under -O"

def refuses(action):
    try:
        action()
    except ProofError:
        return
    raise SystemExit(f"nothing was raised: {action}")

for name, own in (("leave_one_out", {"held_out": "latest"}), ("temporal", None), ("user", None), ("item", None)):
    strategy, task = strategies.load(name), given(LOG, name, own)
    labels = strategy.label(task, rng())
    strategy.check(labels, task)
    test = np.flatnonzero(labels == 2)[:50:2]
    labels[test] = 0
    refuses(lambda: strategy.check(labels, task))
refuses(lambda: leakage.check(labels[:-1], LOG, False))
refuses(lambda: leakage.check(labels + 9, LOG, False))
bad = pd.DataFrame({"user_id": ["a"], "item_id": ["none"], "timestamp": [1]})
refuses(lambda: splits.index(bad, ITEMS["item_id"]))
table = rejections.FilteredTable("items", pd.DataFrame({"row": [1, 2]}))
table.kept[0] = False
refuses(table.counts)
labels[0] = 7
groups = memberships.find(LOG, labels, 20, ITEMS.assign(text="t"), 0.2, None)
refuses(lambda: memberships.summary(LOG, labels, groups, np.ones(20, bool)))
print("all refused")
"""


def test_proofs_hold_without_asserts() -> None:
    """`python -O` leaves out asserts: test rows that were relabelled as train must be found all the same."""
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-O", "-c", OPTIMISED],
        cwd=root,
        env={"PYTHONPATH": f"{root / 'src'}:{root}", "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "all refused\n", done.stderr


def test_asserts_only_tell_types() -> None:
    """What must hold is raised; an assert may only tell the type checker what it cannot see."""
    root = Path(__file__).resolve().parents[2]
    for path in [*(root / "src").rglob("*.py"), *(root / "stages").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Assert):
                text = ast.unparse(node.test)
                narrowing = text.startswith(("isinstance(", "issubclass(")) or text.endswith(" is not None")
                assert narrowing, f"{path}:{node.lineno}: assert {text}"
