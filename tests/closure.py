"""Which files of this repository a stage script can execute."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def closure(script: Path) -> set[str]:
    """The script and everything under src/ that it imports, at any level, as paths from the root."""
    found: set[Path] = set()
    waiting = {script, script.parent / "_start.py"}
    while waiting:
        path = waiting.pop()
        found.add(path)
        waiting |= {module for module in _imports(path) if module.stat().st_size} - found
    return {path.relative_to(ROOT).as_posix() for path in found}


def _imports(path: Path) -> set[Path]:
    modules = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            modules |= {node.module} | {f"{node.module}.{name.name}" for name in node.names}
        elif isinstance(node, ast.Import):
            modules |= {name.name for name in node.names}
    return {file for name in modules for file in _files(name)}


def _files(module: str) -> set[Path]:
    base = ROOT / "src" / Path(*module.split("."))
    packages = {
        folder / "__init__.py" for folder in (base, *base.parents) if folder.is_relative_to(ROOT / "src")
    }
    return {path for path in {base.with_suffix(".py"), *packages} if path.is_file()}
