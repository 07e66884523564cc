"""The fingerprint of code: it changes exactly when what an output depends on can run differently.

Comments, docstrings, formatting and type annotations of functions do not count, and neither does code that is never
imported. What a script runs is found in its source: the modules that it imports, at any level, and of each package of
choices that it imports (see `fusionrec.choices`) the choices that params.yaml selects; modules that only show what is
going on are left out. DVC's stages, the store
of encoder vectors, interrupted trainings and searches all use this fingerprint.

Nothing here imports the code in question, so that it costs a fraction of a second at each `dvc repro`.
"""

import ast
import hashlib
import json
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from fusionrec import choices
from fusionrec.paths import cache_home

PACKAGE = "fusionrec"
ROOT = Path(__file__).resolve().parents[2]
KEPT = 5000  # parsed files in the cache
SHOWING = {
    f"{PACKAGE}.progress",
    f"{PACKAGE}.preflight",
    f"{PACKAGE}.review.training_page",
}  # they write no output of a stage
# fields of a syntax tree that say nothing about what runs
SILENT = {"ctx", "kind", "type_comment", "type_params", "type_ignores", "returns", "lineno", "col_offset"}


class Source(NamedTuple):
    """What is read from one file.

    Attributes:
        digest: of the syntax tree, without what never runs.
        imports: full names of what it may import: modules, or names inside modules.
        choices: (package, parameter) of each `Choice(...)` in it.
    """

    digest: str
    imports: list[str]
    choices: list[list[str]]


class Code:
    """The source of a checkout, and what is selected in its params.yaml.

    Args:
        root: of the checkout.
        parameters: all of params.yaml. None: as it is in the checkout.
    """

    def __init__(self, root: Path = ROOT, parameters: dict[str, Any] | None = None):
        self.root = root
        self.parameters = _read_yaml(root / "params.yaml") if parameters is None else parameters
        self._known = _Cache()
        self._paths: dict[str, list[Path]] = {}

    def files(self, start: Iterable[Path]) -> dict[str, str]:
        """Every file that can run, by its path from the root, with its digest.

        Args:
            start: scripts or modules that are run.
        """
        found: dict[Path, Source] = {}
        waiting = set(start)
        while waiting:
            path = waiting.pop()
            found[path] = self._known.source(path)
            waiting |= set(self._imported(found[path].imports, path.parent))
            waiting -= found.keys()
            if not waiting:  # only now it is known which packages of choices are imported
                waiting = set(self._selected(found)) - found.keys()
        self._known.save()
        named = {path.relative_to(self.root).as_posix(): source for path, source in found.items()}
        return {name: source.digest for name, source in sorted(named.items()) if source.digest}

    def modules(self, names: Iterable[str]) -> dict[str, str]:
        """`files` of modules, by their full names."""
        return self.files([path for name in names for path in self._files(name)])

    def _selected(self, found: dict[Path, Source]) -> Iterator[Path]:
        """The files of the choices that are selected, of the packages that are imported."""
        for source in found.values():
            for package, parameter in source.choices:
                if self._package(package) in found:
                    for name in choices.selected(self._value(parameter)):
                        yield from self._files(f"{package}.{name}")

    def _value(self, parameter: str) -> Any:
        value: Any = self.parameters
        for part in parameter.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return value

    def _package(self, name: str) -> Path:
        return self.root / "src" / Path(*name.split(".")) / "__init__.py"

    def _imported(self, names: Iterable[str], folder: Path) -> Iterator[Path]:
        for name in names:
            if {name, name.rpartition(".")[0]} & SHOWING:
                continue
            if name.split(".")[0] == PACKAGE:
                yield from self._files(name)
            elif (beside := folder / f"{name}.py").is_file():  # _start.py of the stages
                yield beside

    def _files(self, name: str) -> list[Path]:
        """The file of a module and of the packages around it; `name` may be that of something inside a module."""
        if name not in self._paths:  # each name is looked up on disk once: that takes most of the time here
            *packages, last = name.split(".")
            folder, paths = self.root / "src", []
            for package in packages:
                folder = folder / package
                paths.append(folder / "__init__.py")
            paths += [folder / last / "__init__.py", folder / f"{last}.py"]
            self._paths[name] = [path for path in paths if path.is_file()]
        return self._paths[name]


def fingerprint(modules: Iterable[str], root: Path = ROOT, parameters: dict[str, Any] | None = None) -> str:
    """Digest of everything that runs when `modules`, by their full names, are used.

    Args:
        modules: such as `fusionrec.encoders.vision`.
        root: of the checkout.
        parameters: what is selected. None: as in its params.yaml.
    """
    return digest_of(Code(root, parameters).modules(modules))


def digest_of(files: dict[str, str]) -> str:
    """One digest of the digests of several files."""
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()


def stages(root: Path = ROOT) -> dict[str, dict[str, str]]:
    """The files that each stage of dvc.yaml runs, with their digests, in the order of dvc.yaml.

    Stages that are no script of `stages/` have none.
    """
    code = Code(root)
    names = [
        name for name in _read_yaml(root / "dvc.yaml")["stages"] if (root / "stages" / f"{name}.py").is_file()
    ]
    return {name: code.files([root / "stages" / f"{name}.py"]) for name in names}


def listing(files: dict[str, str]) -> str:
    """Files with their digests as text, a line each: what data/code/<stage> holds."""
    return "".join(f"{digest}  {name}\n" for name, digest in files.items())


def stage_fingerprints(root: Path = ROOT) -> dict[str, str]:
    """The fingerprint of each stage; see `stages`."""
    return {name: digest_of(files) for name, files in stages(root).items()}


def _read_yaml(path: Path) -> Any:
    import yaml

    return yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)


class _Cache:
    """Parsed files, by the hash of their content; it only saves time and may be deleted."""

    def __init__(self) -> None:
        self.read: dict[Path, Source] = {}
        own = hashlib.sha256(Path(__file__).read_bytes() + sys.version.encode()).hexdigest()[:16]
        self.path = cache_home() / "code" / f"{own}.json"
        self.new = False
        try:
            self.known: dict[str, Any] = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            self.known = {}

    def source(self, path: Path) -> Source:
        """What is read from a file, once per process."""
        if path not in self.read:
            content = path.read_bytes()
            key = hashlib.sha256(content).hexdigest()
            if key not in self.known:
                self.known[key], self.new = parse(content.decode("utf-8"), str(path)), True
            self.read[path] = Source(*self.known[key])
        return self.read[path]

    def save(self) -> None:
        """Write what was parsed, if anything; where that is impossible, the next run parses again."""
        if not self.new:
            return
        newest = dict(list(self.known.items())[-KEPT:])
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(
                "w", dir=self.path.parent, delete=False, encoding="utf-8"
            ) as file:
                json.dump(newest, file)
            Path(file.name).replace(self.path)
        except OSError:
            pass
        self.new = False


def parse(text: str, name: str = "<text>") -> Source:
    """Read what counts from the source of a module.

    >>> parse("x = 1  # one").digest == parse('"Docs."\\n\\nx = (1)').digest != parse("x = 2").digest
    True
    >>> parse("from fusionrec import files").imports
    ['fusionrec', 'fusionrec.files']

    Raises:
        SyntaxError: if it is no Python.
    """
    tree = _Running().visit(ast.parse(text, name))
    imports: list[str] = []
    marks: list[list[str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            imports += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            imports += [alias.name for alias in node.names]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Choice":
            marks.append(
                [str(argument.value) for argument in node.args if isinstance(argument, ast.Constant)]
            )
    said = "".join(_tokens(tree))
    digest = hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest() if tree.body else ""
    return Source(digest, list(dict.fromkeys(imports)), marks)


class _Running(ast.NodeTransformer):
    """Removes what never runs: docstrings, annotations inside functions, imports for types only."""

    def __init__(self) -> None:
        self.in_function = False

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [part for part in body if not _is_text(part)]  # type: ignore[attr-defined]
        return node

    def visit(self, node: ast.AST) -> Any:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            return super().visit(node)
        outside, self.in_function = self.in_function, not isinstance(node, ast.ClassDef)
        visited = self.generic_visit(node)
        self.in_function = outside
        return visited

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        self.generic_visit(node)
        if self.in_function and node.value is not None:
            return ast.Assign([node.target], node.value)
        return node

    def visit_If(self, node: ast.If) -> Any:
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return [self.visit(part) for part in node.orelse]
        return self.generic_visit(node)


def _is_text(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _tokens(node: Any) -> Iterator[str]:
    """A syntax tree as text that does not depend on layout, nor on fields that a version of Python adds."""
    if isinstance(node, ast.AST):
        yield f"({type(node).__name__}"
        for name, value in ast.iter_fields(node):
            if name not in SILENT and value is not None and value != []:
                yield f" {name}="
                yield from _tokens(value)
        yield ")"
    elif isinstance(node, list):
        yield "["
        for part in node:
            yield from _tokens(part)
            yield ","
        yield "]"
    else:
        yield repr(node)
