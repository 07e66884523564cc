"""Reads YAML that people write, with limits: no key twice, no depth or size that could exhaust memory."""

from typing import Any

import yaml

DEPTH = 50  # levels of nesting
NODES = 100_000  # with everything that aliases stand for


def parse(text: str) -> Any:
    """The value of a document; None if it is empty.

    Raises:
        ValueError: if it is not YAML, a key occurs twice, or it is nested too deeply or too large.
    """
    try:
        _check_depth(text)
        loader = yaml.CSafeLoader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            if _size(node, {}) > NODES:
                raise ValueError(f"more than {NODES:,} values, with those that its aliases stand for")
            return loader.construct_document(node)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from None


def _check_depth(text: str) -> None:
    """Before anything is built, because that needs stack for each level.

    Raises:
        ValueError: if it is nested too deeply.
    """
    depth = 0
    for event in yaml.parse(text, yaml.CSafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEPTH:
            line = event.start_mark.line + 1 if event.start_mark else 1
            raise ValueError(f"line {line}: nested more than {DEPTH} levels deep")


def _size(node: Any, known: dict[int, int]) -> int:
    """The number of values that a node stands for; `known` are those of nodes that aliases repeat.

    Raises:
        ValueError: if a key occurs twice, or a node contains itself.
    """
    if isinstance(node, yaml.ScalarNode):
        return 1
    if id(node) in known:
        if not known[id(node)]:
            raise ValueError(f"line {node.start_mark.line + 1}: an alias stands for what contains it")
        return known[id(node)]
    known[id(node)] = 0
    if isinstance(node, yaml.MappingNode):
        _check_keys(node)
        parts = [part for pair in node.value for part in pair]
    else:
        parts = node.value
    known[id(node)] = 1 + sum(_size(part, known) for part in parts)
    return known[id(node)]


def _check_keys(node: Any) -> None:
    """No key of a mapping occurs twice: YAML readers silently take the last value.

    Raises:
        ValueError: with key and lines.
    """
    lines: dict[str, int] = {}
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode):
            line = key.start_mark.line + 1
            if key.value in lines:
                name = key.value[:100]
                raise ValueError(
                    f"lines {lines[key.value]} and {line}: the key `{name}` occurs twice; keep one of them"
                )
            lines[key.value] = line
