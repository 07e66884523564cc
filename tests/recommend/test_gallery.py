"""The page is self-contained and safe."""

import base64
import io
import re
from html.parser import HTMLParser

from PIL import Image

from fusionrec.recommend.gallery import Card, Shelf, page, shelves, thumbnail


def picture(width: int = 400, height: int = 300) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(buffer, "PNG")
    return buffer.getvalue()


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)


def test_hostile_titles_and_users_stay_text() -> None:
    evil = '"><script>alert(1)</script><img src=x onerror=alert(2)>'
    html = page([Shelf(evil, [Card(evil, evil, None)], [Card(evil, evil, picture())])])
    tags = Tags(html).seen
    assert "script" not in tags and tags.count("img") == 1
    assert "&lt;script&gt;" in html


def test_nothing_is_loaded_from_elsewhere() -> None:
    html = page([Shelf("u", [], [Card("t", "", picture())])])
    assert "default-src 'none'" in html
    assert re.findall(r'(?:src|href)="(?!data:image/jpeg;base64,)', html) == []


def test_pictures_are_embedded_small_and_load() -> None:
    html = page([Shelf("u", [], [Card("t", "", picture()), Card("gone", "", None)])])
    (data,) = re.findall(r"base64,([^\"]+)", html)
    image = Image.open(io.BytesIO(base64.b64decode(data)))
    assert image.format == "JPEG" and image.size == (176, 132)
    assert "no picture" in html


def test_thumbnails_repeat() -> None:
    assert thumbnail(picture()) == thumbnail(picture())


def test_shelves_put_cards_in_order() -> None:
    (shelf,) = shelves(
        ["u"], [[2, 1]], [[(5, 0.5), (4, 0.25)]], lambda item, note: Card(str(item), note, None)
    )
    assert [card.title for card in shelf.history] == ["2", "1"]
    assert [(card.title, card.note) for card in shelf.recommendations] == [
        ("5", "score 0.50"),
        ("4", "score 0.25"),
    ]
