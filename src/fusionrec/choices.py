"""Packages in which each module is one choice, such as a loss, a split strategy or a model.

The name of a choice is the name of its file. Adding a choice is adding a file; what is not selected is never
imported. A module may declare a class `Options`, its own parameters: they are read from the section in which it
is chosen, under its name, such as `splits.mixed` for `splits.strategy: mixed`.
"""

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Choice:
    """Marks a parameter whose value names modules of `package`: one, a list, or a mapping from name to weight.

    Attributes:
        package: full name of the package.
        parameter: full name of the parameter, such as `splits.strategy`. `fusionrec.code` reads both off the
            source, so they are written as plain strings.
    """

    package: str
    parameter: str

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        """Check the names when the parameter is validated."""
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def _check(self, value: Any) -> Any:
        known = names(self.package)
        unknown = [name for name in named(value) if name not in known]
        if unknown:
            raise ValueError(f"must be of {', '.join(known)}; unknown: {', '.join(unknown)}")
        return value


def named(value: Any) -> list[str]:
    """All names in the value of a parameter.

    >>> named("bpr"), named(["ease", "random"]), named({"bpr": 0, "softmax": 1}), named(None)
    (['bpr'], ['ease', 'random'], ['bpr', 'softmax'], [])
    """
    return [value] if isinstance(value, str) else [str(name) for name in value or ()]


def selected(value: Any) -> list[str]:
    """The names that are switched on: of a mapping those whose weight is not 0.

    >>> selected("bpr"), selected(["ease", "random"]), selected({"bpr": 0, "softmax": 1}), selected(None)
    (['bpr'], ['ease', 'random'], ['softmax'], [])
    """
    return [name for name in named(value) if not isinstance(value, dict) or value[name]]


def names(package: str) -> list[str]:
    """The choices of a package, sorted; imports nothing."""
    return sorted(path.stem for path in _folder(package).glob("*.py") if not path.stem.startswith("_"))


def load(package: str, name: str) -> Any:
    """Import the module of one choice.

    Raises:
        KeyError: if there is no such choice.
    """
    if name not in names(package):
        raise KeyError(f"{package} has no choice {name!r}; it has {', '.join(names(package))}")
    return import_module(f"{package}.{name}")


def summaries(package: str, only: Iterable[str] | None = None) -> dict[str, str]:
    """The first line of each choice's documentation, by name; imports nothing."""
    found = {}
    for name in names(package) if only is None else only:
        tree = ast.parse((_folder(package) / f"{name}.py").read_text(encoding="utf-8"))
        found[name] = (ast.get_docstring(tree) or "").partition("\n")[0]
    return found


def _folder(package: str) -> Path:
    return Path(__file__).parent.joinpath(*package.split(".")[1:])
