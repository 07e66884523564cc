"""How the modules of src/ depend on each other, read from the source."""

import ast
import subprocess
import sys
from pathlib import Path

import networkx as nx
import pytest

SRC = Path(__file__).resolve().parents[1] / "src"
LIMIT = 300  # lines of a file


def name_of(path: Path) -> str:
    parts = path.relative_to(SRC).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in SRC.rglob("*.py")}


def imported(path: Path) -> set[str]:
    """Modules that a file imports at any level, for types only included; of a package what is taken from it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inside = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= {full if full in MODULES else node.module for full in inside}
    return names & MODULES.keys()


@pytest.fixture(scope="module")
def graph() -> "nx.DiGraph[str]":
    edges = [(name, other) for name, path in MODULES.items() for other in imported(path) if other != name]
    return nx.DiGraph(edges)


def test_no_module_imports_itself_through_others(graph: "nx.DiGraph[str]") -> None:
    assert graph.number_of_edges() > 300
    assert [sorted(part) for part in nx.strongly_connected_components(graph) if len(part) > 1] == []


def test_libraries_do_not_import_commands(graph: "nx.DiGraph[str]") -> None:
    """`cli` is above everything; nothing but the entry point of the package imports it."""
    above = {name for name in MODULES if name.startswith("fusionrec.cli") or name == "fusionrec.__main__"}
    assert {(a, b) for a, b in graph.edges if b in above and a not in above} == set()


def test_no_file_is_long() -> None:
    root = SRC.parent
    files = [*SRC.rglob("*.py"), *(root / "stages").glob("*.py")]
    lengths = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert {name: lines for name, lines in lengths.items() if lines > LIMIT} == {}


# what takes seconds to import, and which stages need it
HEAVY = {"torch", "torch._dynamo", "torchvision", "transformers", "timm", "sklearn", "wandb", "optuna"}
NEEDED = {"cache": {"torch"}, "model": {"torch"}, "metrics": {"torch"}, "recs": {"torch"}}


@pytest.mark.parametrize("stage", ["raw", "clean", "images", "splits", "cache", "model", "metrics", "recs"])
def test_stages_import_only_what_they_use(stage: str) -> None:
    """The libraries that a stage has imported when it starts to work, in a process without anything else."""
    code = f"""
import runpy, sys
sys.path.insert(0, "stages")
runpy.run_path("stages/{stage}.py")
if "torch" in sys.modules:
    from fusionrec import runtime
    runtime.prepare("portable")
print(*sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=SRC.parent, capture_output=True, text=True, check=True
    )
    assert set(done.stdout.split()) & HEAVY == NEEDED.get(stage, set())
