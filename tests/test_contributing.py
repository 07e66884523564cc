"""CONTRIBUTING.md: a test follows each recipe literally, in a clone, and sees the new thing work."""

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from dvc.utils.serialize import modify_yaml  # type: ignore[import-untyped]

from fusionrec import files
from fusionrec.evaluation import metrics_table

from . import warm
from .checkouts import ROOT, clone, dvc, git, ran, tiny

PAGE = ROOT / "CONTRIBUTING.md"
BLOCK = re.compile(r"(?:^`([\w./-]+)`:\n\n)?^```(\w+)\n(.*?)^```$", re.M | re.S)
NAMES = ["metric", "loss", "split strategy", "baseline", "source", "encoder", "model"]


class Recipe(NamedTuple):
    """What a section tells to do.

    Attributes:
        files: text by path, params.yaml aside.
        parameters: what is merged into params.yaml.
        commands: the lines of the last block.
        stages: those that `dvc repro` is said to run.
    """

    files: dict[str, str]
    parameters: dict[str, Any]
    commands: list[str]
    stages: list[str]

    @property
    def size(self) -> str:
        """How much there is to write, tests and data aside."""
        code = [text for path, text in self.files.items() if path.startswith("src/")]
        tests = [text for path, text in self.files.items() if path.startswith("tests/")]
        lines = [sum(len(text.splitlines()) for text in texts) for texts in (code, tests)]
        values = len(yaml.safe_dump(self.parameters).splitlines())
        return (
            f"{len(code)} code file of {lines[0]} lines, {values} in params.yaml, "
            f"{len(tests)} test file of {lines[1]}"
        )


def recipe(name: str) -> Recipe:
    """The section "Add a <name>"."""
    (section,) = re.findall(
        rf"^## Add an? {name}\n(.*?)(?=^## |\Z)", PAGE.read_text(encoding="utf-8"), re.M | re.S
    )
    texts, commands = dict[str, str](), list[str]()
    for path, language, text in BLOCK.findall(section):
        if language == "bash":
            commands += text.splitlines()
        else:
            texts[path] = text
    parameters = yaml.safe_load(texts.pop("params.yaml"))
    (said,) = [line.partition("# runs ")[2] for line in commands if line.startswith("dvc repro")]
    return Recipe(texts, parameters, commands, re.split(", | and ", said))


def merge(tree: Any, values: dict[str, Any]) -> None:
    for key, value in values.items():
        if isinstance(value, dict) and isinstance(tree.get(key), dict):
            merge(tree[key], value)
        else:
            tree[key] = value


def write(folder: Path, chosen: Recipe) -> None:
    """Write the files of a recipe and apply its parameters."""
    for path, text in chosen.files.items():
        assert not (folder / path).exists(), f"{path} exists already"
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    with modify_yaml(folder / "params.yaml") as tree:
        merge(tree, chosen.parameters)


def python(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [warm.python(), *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_there_is_a_recipe_for_everything() -> None:
    titles = re.findall(r"^## Add an? (.*)$", PAGE.read_text(encoding="utf-8"), re.M)
    assert titles == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_is_one_file_of_code_and_one_of_tests(name: str) -> None:
    """An encoder needs no code: an entry in params.yaml is enough."""
    chosen = recipe(name)
    code = [path for path in chosen.files if path.startswith("src/")]
    tests = [path for path in chosen.files if path.startswith("tests/")]
    assert (len(code), len(tests)) == (name != "encoder", 1)
    for path, text in chosen.files.items():
        assert not (ROOT / path).exists(), f"{path} exists already"
        assert len(text.splitlines()) <= 50, path
        compile(text, path, "exec")


def test_recipes_are_formatted_and_clean(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "src", tmp_path / "src")  # which modules exist decides the order of imports
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    paths = []
    for name in NAMES:
        for path, text in recipe(name).files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text, encoding="utf-8")
            paths.append(path)
    python(tmp_path, "-m", "ruff", "check", *paths)
    python(tmp_path, "-m", "ruff", "format", "--check", *paths)


@pytest.mark.slow
def test_recipes_are_typed(tmp_path: Path) -> None:
    folder = tmp_path / "clone"
    folder.mkdir()
    clone(folder)
    chosen = [recipe(name) for name in NAMES]
    for each in chosen:
        write(folder, each)
    paths = [path for each in chosen for path in each.files if path.startswith(("src/", "tests/"))]
    python(folder, "-m", "mypy", "--cache-dir", str(ROOT / ".mypy_cache"), *paths)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny(tmp_path_factory.mktemp("base"))


def follow(base: Path, folder: Path, name: str) -> Path:
    """A copy of the base in which a recipe was followed."""
    shutil.copytree(base, folder, symlinks=True)
    chosen = recipe(name)
    write(folder, chosen)
    for line in chosen.commands:
        program, *arguments = shlex.split(line, comments=True)
        if program == "dvc":
            assert ran(dvc(folder, *arguments)) == chosen.stages
        elif program == "pytest":
            assert "passed" in python(folder, "-m", "pytest", "-q", "-n", "0", *arguments)
        else:
            assert program == "python"
            python(folder, *arguments)
    assert ran(dvc(folder, "repro")) == [], "nothing is left to do"
    python(folder, "src/fusionrec", "docs")
    print(f"{name}: {chosen.size}")
    return folder


def scores(folder: Path) -> dict[str, dict[str, float]]:
    return metrics_table.parse((folder / "plots/metrics.csv").read_text(encoding="utf-8"))


def page(folder: Path, name: str) -> str:
    return (folder / "docs" / name).read_text(encoding="utf-8")


def a_metric(folder: Path) -> None:
    assert all(0 < scores(folder)[name]["rbp@10"] <= 1 for name in ("model", "oracle"))
    assert "rank_biased" in page(folder, "metrics.md")
    assert "metrics.rank_biased.persistence" in page(folder, "parameters.md")


def a_loss(folder: Path) -> None:
    curves = (folder / "plots/training_loss.csv").read_text()
    assert "top1" in curves and "softmax" in curves and "bpr" not in curves
    assert "`top1`" in page(folder, "models.md")


def a_split_strategy(folder: Path) -> None:
    log = files.read_table(folder / "data/splits/test.parquet")
    assert set(log.groupby("user").size()) == {2}
    assert "leave_last_k" in page(folder, "data.md")


def a_baseline(folder: Path) -> None:
    assert 0 <= scores(folder)["markov_chain"]["ndcg@10"] <= 1
    assert "markov_chain" in page(folder, "models.md")


def a_source(folder: Path) -> None:
    assert "category_technique" in files.read_table(folder / "data/clean/items.parquet")
    assert "`recbole`" in page(folder, "data.md")
    assert json.loads((folder / "metrics/clean.json").read_text())["items"]["kept"] > 0
    assert (files.read_table(folder / "data/images/manifest.parquet")["status"] == "ok").mean() > 0.9
    assert "oracle" not in scores(folder), "only the demo knows the truth"


def an_encoder(folder: Path) -> None:
    assert (folder / "data/cache/language/multilingual-minilm").is_dir()
    card = files.read_json(folder / "data/model/card.json")
    assert card["parameters"]["model"]["language"] == "multilingual-minilm"
    assert "multilingual-minilm" in page(folder, "encoders.md")


def a_model(folder: Path) -> None:
    assert files.read_json(folder / "data/model/config.json")["model"]["name"] == "gmf"
    assert scores(folder)["model"]["ndcg@10"] >= 0
    assert len(json.loads((folder / "data/recs/recommendations.json").read_text())) == 3
    assert "gmf" in page(folder, "models.md")


CHECKS = [a_metric, a_loss, a_split_strategy, a_baseline, a_source, an_encoder, a_model]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "check"), [*zip(NAMES, CHECKS, strict=True)], ids=NAMES)
def test_following_a_recipe(name: str, check: Callable[[Path], None], base: Path, tmp_path: Path) -> None:
    folder = follow(base, tmp_path / "clone", name)
    check(folder)
    changed = {line[3:] for line in git(folder, "status", "--porcelain", "-uall").splitlines()}
    changed.discard("src/dvc.lock")  # the fingerprint
    by_hand = {path for path in changed if path.startswith(("src/", "tests/", "stages/", "dvc.yaml"))}
    assert by_hand == {path for path in recipe(name).files if not path.startswith("data/")}
