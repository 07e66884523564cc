"""Text: markup, entities, control characters, spacing; languages and emoji stay."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusionrec.data import text


@pytest.mark.parametrize(
    ("raw", "plain"),
    [
        (None, ""),
        ("  two \t words\n", "two words"),
        ("<p>One<br/>two</p><p>three</p>", "One two three"),
        ("a<script>alert('x < y')</script><style>p {}</style>b", "a b"),
        ("salt &amp; pepper &#8212; &eacute;", "salt & pepper — é"),
        ("5 < 6, I <3 you & me", "5 < 6, I <3 you & me"),
        ("ﬁne １２ ½", "fine 12 1⁄2"),
        ("a\x00b\u200bc\u202ed", "abcd"),
        ("日本語 Ünïcode עברית", "日本語 Ünïcode עברית"),
        ("👩\u200d👧 🇫🇷 ❤\ufe0f", "👩\u200d👧 🇫🇷 ❤\ufe0f"),
    ],
)
def test_clean(raw: str | None, plain: str) -> None:
    assert text.clean(raw) == plain


@given(st.text(st.characters(exclude_characters="<&＜＆﹤﹠")))
def test_cleaning_twice_changes_nothing_more(raw: str) -> None:
    once = text.clean(raw)
    assert text.clean(once) == once
    assert once == " ".join(once.split())


@given(st.text("<>/!-'\"&;ascript ", max_size=40))
def test_broken_markup_is_no_error(raw: str) -> None:
    assert isinstance(text.clean(raw), str)


def test_split_gives_clean_sorted_distinct_values() -> None:
    assert text.split("Sci-Fi| Drama |drama||", "|", lowercase=True) == ["drama", "sci-fi"]
    assert text.split("Drama|drama", "|", lowercase=False) == ["Drama", "drama"]
    assert text.split(None, "|", lowercase=True) == []


def test_compose_leaves_out_what_is_empty_and_ends_sentences_once() -> None:
    assert text.compose("Who?", ["a", "b"], "It ends.") == "Who? a, b. It ends."
    assert text.compose("", [], "") == ""
