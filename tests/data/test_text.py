"""Text: markup, entities, mojibake, control characters, spacing; languages and emoji stay."""

import time
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusionrec.data import text
from fusionrec.data.clean_options import Clean
from fusionrec.data.reading import dataset
from fusionrec.errors import UserError

ANY = st.text(st.characters(codec=None))  # half characters, too


def options(**changes: Any) -> Clean:
    standard: dict[str, Any] = {
        "separators": ["|"],
        "strip_html": True,
        "fix_mojibake": True,
        "unicode": "NFKC",
        "lowercase": True,
        "text": ["{title}", "{tags}", "{description}"],
        "known_later": [],
        "known_before": [],
        "min_rating": None,
        "min_user_interactions": 0,
        "min_item_interactions": 0,
    }
    return Clean(**standard | changes)


@pytest.mark.parametrize(
    ("raw", "plain"),
    [
        (None, ""),
        (float("nan"), ""),
        ("  two \t words\n", "two words"),
        ("a\x00b\u200bc\u202ed\u00ade\u200ff", "abcdef"),
        ("next\vline\u2028end\x85", "next line end..."),  # a C1 control as Windows-1252 has it
        ("half \ud83d character", "half character"),
        ("ﬁne １２ ½", "fine 12 1⁄2"),
        ("cafe\u0301", "café"),
        ("e\u00ad\u0301", "é"),
    ],
)
def test_clean(raw: Any, plain: str) -> None:
    assert text.clean(raw, options()) == plain


@pytest.mark.parametrize(
    ("raw", "plain"),
    [
        ("<p>One<br/>two</p><p>three</p>four", "One two three four"),
        ("<b>big</b>ger, <I CLASS='x > y'>too</I>!", "bigger, too!"),
        ("<ul><li>a<li>b</ul>c", "a b c"),
        ("a<script>if (x < y) alert('<b>')</script><style>p {}</style>b", "a b"),
        ("a<script>document.write('<script>b<\\/script>')</script>c", "a c"),
        ("a<script>never closed", "a"),
        ("</b>a</script>b</p>c", "a b c"),
        ("a<!-- b > <i> -->c<!-- never closed", "ac"),
        ("<![CDATA[<p>fish &amp; chips</p>]]>", "fish & chips"),
        ("<?xml version='1.0'?><!DOCTYPE html><html><body>a</body></html>", "a"),
        ("<o:p></o:p>a <my-card>b</my-card>", "a b"),
        ("salt &amp; pepper &#8212; &eacute;&nbsp;&#x1F600;", "salt & pepper — é 😀"),
        ("&amp;lt;b&amp;gt; &lt;b&gt;", "&lt;b&gt; <b>"),
        ("AT&T R&D &unknown; &", "AT&T R&D &unknown; &"),
        ("a&#150;b&#0;c&#xD800;d", "a–b\ufffdc\ufffdd"),
        ("&#" + "9" * 5000 + ";", "&#" + "9" * 5000 + ";"),
    ],
)
def test_markup_is_removed_and_entities_are_decoded_once(raw: str, plain: str) -> None:
    assert text.clean(raw, options()) == plain


@pytest.mark.parametrize(
    "plain",
    [
        "5 < 6, I <3 you & me",
        "x<y",
        "x<y and z>w",
        "if a <b or",
        "std::vector<int>, List<String>",
        "<untitled>",
        "<me@example.com> <https://example.com>",
        "<>",
        "a <",
        "</",
        "cut off <a href=",
    ],
)
def test_angle_brackets_that_are_no_tags_stay(plain: str) -> None:
    assert text.clean(plain, options()) == plain


def test_markup_stays_if_not_asked() -> None:
    assert text.clean("<b>a</b> &amp;", options(strip_html=False)) == "<b>a</b> &amp;"


@pytest.mark.parametrize(
    ("raw", "plain"),
    [
        ("cafÃ©", "café"),
        ("voilÃ le travail", "voilà le travail"),
        ("â€œquotedâ€\x9d â€“ dash", "“quoted” – dash"),
        ("ÐŸÑ€Ð¸Ð²ÐµÑ‚", "Привет"),
        ("ä½\xa0å¥½", "你好"),
        ("ðŸ˜€", "😀"),
        ("cafÃƒÂ©", "café"),
        ("caf&Atilde;&copy;", "café"),
    ],
)
def test_mojibake_is_repaired(raw: str, plain: str) -> None:
    assert text.clean(raw, options()) == plain
    kept = text.clean(raw, options(fix_mojibake=False, unicode="none", strip_html=False))
    assert kept == " ".join(raw.replace("\x9d", "").split())


@pytest.mark.parametrize(
    "plain",
    [
        "“curly” ‘quotes’ — … ﬁ ｆｕｌｌ № ™",
        "Ünïcode naïve Ångström Łódź Þór ß Ø",
        "AÇÃO À LA MAÇÃ, SÃO PAULO, ÎLE, CÂNDIDO",
        "Привет мир, Їжак",
        "日本語 你好 한국어",
        "עברית العربية فارسی",
        "हिन्दी বাংলা தமிழ் ไทย",
        "Ελληνικά Հայերեն ქართული",
        "Tiếng Việt Türkçe İstanbul",
        "10 €, 5 £, 3 ¥, 1½ cups, 20 °C, m²",
        "می\u200cخواهم",
    ],
)
def test_languages_survive(plain: str) -> None:
    assert text.clean(plain, options(unicode="NFC")) == plain


@pytest.mark.parametrize(
    "emoji", ["👩\u200d👧", "🇫🇷", "❤\ufe0f", "👍🏽", "1\ufe0f⃣", "🏴\U000e0067\U000e0062\U000e007f"]
)
def test_emoji_survive(emoji: str) -> None:
    assert text.clean(f"a {emoji} b", options()) == f"a {emoji} b"


@pytest.mark.parametrize(("form", "plain"), [("NFKC", "é fi1"), ("NFC", "é ﬁ１"), ("none", "e\u0301 ﬁ１")])
def test_unicode_form(form: str, plain: str) -> None:
    assert text.clean("e\u0301 ﬁ１", options(unicode=form)) == plain


@given(ANY, st.sampled_from(["NFKC", "NFC", "none"]))
def test_cleaning_twice_changes_nothing_more(raw: str, form: str) -> None:
    plainly = options(strip_html=False, fix_mojibake=False, unicode=form)
    once = text.clean(raw, plainly)
    assert text.clean(once, plainly) == once


@given(st.lists(st.sampled_from(["Žluť", "日本", "été", "мир", "👩\u200d👧", "½", "%", "a'b", "\n", "“x”"])))
def test_cleaning_languages_twice_changes_nothing_more(words: list[str]) -> None:
    once = text.clean(" ".join(words), options())
    assert text.clean(once, options()) == once


@given(ANY | st.text("<>/!-'\"&;#?[]ascript bp\x00Ã©", max_size=60))
def test_any_text_becomes_one_line_without_control_characters(raw: str) -> None:
    plain = text.clean(raw, options())
    assert plain == " ".join(plain.split())
    assert not {unicodedata.category(letter) for letter in plain} & {"Cc", "Cs"}


@given(st.text(st.characters(exclude_characters="<&"), max_size=40))
def test_text_without_markup_is_the_same_with_and_without_stripping(raw: str) -> None:
    assert text.clean(raw, options()) == text.clean(raw, options(strip_html=False))


@pytest.mark.parametrize(
    "piece", ["<", "<b ", "<b", "</", "<!--", "<![CDATA[", "<?xml ", "&", "&#", "<a b='>", "Ã©"]
)
def test_hostile_text_takes_linear_time(piece: str) -> None:
    start = time.perf_counter()
    text.clean(piece * 200_000, options())
    assert time.perf_counter() - start < 20  # quadratic: minutes


def test_split_gives_clean_sorted_distinct_values() -> None:
    assert text.split("Sci-Fi| Drama |drama||", options()) == ["drama", "sci-fi"]
    assert text.split("Drama|drama", options(lowercase=False)) == ["Drama", "drama"]
    assert text.split(None, options()) == []
    assert text.split(float("nan"), options()) == []  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("['Malbec', 'Merlot']", ["malbec", "merlot"]),
        ('["Malbec", "Merlot|Rosé", null, 3]', ["3", "malbec", "merlot|rosé"]),
        (" [] ", []),
        ("['it\\'s', \"5' tall\", None, 1.5]", ["1.5", "5' tall", "it's"]),
        ("['<b>Red</b> wine', 'a &amp; b']", ["a & b", "red wine"]),
        ("[OV]|[dubbed]", ["[dubbed]", "[ov]"]),
        ("[['a']]", ["[['a']]"]),
        ("[__import__('os')]", ["[__import__('os')]"]),
        ("[" * 5000 + "]" * 5000, ["[" * 5000 + "]" * 5000]),
        ("['\\d']", ["\\d"]),
    ],
)
def test_split_reads_lists_as_json_or_python_write_them(value: str, expected: list[str]) -> None:
    assert text.split(value, options()) == expected


def test_split_at_any_separator() -> None:
    assert text.split("A, B;C|D", options(separators=[",", ";"])) == ["a", "b", "c|d"]
    assert text.split("A|B", options(separators=[])) == ["a|b"]
    assert text.split("A\nB  C", options(separators=["\n", "  "])) == ["a", "b", "c"]


def test_split_always_at_what_joins_lists() -> None:
    assert text.SEPARATOR == dataset.SEPARATOR
    assert text.split(f"A, B{text.SEPARATOR}C", options(separators=[])) == ["a, b", "c"]


def test_split_decodes_entities_before_it_splits() -> None:
    assert text.split("Crime &amp; Drama;<b>War</b>", options(separators=[";"])) == ["crime & drama", "war"]


def fields(**values: str) -> dict[str, str]:
    return {"title": "", "tags": "", "description": ""} | values


def test_compose_leaves_out_what_is_empty_and_ends_sentences_once() -> None:
    assert (
        text.compose(fields(title="Who?", tags="a, b", description="It ends."), options())
        == "who? a, b. it ends."
    )
    assert text.compose(fields(title="Who"), options(lowercase=False)) == "Who."
    assert text.compose(fields(), options()) == ""


def test_compose_by_template() -> None:
    chosen = options(text=["{title} by {director}", "query: {description}", "{{genres}}: {genres}"])
    assert text.compose(fields(title="Up", director="", genres="a, b"), chosen) == "up by. {genres}: a, b."


def test_values_are_no_templates() -> None:
    assert text.compose(fields(title="{tags} {0} {", tags="x"), options()) == "{tags} {0} {. x."


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("{titel}", "unknown field {titel}; known: {title}, {mpaa rating}"),
        ("{title.__class__}", "unknown field {title.__class__}"),
        ("{title[0]}", "unknown field {title[0]}"),
        ("{}", "unknown field {}"),
        ("{0}", "unknown field {0}"),
        ("{title!r}", "{title} takes no format or conversion"),
        ("{title:>9}", "{title} takes no format or conversion"),
        ("{title:{title}}", "{title} takes no format or conversion"),
        ("{title", "write {{ and }} for braces"),
        ("title}", "write {{ and }} for braces"),
        ("A film", "names no field"),
        ("", "names no field"),
    ],
)
def test_bad_templates_are_refused(part: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        text.check_template(["{title}", part], ["title", "mpaa rating"])
    assert str(caught.value).startswith(f"clean.text: {part!r}") and message in str(caught.value)


@given(st.text("{}abc:!.[]0 ", max_size=12))
def test_a_template_that_passes_can_be_rendered(part: str) -> None:
    try:
        text.check_template([part], ["a", "b.c"])
    except UserError:
        return
    assert isinstance(text.compose({"a": "x", "b.c": "y"}, options(text=[part])), str)
