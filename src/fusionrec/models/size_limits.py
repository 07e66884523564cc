"""How large a data set a model can take: its parameters `max_items` and `max_users` say so, if it has them.

Only parameters and counts are read. So the stage that counts items and users can refuse a model hours before it runs.
"""

from typing import Any

from fusionrec.errors import UnsuitableDataError

LIMITS = {"max_items": "items", "max_users": "users"}  # parameter of a model -> what it limits


def check(name: str, options: dict[str, Any], items: int, users: int) -> None:
    """Refuse a model whose time or memory would grow beyond reason.

    Args:
        name: of the model.
        options: its own parameters, `model.<name>`.
        items: rows of the catalogue.
        users: rows of the user table.

    Raises:
        UnsuitableDataError: if there are more than a limit allows.
    """
    for limit, what in LIMITS.items():
        count, most = {"items": items, "users": users}[what], options.get(limit)
        if most is not None and count > most:
            raise UnsuitableDataError(
                f"{name}: takes at most {most:,} {what}, because its time and memory grow with their square, and there "
                f"are {count:,}; choose another model.name, or raise its {limit}"
            )


def check_selected(tree: dict[str, Any], items: int, users: int) -> None:
    """Refuse the model that `model.name` selects, if its limits forbid it.

    Args:
        tree: all of params.yaml.
        items: rows of the catalogue.
        users: rows of the user table.

    Raises:
        UnsuitableDataError: see `check`.
    """
    model = tree.get("model") or {}
    options = model.get(model.get("name"))
    check(str(model.get("name")), options if isinstance(options, dict) else {}, items, users)
