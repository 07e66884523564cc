"""What makes two runs the same recipe: everything that results depend on, except the seed of the training."""

from typing import Any

from fusionrec.trees import flat

SEED = "train.seed"
UNUSED = ("variants", "search")  # sections that no result depends on


def parameters(tree: dict[str, Any]) -> dict[str, Any]:
    """The flat parameters of a recipe.

    >>> parameters({"train": {"seed": 1, "lr": 0.1}, "search": {"seed": 1}})
    {'train.lr': 0.1}
    """
    used = flat({name: section for name, section in tree.items() if name not in UNUSED})
    return {name: value for name, value in used.items() if name != SEED}
