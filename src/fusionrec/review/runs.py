"""One side of a comparison: one run, or several runs of the same recipe with different seeds."""

import itertools
from typing import Any

from fusionrec import recipes, trees
from fusionrec.errors import UserError
from fusionrec.review import changes, revision
from fusionrec.review.revision import Side


def read(text: str, metrics: bool = True) -> list[Side]:
    """Read the runs of a side; see `revision.read`.

    Args:
        text: revisions or names of experiments, separated by commas.
        metrics: whether to read their metrics.

    Raises:
        UserError: if one cannot be read, or they differ in more than the seed, or two have the same seed.
    """
    names = [name.strip() for name in text.split(",")]
    if "" in names:
        raise UserError(
            f"{text!r} has an empty name; separate runs by single commas, such as main,main-seed-2"
        )
    sides = [revision.read(name, metrics) for name in names]
    for one, other in itertools.combinations(sides, 2):
        unlike = differences(one, other)
        if unlike:
            few = ", ".join(unlike[:3]) + (f" and {len(unlike) - 3} more" if len(unlike) > 3 else "")
            raise UserError(
                f"{one.name} and {other.name} differ in {few}; the runs of one side may differ in {recipes.SEED} only"
            )
        if _seed(one) == _seed(other):
            raise UserError(
                f"{one.name} and {other.name} are the same run, with {recipes.SEED} {_seed(one)}; name it once"
            )
    return sides


def label(sides: list[Side]) -> str:
    """What a side is called: its only run, or its first run and their number."""
    return sides[0].name if len(sides) == 1 else f"{sides[0].name} ({len(sides)} runs)"


def same_recipe(a: list[Side], b: list[Side]) -> bool:
    """Whether two sides differ in nothing but seeds, and do differ in these."""
    return not differences(a[0], b[0]) and {*map(_seed, a)} != {*map(_seed, b)}


def same_recipe_note(a: list[Side], b: list[Side]) -> str:
    """A sentence that says so."""
    return f"{label(a)} and {label(b)} are the same recipe with other seeds, so any difference is due to the seed."


def differences(a: Side, b: Side) -> list[str]:
    """The parameters, inputs and code in which two recipes differ."""
    return [change.name for change in changes.between(_recipe(a), _recipe(b))]


def _recipe(side: Side) -> dict[str, Any]:
    code = {f"the code of {stage}": digest for stage, digest in side.code.items()}
    return recipes.parameters(side.params) | side.sources | code


def _seed(side: Side) -> Any:
    return trees.value(side.params, recipes.SEED)
