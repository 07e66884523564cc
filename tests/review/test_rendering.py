"""Both renderings: complete, and nothing of the data is markup."""

import re

from fusionrec.recommend.gallery import Card
from fusionrec.review import html, markdown, summary
from fusionrec.review.evidence import Plot, Shelf
from fusionrec.review.list_changes import Changed, Listed
from fusionrec.review.section import Section
from fusionrec.review.summary import Review

EVIL = "<img src=x onerror=\"alert(1)\">|`@someone` *b* [l](http://x)\n# h & 'q'"
NOTHING = Review("HEAD", "workspace", [], [], [], [], [], [], "")


def full(words: str) -> Review:
    section = Section(words, [words, words], [[words, words]], 1, [words], [[words, words]], words)
    changed = Changed(words, [Listed("i", words)], [Listed("j", words)], 0.0)
    shelf = Shelf(changed, [Card(words, words, None)], [Card(words, words, None)], [Card(words, "", None)])
    return Review(
        words, words, [words], [words], [section], [section], [Plot(words, b"png", None)], [shelf], words
    )


def test_nothing_is_said_where_nothing_differs() -> None:
    assert summary.same(NOTHING)
    assert markdown.text(NOTHING) == "No difference between HEAD and workspace.\n"
    body = html.page(NOTHING).partition("<body>")[2]
    assert re.sub(r"<[^>]*>", "", body).split() == [
        "No",
        "difference",
        "between",
        "HEAD",
        "and",
        "workspace.",
    ]


def test_each_part_is_a_difference() -> None:
    for name, value in full("x")._asdict().items():
        if name not in ("a", "b"):
            assert not summary.same(NOTHING._replace(**{name: value})), name


def test_html_escapes_all_that_comes_from_data() -> None:
    page, plain = html.page(full(EVIL)), html.page(full("x"))
    tag = re.compile(r"<[a-z/!][^>]*>")
    assert "onerror=&quot;" in page and not re.search(r"<img src=x", page)
    attributes = re.compile(r'"[^"]*"')
    assert [attributes.sub("", x) for x in tag.findall(page)] == [
        attributes.sub("", x) for x in tag.findall(plain)
    ]


def test_the_page_needs_no_network() -> None:
    page = html.page(full("x"))
    assert "default-src 'none'" in page and "http" not in page.replace("http-equiv", "")
    assert "<script" not in page and "url(" not in page and 'src="data:image/png;base64,cG5n"' in page


def test_markdown_shows_data_as_it_is() -> None:
    text = markdown.plain(EVIL)
    assert "<" not in text and "\n" not in text and "\\|" in text and "\\`" in text and "\\*b\\*" in text
    assert not re.search(r"@\w", text) and markdown.plain("ndcg@10 of item_knn") == "ndcg@10 of item_knn"
    rows = [line for line in markdown.text(full(EVIL)).splitlines() if line.startswith("| ")]
    widths = {len(re.findall(r"(?<!\\)\|", row)) for row in rows}
    assert widths == {3, 5}, "two columns, and four of users"


def test_further_rows_are_folded() -> None:
    few = Section("Slices", ["slice", "n"], [], 1, ["No slice got worse."], [["cold", "3"]], "1 slice & more")
    review = NOTHING._replace(sections=[few])
    page, text = html.page(review), markdown.text(review)
    assert "<details><summary>1 slice &amp; more</summary>" in page and "<details><summary>1 slice" in text
    for rendered in (page, text):
        head, _, folded = rendered.partition("<details><summary>1 slice")
        assert "No slice got worse." in head and "cold" not in head and "cold" in folded
    assert page.count("<table>") == 1, "without rows there is no table above"
