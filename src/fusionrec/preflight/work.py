"""How much work the parameters ask for: the units whose costs are in `coefficients`.

Parameters are read one by one, because checking all of them would import every model.
"""

from typing import Any

from fusionrec import params, trees
from fusionrec.errors import UserError
from fusionrec.models import size_limits
from fusionrec.preflight.sizes import Sizes

ABLATED = 4  # rankings without an input
FITTED = 2**16  # vectors that principal components are fitted on, at most: `item_inputs.FITTED_VECTORS`


def units(tree: dict[str, Any], sizes: Sizes) -> dict[str, float]:
    """How often each unit is counted, by its name in `coefficients.TERMS`; 0 for all that are not named.

    Args:
        tree: all of params.yaml.
        sizes: of the data.

    Raises:
        UserError: if a parameter is missing, or no number where one is needed.
    """
    interactions, users, items = sizes
    vision, language = (parameter(tree, f"model.{modality}") for modality in ("vision", "language"))
    counted: dict[str, float] = {"run": 1, "interactions": interactions, "users": users, "items": items}
    on = [modality for modality in (vision, language) if modality != "none"]
    counted |= {"vectors": items * len(on), "fitted vectors": min(items, FITTED) * len(on)}
    if vision != "none":
        counted |= {"pictures": items, f"pictures by {vision}": items}
    if language != "none":
        counted[f"texts by {language}"] = items
    return counted | _training(tree, sizes) | _ranking(tree, sizes)


def parameter(tree: dict[str, Any], name: str) -> Any:
    """The value of a parameter.

    Raises:
        UserError: if it is missing.
    """
    value = trees.value(tree, name)
    if value is None:
        raise UserError(f"{params.PATH}: missing parameter `{name}`")
    return value


def number(tree: dict[str, Any], name: str) -> int:
    """The value of a parameter that counts something.

    Raises:
        UserError: if it is missing, or no whole number.
    """
    value = parameter(tree, name)
    try:
        return int(value)
    except (TypeError, ValueError):
        raise UserError(f"{params.PATH}: parameter `{name}`: must be a whole number, got {value!r}") from None


def epochs(tree: dict[str, Any]) -> int:
    """How many epochs are expected: all that are allowed, since nobody knows when the model stops to improve."""
    return number(tree, "train.epochs")


def _training(tree: dict[str, Any], sizes: Sizes) -> dict[str, float]:
    """Steps and validations of all epochs, of each of the models that are trained together."""
    losses = trees.value(tree, f"model.{parameter(tree, 'model.name')}.losses") or {}
    full, batch = bool(losses.get("softmax")), number(tree, "train.batch")
    members, each = number(tree, "model.members"), max(batch * number(tree, "train.targets"), 1)
    steps = members * epochs(tree) * sizes.interactions / each
    sampled = steps if losses and not full else 0
    return {
        "scores of full softmax": steps * batch * sizes.items * full,
        "steps of sampled losses": sampled,
        "steps of sampled losses x items": sampled * sizes.items,
        # once more at the end
        "validations x items": members * (epochs(tree) + 1) * validated(tree, sizes) * sizes.items,
    }


def _ranking(tree: dict[str, Any], sizes: Sizes) -> dict[str, float]:
    """Rankings of the whole catalogue: of the stage metrics, and of the stage recs."""
    items, users, lists = sizes.items, measured(tree, sizes), _lists(tree, sizes)
    own = {name: trees.value(tree, f"metrics.baselines.{name}") or {} for name in baselines(tree)}
    kept = {name: options for name, options in own.items() if not left_out(options, sizes)}
    tried = {name: _combinations(options) for name, options in kept.items()}
    cubes = [name for name, options in kept.items() if "max_items" in options]
    return {
        "measured users": users,
        "rankings x items": users * items * (1 + ABLATED + len(kept) + sum(tried.values())),
        "users x users": float(users) * sizes.users * (1 + tried["user_knn"]) if "user_knn" in kept else 0,
        "cubed items of EASE": float(items) ** 3 * sum(tried[name] for name in cubes),
        "squared items of EASE": float(items) ** 2 if cubes else 0,
        "lists": lists,
        "lists x items": lists * items,
    }


def baselines(tree: dict[str, Any]) -> list[str]:
    """The names of the baselines."""
    return list(parameter(tree, "metrics.baselines.names"))


def _lists(tree: dict[str, Any], sizes: Sizes) -> int:
    asked = parameter(tree, "recs.users")
    if isinstance(asked, list):
        return len(asked)
    return sizes.users if asked == "all" else min(number(tree, "recs.users"), sizes.users)


def measured(tree: dict[str, Any], sizes: Sizes) -> int:
    """Users whom the stage metrics ranks for."""
    return min(number(tree, "metrics.users") or sizes.users, sizes.users)


def validated(tree: dict[str, Any], sizes: Sizes) -> int:
    """Rankings after each epoch."""
    return min(number(tree, "train.validation_users") or sizes.users, sizes.users)


def left_out(options: dict[str, Any], sizes: Sizes) -> bool:
    """Whether a baseline is left out, because the data is too large for it."""
    counts = {"items": sizes.items, "users": sizes.users}
    return any(counts[what] > options.get(limit, counts[what]) for limit, what in size_limits.LIMITS.items())


def _combinations(options: dict[str, Any]) -> int:
    """How many combinations of hyper-parameters are validated; 0 if there is one."""
    count = 1
    for value in options.values():
        count *= len(value) if isinstance(value, list) else 1
    return count if count > 1 else 0
