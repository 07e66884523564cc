"""The page is self-contained and safe; where there is a browser, it says so too."""

import base64
import io
import re
import shutil
import subprocess
from html import escape
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fusionrec.recommend.gallery import Card, UserCards, page, thumbnail

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_browser = pytest.mark.skipif(BROWSER is None, reason="no chromium on the PATH")
EVIL = '"></style></title><script>document.title = "ran"</script><img src=x onerror="document.title=\'ran\'">'
TEAL, CORAL = (0, 128, 128), (255, 127, 80)


def picture(width: int = 400, height: int = 300, colour: tuple[int, int, int] = TEAL) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(buffer, "PNG")
    return buffer.getvalue()


def shelf(user: str = "u", recommendations: tuple[Card, ...] = ()) -> UserCards:
    return UserCards(user, "from 2 choices", [], [*recommendations])


class Page(HTMLParser):
    """All tags with their attributes, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def evil() -> str:
    card = Card(EVIL, EVIL, picture(), ((EVIL, EVIL),))
    return page([UserCards(EVIL, EVIL, [card, card._replace(picture=None)], [card])])


def test_whatever_comes_from_data_stays_text() -> None:
    found = Page(evil())
    names = [tag for tag, _ in found.tags]
    assert "script" not in names and names.count("img") == 2 and names.count("style") == 1
    assert not any(name.startswith("on") for _, attributes in found.tags for name in attributes)
    assert found.text.count(EVIL) == 3 + 3 * 4, (
        "user twice, basis; of 3 cards title, note and both parts of a reason"
    )
    style = re.search(r"<style>(.*?)</style>", evil(), re.DOTALL)
    assert style is not None and "script" not in style[1]


def test_nothing_is_loaded_from_elsewhere_and_nothing_may_run() -> None:
    found = Page(page([shelf(recommendations=(Card("t", "", picture()),))]))
    policy = [a["content"] for _, a in found.tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy == ["default-src 'none'; img-src data:; style-src 'unsafe-inline'"]
    for _, attributes in found.tags:
        for name in ("src", "href"):
            assert (attributes.get(name) or "#").startswith(("#", "data:image/jpeg;base64,"))
    assert "url(" not in page([shelf()]) and "@import" not in page([shelf()])


def test_pictures_are_embedded_small() -> None:
    html = page(
        [
            shelf(
                recommendations=(
                    Card("t", "", picture()),
                    Card("gone", "", None),
                )
            )
        ]
    )
    (data,) = re.findall(r"base64,([^\"]+)", html)
    image = Image.open(io.BytesIO(base64.b64decode(data)))
    assert image.format == "JPEG" and image.size == (240, 180)
    assert "no picture" in html


def test_thumbnails_repeat() -> None:
    assert thumbnail(picture()) == thumbnail(picture())


def test_every_user_has_a_link_to_a_section() -> None:
    found = Page(page([shelf("a"), shelf("b")]))
    links = [attributes["href"] for tag, attributes in found.tags if tag == "a"]
    assert links == ["#", *(f"#{a['id']}" for tag, a in found.tags if tag == "section")]
    assert "None is known." in found.text and "Nothing is left." in found.text


def browse(tmp_path: Path, html: str, *arguments: str, anchor: str = "") -> str:
    (tmp_path / "page.html").write_text(html, encoding="utf-8")
    assert BROWSER is not None
    started = [
        BROWSER,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={tmp_path / 'profile'}",
    ]
    done = subprocess.run(
        [*started, *arguments, f"file://{tmp_path / 'page.html'}{anchor}"],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return done.stdout


def pixels(tmp_path: Path, html: str, colour: tuple[int, int, int], anchor: str = "") -> int:
    """How many pixels of the page, as it is shown, have nearly that colour."""
    shot = tmp_path / "shot.png"
    browse(tmp_path, html, "--window-size=900,1200", f"--screenshot={shot}", anchor=anchor)
    seen = np.asarray(Image.open(shot).convert("RGB")).astype(int)
    return int((np.abs(seen - colour).max(2) < 8).sum())


@needs_browser
def test_in_a_browser_a_script_in_a_title_does_not_run(tmp_path: Path) -> None:
    shown = browse(tmp_path, evil(), "--dump-dom")
    assert "<title>Recommendations</title>" in shown and "<script" not in shown
    unsafe = re.sub(r"<meta http-equiv[^>]*>", "", evil()).replace(escape(EVIL), EVIL)
    assert "<title>ran</title>" in browse(tmp_path, unsafe, "--dump-dom"), "it would, were it not escaped"
    blocked = evil().replace(escape(EVIL), EVIL)
    assert "<title>Recommendations</title>" in browse(tmp_path, blocked, "--dump-dom"), (
        "the policy alone forbids it"
    )


@needs_browser
def test_in_a_browser_pictures_are_seen_and_users_can_be_chosen(tmp_path: Path) -> None:
    first = shelf("a", recommendations=(Card("t", "", picture(300, 400, TEAL)),))
    second = shelf("b", recommendations=(Card("t", "", picture(300, 400, CORAL)),))
    html = page([first, second])
    assert pixels(tmp_path, html, TEAL) > 10_000 and pixels(tmp_path, html, CORAL) > 10_000
    assert pixels(tmp_path, html, TEAL, "#u1") == 0 and pixels(tmp_path, html, CORAL, "#u1") > 10_000
    without = page([first._replace(recommendations=[Card("t", "", None)])])
    assert pixels(tmp_path, without, TEAL) == 0
