"""The proof that holds for every strategy."""

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fusionrec.data import leakage
from fusionrec.data.split_labels import FOLD_IN, TEST, TRAIN, VAL, Log
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


SMALL = Log(np.array([0, 0, 0, 1, 2]), np.array([0, 1, 2, 0, 0]), np.arange(5))


def test_a_proof_counts_cases_and_a_breach_names_the_first() -> None:
    assert leakage.proved("it holds", np.zeros(3, bool)) == ("it holds", 3)
    with pytest.raises(ProofError, match=r"it holds \(2 of 4, the first is number 1\)"):
        leakage.proved("it holds", np.array([False, True, False, True]))


def test_what_is_looked_up_for_every_strategy() -> None:
    assert leakage.check(np.array([0, 1, 2, 0, 0], np.int8), SMALL, folds_in=False) == [
        ("every interaction has one label", 5),
        ("each label is train, val, test or fold_in", 5),
        ("no pair of user and item is in the log twice", 4),
        ("only strategies that say so fold in", 5),
    ]


def test_each_pair_of_user_and_item_is_told_from_all_others() -> None:
    every = Log(np.repeat(np.arange(6), 2), np.tile(np.arange(2), 6), np.arange(12))
    assert len(leakage.check(np.zeros(12, np.int8), every, folds_in=False)) == 4
    for number in range(12):
        user, item = (np.append(column, column[number]) for column in (every.user, every.item))
        with pytest.raises(ProofError, match=r"twice \(1 of 12,"):
            leakage.check(np.zeros(13, np.int8), Log(user, item, np.arange(13)), folds_in=False)


def test_histories_of_evaluated_users() -> None:
    split = np.array([TRAIN, VAL, TEST, TRAIN, TRAIN], np.int8)
    assert leakage.check_histories(split, SMALL, 3) == [
        ("every evaluated user has at least 3 interactions", 2),
        ("every evaluated user has a train interaction", 1),
    ]
    with pytest.raises(ProofError, match=r"at least 4 interactions \(2 of 2"):
        leakage.check_histories(split, SMALL, 4)
    for part in (VAL, TEST):
        alone = np.array([TRAIN, TRAIN, TRAIN, part, TRAIN], np.int8)
        with pytest.raises(ProofError, match=r"a train interaction \(1 of 1, the first is number 0\)"):
            leakage.check_histories(alone, SMALL, 1)


def test_the_order_of_parts_in_a_history() -> None:
    promise = "no later interaction of a user is in an earlier part"
    for split in ([FOLD_IN, TRAIN, VAL, TEST, TRAIN], [TRAIN, TRAIN, TEST, TEST, VAL]):
        assert leakage.check_order(np.array(split, np.int8), SMALL) == (promise, 4)
    for split in ([TRAIN, FOLD_IN, TEST, TRAIN, TRAIN], [TRAIN, TEST, VAL, TRAIN, TRAIN]):
        with pytest.raises(ProofError, match=rf"{promise} \(1 of 4"):
            leakage.check_order(np.array(split, np.int8), SMALL)


def test_ids_in_two_parts() -> None:
    ids, split = np.array([0, 0, 2, 2]), np.array([TRAIN, TRAIN, VAL, TEST], np.int8)
    assert leakage.check_disjoint(ids, split, (TRAIN, VAL), "apart") == ("apart", 3)
    with pytest.raises(ProofError, match=r"apart \(1 of 3, the first is number 2\)"):
        leakage.check_disjoint(ids, split, (TRAIN, VAL, TEST), "apart")
    assert leakage.check_disjoint(ids[:0], split[:0], (TRAIN, VAL), "apart").cases == 1


def test_who_has_an_interaction() -> None:
    assert leakage.has(np.array([0, 2, 2]), np.array([False, False, True])).tolist() == [False, False, True]
    assert leakage.has(np.zeros(0, np.int64), np.zeros(0, bool)).tolist() == [False]


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
