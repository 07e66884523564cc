"""Values and comments in a file of parameters, whose other lines stay as they are."""

from typing import Any

import yaml

from fusionrec import parameter_docs, trees
from fusionrec.checking.guess import Setting, printable
from fusionrec.errors import UserError


def patched(text: str, settings: dict[str, Setting]) -> str:
    """A file of parameters with other values; above each that differs stands its reason as a comment.

    Args:
        text: the file, in YAML. Parameters may share a line, and a value may take several, which become one.
        settings: by the full names of parameters.

    Raises:
        UserError: if one of them is a section.
    """
    lines = text.split("\n")
    found = parameter_docs.nodes(yaml.compose(text, yaml.CSafeLoader), "")
    nodes = {name: (node, line) for name, node, line in found}
    tree = yaml.load(text, yaml.CSafeLoader)
    settings = _with_lines(settings, {*nodes}, tree)
    for name in sorted(settings, key=lambda name: -nodes[name][1]):
        value, why = settings[name]
        node, number = nodes[name]
        if trees.value(tree, name) == value:
            continue
        if node is None:
            raise UserError(f"{name} is a section; set its parameters one by one")
        line = lines[number]
        before, after, last = _around(lines, number, node)
        lines[number : last + 1] = [f"{before} {_written(value)}" + (f" {after}" if after else "")]
        if why:
            lines.insert(
                number,
                " " * (len(line) - len(line.lstrip())) + f"# guessed: {printable(' '.join(why.split()))}",
            )
    return "\n".join(lines)


def _around(lines: list[str], number: int, node: Any) -> tuple[str, str, int]:
    """What stands before a value and after it, and its last line; its key is on the line `number`."""
    start, end, line = node.start_mark, node.end_mark, lines[number]
    before, after = line[: start.column], ""
    if start.line > number:
        before, mark, comment = line.partition(" #")
        after = mark.strip() + comment
    last, rest = end.line, ""
    if last < len(lines) and lines[last][: end.column].strip():
        rest = lines[last][end.column :].lstrip()
    else:  # a block ends where the next key begins; comments and empty lines between them stay
        last = min(last, len(lines)) - 1
        while last > number and lines[last].lstrip()[:1] in ("", "#"):
            last -= 1
    return before.rstrip(), rest or after, last


def _with_lines(settings: dict[str, Setting], lines: set[str], tree: Any) -> dict[str, Setting]:
    """The same; parameters that share a line, as in `losses: {bpr: 1, bce: 0}`, become one setting of all of them."""
    changed = trees.changed(tree, {name: setting.value for name, setting in settings.items()})
    whole: dict[str, Setting] = {}
    for name, setting in settings.items():
        while name not in lines and "." in name:
            name = name.rpartition(".")[0]
        whole[name] = Setting(trees.value(changed, name), setting.why)
    return whole


def _written(value: Any) -> str:
    """A value on one line."""
    for readable in (True, False):  # a few characters are only read back if they are escaped
        dumped: str = yaml.safe_dump(
            value, default_flow_style=True, allow_unicode=readable, width=10**6, sort_keys=False
        )
        if yaml.load(dumped, yaml.CSafeLoader) == value:
            break
    return dumped.removesuffix("\n").removesuffix("\n...")
