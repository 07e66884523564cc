"""Reads model folders that older versions wrote.

`SCHEMA` is the version of a folder, in `config.json`. When the layout of that file changes, a function that turns the
old layout into the new one is added to `MIGRATIONS`. New parameters need no migration: see
`fusionrec.params.Section.before`.
"""

import re
from collections.abc import Callable
from typing import Any

SCHEMA = 6
SHARED = {"vision", "language", "freeze_vision", "freeze_language", "pca", "number_bins"}


def _from_3(config: Any) -> dict[str, Any]:
    """Schema 3 had one model, the fusion model, with its parameters beside those of its inputs.

    The weights of the losses were not recorded; scoring does not need them.
    """
    options = {name: value for name, value in config["model"].items() if name not in SHARED}
    options["method"] = options.pop("fusion")
    options |= {"losses": {}, "temperature": 0.1}
    return {"schema": 4, "model": {"name": "fusion", "options": options}, "sizes": config["shape"]}


def _from_4(config: Any) -> dict[str, Any]:
    """Schema 4 had the same layout, but other names of weights: see `renamed`."""
    return {**config, "schema": 5}


def _from_5(config: Any) -> dict[str, Any]:
    """Schema 5 had no ensembles."""
    return {**config, "schema": 6, "model": {**config["model"], "members": 1}}


MIGRATIONS: dict[int, Callable[[Any], dict[str, Any]]] = {3: _from_3, 4: _from_4, 5: _from_5}


def migrated(config: Any) -> dict[str, Any]:
    """The content of a `config.json` in the layout of `SCHEMA`.

    Raises:
        ValueError: if it has no schema, or one that cannot be migrated; the message gives the reason.
    """
    schema = config.get("schema") if isinstance(config, dict) else None
    if type(schema) is not int:
        raise ValueError("it has no schema")
    if schema > SCHEMA:
        raise ValueError(
            f"schema {schema} was written by a newer version; this one reads {min(MIGRATIONS)} to {SCHEMA}"
        )
    while config["schema"] < SCHEMA:
        if config["schema"] not in MIGRATIONS:
            raise ValueError(
                f"schema {schema} is older than {min(MIGRATIONS)}, the oldest that can be migrated"
            )
        try:
            config = MIGRATIONS[config["schema"]](config)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"it is not what schema {schema} looks like ({error!r})") from None
    return config


def renamed(schema: int, weights: dict[str, Any]) -> dict[str, Any]:
    """Weights of a folder of version `schema` under the names of today.

    Until schema 4 the parts of an item encoder were named after two modalities.

    >>> [*renamed(4, {"candidates.vision.linear.weight": 1, "history.language_tokens.weight": 2})]
    ['candidates.modalities.vision.linear.weight', 'history.tokens.language.weight']
    """
    if schema > 4:
        return weights
    named = weights
    for old, new in (
        (r"^(candidates|history)\.(vision|language)\.", r"\1.modalities.\2."),
        (r"^(candidates|history)\.(vision|language)_tokens\.", r"\1.tokens.\2."),
        (r"^(candidates|history)\.fusion\.(vision|language)\.", r"\1.fusion.attention.\2."),
    ):
        named = {re.sub(old, new, name): x for name, x in named.items()}
    return named
