"""Values and comments in a file of parameters, whose other lines stay as they are."""

from collections.abc import Iterator
from functools import reduce
from operator import getitem
from typing import Any

import yaml

from fusionrec.checking.guess import Setting


def patched(text: str, settings: dict[str, Setting]) -> str:
    """A file of parameters with other values; above each that differs stands its reason as a comment.

    Args:
        text: the file, in YAML. The value of each parameter in `settings` is on one line.
        settings: by the full names of parameters.
    """
    lines = text.split("\n")
    nodes = dict(_nodes(yaml.compose(text, yaml.CSafeLoader), ""))
    tree = yaml.load(text, yaml.CSafeLoader)
    for name in sorted(settings, key=lambda name: -nodes[name].start_mark.line):
        value, why = settings[name]
        node = nodes[name]
        if reduce(getitem, name.split("."), tree) == value:
            continue
        number, first, last = node.start_mark.line, node.start_mark.column, node.end_mark.column
        line = lines[number]
        before, after = line[:first].rstrip(), line[last:].lstrip()
        lines[number] = f"{before} {_written(value)}" + (f" {after}" if after else "")
        if why:
            lines.insert(
                number, " " * (len(line) - len(line.lstrip())) + f"# guessed: {' '.join(why.split())}"
            )
    return "\n".join(lines)


def _nodes(node: Any, where: str) -> Iterator[tuple[str, Any]]:
    for key, value in node.value:
        name = f"{where}.{key.value}" if where else key.value
        yield name, value
        if isinstance(value, yaml.MappingNode):
            yield from _nodes(value, name)


def _written(value: Any) -> str:
    """A value on one line."""
    for readable in (True, False):  # a few characters are only read back if they are escaped
        dumped: str = yaml.safe_dump(
            value, default_flow_style=True, allow_unicode=readable, width=10**6, sort_keys=False
        )
        if yaml.load(dumped, yaml.CSafeLoader) == value:
            break
    return dumped.removesuffix("\n").removesuffix("\n...")
