"""YAML as people write it: read as PyYAML reads it, or refused."""

from pathlib import Path

import pytest
import yaml

from fusionrec import yaml_text

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize(
    "path", [ROOT / "params.yaml", ROOT / "dvc.yaml", *sorted(ROOT.glob("presets/*/*.yaml"))[:5]]
)
def test_what_is_fine_is_read_as_by_pyyaml(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert yaml_text.parse(text) == yaml.safe_load(text)


def test_aliases_and_empty_documents() -> None:
    text, one = "a: &x {b: 1}\nc: *x\nd: {<<: *x, e: 2}", {"b": 1}
    assert yaml_text.parse(text) == {"a": one, "c": one, "d": {"b": 1, "e": 2}}
    assert yaml_text.parse("") is None and yaml_text.parse("null") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: {c: 1, c: 2}", "lines 2 and 2: the key `c` occurs twice"),
        ("a: 1\n'a': 2", "lines 1 and 2: the key `a` occurs twice"),
        ("&a [*a]", "line 1: an alias stands for what contains it"),
        ("- " * 60 + "1", "nested more than 50"),
        ("\n".join(" " * n + f"k{n}:" for n in range(60)), "line 51: nested more than 50"),
        ("a: b: c", "mapping values are not allowed"),
        ("a: *none", "found undefined alias"),
        ("a: 1\n---\nb: 1", "expected a single document"),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        yaml_text.parse(text)


def test_fifty_levels_are_read() -> None:
    assert yaml_text.parse("[" * 50 + "]" * 50) == yaml.safe_load("[" * 50 + "]" * 50)


def test_what_aliases_stand_for_is_counted() -> None:
    nines = "a: &a0 [x, x, x]\n" + "".join(f"b{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))
    with pytest.raises(ValueError, match="more than 100,000 values, with those that its aliases stand for"):
        yaml_text.parse(nines)
