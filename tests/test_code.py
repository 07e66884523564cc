"""The fingerprint of code: what changes it, what does not, and that it covers all that runs."""

import ast
import doctest
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from fusionrec import choices, code

from . import warm
from .checkouts import edit

ROOT = Path(__file__).resolve().parents[1]
TYPING = "from typing import TYPE_CHECKING"
STAGES = ["raw", "clean", "images", "splits", "cache", "model", "metrics", "recs"]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUSIONREC_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    os.environ.setdefault("FUSIONREC_CACHE", str(tmp_path_factory.mktemp("cache")))
    return code.stage_fingerprints(ROOT)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the code and of what selects it."""
    target = tmp_path / "checkout"
    ignored = shutil.ignore_patterns("__pycache__")
    for folder in ("src", "stages"):
        shutil.copytree(ROOT / folder, target / folder, ignore=ignored)
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(ROOT / name, target / name)
    return target


def changed(checkout: Path, before: dict[str, str]) -> list[str]:
    after = code.stage_fingerprints(checkout)
    return [name for name in after if after[name] != before[name]]


def test_examples() -> None:
    for module in (code, choices):
        outcome = doctest.testmod(module)
        assert outcome.attempted and not outcome.failed


def test_every_stage_has_one(before: dict[str, str]) -> None:
    assert list(before) == STAGES
    assert len(set(before.values())) == len(STAGES)


def test_comments_docstrings_and_layout_of_any_file_do_not_count(
    checkout: Path, before: dict[str, str]
) -> None:
    for path in [*checkout.glob("src/**/*.py"), *checkout.glob("stages/*.py")]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
        for node in [node for node in ast.walk(tree) if isinstance(node, documented)]:
            text = ast.get_docstring(node)
            if text is not None:
                node.body[0] = ast.Expr(ast.Constant(text + " One more word."))
        # the layout of `ast.unparse` is another one, and comments are gone
        path.write_text(
            "# A comment.\n" + ast.unparse(ast.fix_missing_locations(tree)) + "\n", encoding="utf-8"
        )
    assert changed(checkout, before) == []


@pytest.mark.parametrize(
    ("path", "old", "new", "stages"),
    [
        ("training/losses/softmax.py", "return -log_probability", "return log_probability", ["model"]),
        ("training/losses/bpr.py", "F.softplus(", "F.relu(", []),
        ("recommend/gallery.py", "border-radius: 12px", "border-radius: 13px", ["recs"]),
        ("encoders/neighbour_plots.py", "import numpy as np", "import numpy as np\n\nX = 1", ["cache"]),
        ("models/graph_vectors.py", "layers + 1", "layers + 2", []),
        ("models/fusions/gated.py", "2 * torch.sigmoid", "3 * torch.sigmoid", []),
        ("models/fusions/concatenate.py", "parts.sum(1)", "2 * parts.sum(1)", ["model", "metrics", "recs"]),
        ("data/sources/amazon.py", "", "X = 1\n", []),
        ("data/strategies/mixed.py", "", "X = 1\n", []),
        ("data/strategies/leave_one_out.py", "", "X = 1\n", ["splits"]),
        ("models/zoo/ease.py", "", "X = 1\n", ["metrics"]),
        ("evaluation/metrics/serendipity.py", "", "X = 1\n", ["metrics"]),
        ("review/html.py", "", "X = 1\n", []),
        ("review/training_page.py", "REFRESH = 5", "REFRESH = 6", []),
        ("progress.py", "EVERY = 5.0", "EVERY = 6.0", []),
        ("cli/compare.py", "", "X = 1\n", []),
        ("recommend/recs_options.py", "class Recs(Section):", "class Recs(Section):\n    more: int\n", ["recs"]),
    ],
)  # fmt: skip
def test_code_counts_where_it_can_run(
    checkout: Path, before: dict[str, str], path: str, old: str, new: str, stages: list[str]
) -> None:
    edit(checkout / "src/fusionrec" / path, old, new)
    assert changed(checkout, before) == stages


def test_what_is_selected_counts(checkout: Path, before: dict[str, str]) -> None:
    edit(checkout / "params.yaml", "name: fusion", "name: lightgcn")
    assert changed(checkout, before) == ["model", "metrics", "recs"]
    names = code.stages(checkout)["model"]
    assert "src/fusionrec/models/zoo/lightgcn.py" in names
    assert "src/fusionrec/models/zoo/fusion.py" not in names
    assert "src/fusionrec/training/losses/bpr.py" in names
    assert "src/fusionrec/training/losses/softmax.py" not in names


def test_a_choice_that_is_selected_by_a_list_or_by_weight(checkout: Path) -> None:
    edit(checkout / "params.yaml", "      bpr: 0 ", "      bpr: 0.5 ")
    edit(checkout / "params.yaml", "user_knn, ease,", "user_knn,")
    listed = code.stages(checkout)
    assert "src/fusionrec/training/losses/bpr.py" in listed["model"]
    assert "src/fusionrec/models/zoo/ease.py" not in listed["metrics"]


RUNNING = """
import json, sys, atexit
sys.path[0] = {stages!r}
import _start
atexit.register(lambda: print("MODULES " + json.dumps(sorted(
    m.__file__ for n, m in sys.modules.items() if n.split(".")[0] == "fusionrec" and getattr(m, "__file__", None)))))
import runpy
sys.argv = [{script!r}]
runpy.run_path({script!r}, run_name="not main")
"""


@pytest.mark.parametrize("stage", STAGES)
def test_what_a_stage_imports_is_covered(stage: str, tmp_path: Path) -> None:
    """Modules that are imported with the script; what functions import later is found in the source alike."""
    script, stages = tmp_path / "script.py", ROOT / "stages"
    script.write_text(
        RUNNING.format(script=str(stages / f"{stage}.py"), stages=str(stages)), encoding="utf-8"
    )
    done = subprocess.run([warm.python(), script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("MODULES ")]
    loaded = {
        Path(name).resolve().relative_to(ROOT).as_posix()
        for name in json.loads(line.removeprefix("MODULES "))
    }
    listed = code.stages(ROOT)[stage].keys()
    empty = {name for name in loaded if not (ROOT / name).read_text(encoding="utf-8").strip()}
    only_documented = {
        name for name in loaded if not code.parse((ROOT / name).read_text(encoding="utf-8")).digest
    }
    showing = {f"src/{name.replace('.', '/')}.py" for name in code.SHOWING}
    assert loaded - listed - empty - only_documented - showing == set()


def test_every_package_of_choices_that_a_stage_imports_is_selected_from() -> None:
    """A choice is imported by its name alone, so the parameter that selects it must be known to the fingerprint."""
    source = code.Code(ROOT)
    for stage, files in code.stages(ROOT).items():
        marks = [mark for name in files for mark in source._known.source(ROOT / name).choices]
        marked = {package for package, _ in marks}
        loading = {
            package
            for name in files
            for package in [_package(ROOT / name)]
            if package and f"src/{package.replace('.', '/')}/__init__.py" in files and _loads(ROOT / name)
        }
        assert loading <= marked, stage


def _package(path: Path) -> str | None:
    """What the constant PACKAGE of a module says."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and node.targets[0].id == "PACKAGE"
        ):
            return str(ast.literal_eval(node.value))
    return None


def _loads(path: Path) -> bool:
    return "choices.load(" in path.read_text(encoding="utf-8")


def test_every_mark_names_a_package_and_a_parameter() -> None:
    tree = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    marks = {
        tuple(mark)
        for path in (ROOT / "src").rglob("*.py")
        for mark in code.parse(path.read_text(encoding="utf-8")).choices
    }
    assert len(marks) >= 9
    for package, parameter in marks:
        assert choices.names(package), package
        value = tree
        for part in parameter.split("."):
            value = value[part]
        assert choices.named(value), parameter


def test_the_cache_changes_nothing(before: dict[str, str], tmp_path: Path) -> None:
    assert code.stage_fingerprints(ROOT) == code.stage_fingerprints(ROOT) == before
    (kept,) = (tmp_path / "cache/code").iterdir()
    kept.write_text("{broken")
    assert code.stage_fingerprints(ROOT) == before


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("x = 1", "x = 1  # one"),
        ("def f(a): return a", 'def f(a: int) -> int:\n    """Docs."""\n    return a'),
        ("def f():\n    a = 1", "def f():\n    a: int = 1"),
        (f"{TYPING}\nx = 1", f"{TYPING}\nif TYPE_CHECKING:\n    import os\nx = 1"),
        ("f(a, b)", "f(\n    a,\n    b,\n)"),
        ("x = 'a'", 'x = "a"'),
    ],
)  # fmt: skip
def test_the_same_code(a: str, b: str) -> None:
    assert code.parse(a).digest == code.parse(b).digest


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("x = 1", "x = 1.0"),
        ("x = 1", "x = True"),
        ("x = a + b", "x = a - b"),
        ("class A:\n    x: int", "class A:\n    x: str"),
        ("x = 'a'", "x = b'a'"),
        ("f(a)", "f(*a)"),
        ("def f(a=1): ...", "def f(a=2): ..."),
        ("if a:\n    b()", "if a:\n    pass\nb()"),
        ("x = [1, 2]", "x = [[1, 2]]"),
        ("x = ['a', 'b']", "x = ['ab']"),
    ],
)
def test_other_code(a: str, b: str) -> None:
    assert code.parse(a).digest != code.parse(b).digest


@settings(deadline=None, max_examples=50)
@given(st.lists(st.sampled_from(["", "# a comment", '"text"']), min_size=3, max_size=3))
def test_lines_without_code_do_not_count(lines: list[str]) -> None:
    assert (
        code.parse(f"{lines[0]}\nx = 1\n{lines[1]}\ny = 2\n{lines[2]}\n").digest
        == code.parse("x = 1\ny = 2").digest
    )


def test_the_order_of_sets_changes_nothing(checkout: Path) -> None:
    """Which files are covered must not depend on the order in which imports are followed."""
    listings = {
        subprocess.run(
            [sys.executable, "src/fusionrec", "code", *STAGES],
            cwd=checkout,
            env=os.environ | {"PYTHONHASHSEED": str(seed)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in range(6)
    }
    assert len(listings) == 1
