"""Values and comments in params.yaml: what is not set stays byte for byte."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from fusionrec.checking.guess import Setting
from fusionrec.checking.writing import patched
from fusionrec.errors import UserError

from .shapes import ROOT

TEXT = """a: # first
  b: 1 # a number
  c: # nothing yet
  d: [x] # a list
e: '%' # a text
"""


def test_the_reason_stands_above_and_other_lines_stay() -> None:
    settings = {
        "a.b": Setting(2, "two\nlines"), "a.c": Setting("|", "why: not"), "a.d": Setting(["x"], "the same"),
        "e": Setting(None, ""),
    }  # fmt: skip
    assert (
        patched(TEXT, settings)
        == """a: # first
  # guessed: two lines
  b: 2 # a number
  # guessed: why: not
  c: '|' # nothing yet
  d: [x] # a list
e: null # a text
"""
    )


VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.lists(st.text(), max_size=3),
                   st.dictionaries(st.sampled_from(["train", "test"]), st.text(), max_size=2))  # fmt: skip


@given(VALUES, st.text())
def test_any_value_is_read_back(value: Any, why: str) -> None:
    from fusionrec.checking.guess import printable

    tree = yaml.safe_load(patched(TEXT, {"a.c": Setting(value, printable(why)), "e": Setting(value, "")}))
    assert tree == {"a": {"b": 1, "c": value, "d": ["x"]}, "e": value}


@pytest.mark.parametrize(
    "name", ["raw.files.columns.item", "clean.min_rating", "splits.given.train", "model.vision"]
)
def test_parameters_of_the_file(name: str) -> None:
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    changed = patched(text, {name: Setting("new", "because")})
    before, after = text.splitlines(), changed.splitlines()
    assert len(after) == len(before) + 1 and len(set(before) - set(after)) == 1


def test_parameters_that_share_a_line() -> None:
    text = "a:\n  b: {c: 1, d: {e: 2}} # two\n"
    settings = {"a.b.c": Setting(3, ""), "a.b.d.e": Setting("x", "")}
    assert patched(text, settings) == "a:\n  b: {c: 3, d: {e: x}} # two\n"


def test_a_section_is_refused() -> None:
    with pytest.raises(UserError, match="a is a section; set its parameters one by one"):
        patched(TEXT, {"a": Setting({"b": 1}, "")})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a:\n- x\n- y\n# of b\nb: 1\n", "a: [1]\n# of b\nb: 1\n"),
        ("a: # words\n  - x # one\n\n  - y\n\nb: 1\n", "a: [1] # words\n\nb: 1\n"),
        ("s:\n  a:\n  - x: 1\n    z: [2,\n      3]\n  b: 1\n", "s:\n  a: [1]\n  b: 1\n"),
        ("a: [x,\n  y] # words\nb: 1\n", "a: [1] # words\nb: 1\n"),
        ("a: |\n  x\n  y\nb: 1\n", "a: [1]\nb: 1\n"),
        ('a: "x\n  y"\nb: 1\n', "a: [1]\nb: 1\n"),
        ("b: 1\na:\n  - x", "b: 1\na: [1]"),
        ("b: 1\na:\n  - x\n", "b: 1\na: [1]\n"),
    ],
)
def test_a_value_of_several_lines_becomes_one_line(text: str, expected: str) -> None:
    name = "s.a" if text.startswith("s") else "a"
    assert patched(text, {name: Setting([1], "")}) == expected


@given(st.dictionaries(st.sampled_from(["a", "b", "c"]), VALUES, min_size=2), VALUES)
def test_a_file_in_block_layout_is_read_back(tree: dict[str, Any], value: Any) -> None:
    tree = {key: 0 if isinstance(old, dict) else old for key, old in tree.items()}  # no sections
    name = min(tree)
    text = yaml.safe_dump(tree, default_flow_style=False, width=20)
    assert yaml.safe_load(patched(text, {name: Setting(value, "")})) == tree | {name: value}
