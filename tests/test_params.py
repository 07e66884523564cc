"""Parameters: every key known, required, typed; errors name the key in full."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from fusionrec import sections
from fusionrec.errors import UserError
from fusionrec.params import Section
from fusionrec.sections import Params

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def tree() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "params.yaml").read_text())


def test_the_committed_file_is_valid(tree: dict[str, Any]) -> None:
    assert sections.parse(tree) == sections.load(ROOT / "params.yaml")


def test_unknown_key_is_named_with_what_is_known(tree: dict[str, Any]) -> None:
    tree["train"]["learning_rate"] = 0.1
    with pytest.raises(UserError, match=r"unknown parameter `train\.learning_rate`; known here: .*\blr\b"):
        sections.parse(tree)


def test_unknown_key_deep_in_the_registry(tree: dict[str, Any]) -> None:
    tree["encoders"]["vision"]["dino"]["pool"] = "cls"
    with pytest.raises(UserError, match=r"`encoders\.vision\.dino\.pool`; known here: .*\bpooling\b"):
        sections.parse(tree)


def test_unknown_section(tree: dict[str, Any]) -> None:
    tree["trian"] = {}
    with pytest.raises(UserError, match=r"unknown parameter `trian`; known here: .*\btrain\b"):
        sections.parse(tree)


def test_missing_key_is_named(tree: dict[str, Any]) -> None:
    tree["raw"]["source"] = "files"
    del tree["raw"]["files"]["columns"]["user"]
    with pytest.raises(UserError, match=r"missing parameter `raw\.files\.columns\.user`"):
        sections.parse(tree)


def test_every_problem_is_told_at_once(tree: dict[str, Any]) -> None:
    tree["train"]["epochs"] = "many"
    tree["clean"]["lowercase"] = "perhaps"
    with pytest.raises(UserError) as error:
        sections.parse(tree)
    assert "train.epochs" in str(error.value) and "clean.lowercase" in str(error.value)


@pytest.mark.parametrize("text", ["3e-5", "0.00003"])
def test_numbers_that_arrive_as_strings_become_numbers(tree: dict[str, Any], text: str) -> None:
    """PyYAML reads 3e-5, as DVC writes it, as a string."""
    tree["train"]["lr"] = yaml.safe_load(text)
    assert sections.parse(tree).train.lr == 3e-5


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("train", "lr", 0),
        ("train", "batch", 0),
        ("train", "loss", "hinge"),
        ("model", "id_dropout", 1.0),
        ("metrics", "ks", []),
        ("splits", "strategy", False),  # `-S splits.strategy=no`
        ("runtime", "device", "tpu"),
    ],
)
def test_values_out_of_range_are_refused(tree: dict[str, Any], section: str, key: str, value: object) -> None:
    tree[section][key] = value
    with pytest.raises(UserError, match=rf"parameter `{section}\.{key}"):
        sections.parse(tree)


def test_missing_file_and_broken_yaml(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not found"):
        sections.load(tmp_path / "params.yaml")
    (tmp_path / "params.yaml").write_text("a: [")
    with pytest.raises(UserError, match="not valid YAML"):
        sections.load(tmp_path / "params.yaml")
    (tmp_path / "params.yaml").write_bytes(b"a: \xff")
    with pytest.raises(UserError, match="not UTF-8 at byte 3"):
        sections.load(tmp_path / "params.yaml")


@pytest.mark.parametrize(
    ("section", "key"), [("clean", "min_rating"), ("train", "lr"), ("train", "weight_decay")]
)
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_only_finite_numbers(tree: dict[str, Any], section: str, key: str, value: float) -> None:
    tree[section][key] = value
    with pytest.raises(UserError, match=rf"parameter `{section}\.{key}`: input should be a finite number"):
        sections.parse(tree)


def test_no_key_that_dvc_drops_from_its_run_cache(tree: dict[str, Any]) -> None:
    """DVC leaves `size` and `nfiles` out of a stage's cache key and would restore stale outputs."""

    def keys(node: object) -> set[str]:
        if not isinstance(node, dict):
            return set()
        return set(node) | {key for child in node.values() for key in keys(child)}

    assert not keys(tree) & {"size", "nfiles"}
    fields = {name for section in _sections(Params) for name in section.model_fields}
    assert not fields & {"size", "nfiles"}


def _sections(section: type[Section]) -> list[type[Section]]:
    return [Params, *Section.__subclasses__()]


def test_parsing_leaves_the_tree_alone(tree: dict[str, Any]) -> None:
    before = copy.deepcopy(tree)
    sections.parse(tree)
    assert tree == before
