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


TEXT = (ROOT / "params.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: "", r"params.yaml: empty; `git checkout params.yaml`"),
        (lambda text: "# nothing\n", r"params.yaml: empty"),
        (lambda text: text.encode("utf-16"), "not UTF-8 at byte 0; save"),
        (lambda text: text.encode() + b"# caf\xe9", "not UTF-8 at byte"),
        (lambda text: text + "\0", "control characters"),
        (lambda text: text + "x: " + "[" * 200_000, "nested more than 50 levels deep"),
        (lambda text: text.replace("  top_k: ", "  top_k: " + "9" * 6000), "Exceeds the limit"),
        (
            lambda text: text.replace("  epochs: ", "  lr: 1\n  epochs: "),
            r"the key `lr` occurs twice; keep one",
        ),
        (lambda text: text + "\nrecs: {}\n", r"lines \d+ and \d+: the key `recs` occurs twice"),
        (lambda text: text + "x: !!python/object:os.system 1", "could not determine a constructor"),
        (lambda text: "[1]", "must be a mapping"),
        (
            lambda text: text.replace("  vision: efficientnet", "  vision: nope"),
            r"no encoder 'nope' in encoders.vision",
        ),
        (
            lambda text: text.replace("model.fusion.dim: {", "model.fusion.dimm: {"),
            r"no parameter `model.fusion.dimm`",
        ),
        (
            lambda text: text.replace("['model.vision=", "['model.visoin="),
            r"`variants.vision-encoders`: `model.visoin",
        ),
        (
            lambda text: text.replace("[model.name=sasrec", "[sasrec"),
            r"`variants.sasrec`: `sasrec` is not parameter=",
        ),
    ],
)
def test_files_that_cannot_be_used(tmp_path: Path, change: Any, message: str) -> None:
    changed = change(TEXT)
    assert changed != TEXT
    (tmp_path / "params.yaml").write_bytes(changed if isinstance(changed, bytes) else changed.encode())
    with pytest.raises(UserError, match=message) as error:
        sections.load(tmp_path / "params.yaml")
    assert len(str(error.value)) < 1000


def test_messages_fit_a_screen(tmp_path: Path) -> None:
    bomb = "a: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"b{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9)
    )
    many = "".join(f"k{n}: 1\n" for n in range(3000))
    long = TEXT.replace("  top_k: 10", f"  top_k: {'x' * 100_000}")
    key = f"{TEXT}\n? {'k' * 100_000}\n: 1\n"
    for text in (bomb + TEXT, TEXT + "\n" + many, long, key):
        assert text != TEXT
        (tmp_path / "params.yaml").write_text(text, encoding="utf-8")
        with pytest.raises(UserError) as error:
            sections.load(tmp_path / "params.yaml")
        lines = str(error.value).splitlines()
        assert len(lines) <= 31 and max(map(len, lines)) < 1100
