"""A page of recommendations with pictures: one file, no script, no network."""

import base64
import io
from collections.abc import Callable
from html import escape
from typing import NamedTuple

from PIL import Image

EDGE = 176  # pixels of a thumbnail's longer edge
STYLE = """
:root { color-scheme: light dark; --line: #8883; --soft: #8889; }
body { font: 15px/1.4 system-ui, sans-serif; margin: 0 auto; max-width: 1180px; padding: 1.5rem; }
h1 { font-size: 1.5rem; margin: 0 0 .3rem; } h2 { font-size: 1.05rem; margin: 0; }
section { border-top: 1px solid var(--line); padding: 1.2rem 0; }
h3 { font-size: .8rem; font-weight: 600; letter-spacing: .04em; margin: .9rem 0 .4rem; opacity: .65;
  text-transform: uppercase; }
ol { display: grid; gap: .9rem; grid-template-columns: repeat(auto-fill, minmax(98px, 1fr)); list-style: none;
  margin: 0; padding: 0; }
figure { margin: 0; } figcaption { font-size: .78rem; margin-top: .35rem; overflow-wrap: anywhere; }
.frame { align-items: center; aspect-ratio: 3 / 4; background: #8881; border-radius: 6px; display: flex;
  justify-content: center; overflow: hidden; }
.frame img { height: 100%; object-fit: contain; width: 100%; }
.none { font-size: .75rem; opacity: .6; } small { display: block; opacity: .6; }
.past .frame { opacity: .8; }
"""


class Card(NamedTuple):
    """One item: `picture` is JPEG, PNG or WebP bytes, or None; `note` stands below the title."""

    title: str
    note: str
    picture: bytes | None


class Shelf(NamedTuple):
    """One user's history and recommendations."""

    user: str
    history: list[Card]
    recommendations: list[Card]


def page(shelves: list[Shelf]) -> str:
    """The HTML page; whatever comes from data is escaped."""
    body = "\n".join(_section(shelf) for shelf in shelves)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\n"
        f"<title>Recommendations</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f"<h1>Recommendations</h1>\n<p>{len(shelves)} users: what they chose last, and what is recommended.</p>\n"
        f"{body}\n</body>\n</html>\n"
    )


def _section(shelf: Shelf) -> str:
    return (
        f"<section>\n<h2>User {escape(shelf.user)}</h2>\n"
        f'<h3>History, newest first</h3>\n<ol class="past">{_cards(shelf.history)}</ol>\n'
        f"<h3>Recommended</h3>\n<ol>{_cards(shelf.recommendations)}</ol>\n</section>"
    )


def _cards(cards: list[Card]) -> str:
    return "\n".join(
        f'<li><figure><div class="frame">{_picture(card)}</div>'
        f"<figcaption>{escape(card.title) or '(no title)'}<small>{escape(card.note)}</small></figcaption></figure></li>"
        for card in cards
    )


def _picture(card: Card) -> str:
    if card.picture is None:
        return '<span class="none">no picture</span>'
    encoded = base64.b64encode(thumbnail(card.picture)).decode("ascii")
    return (
        f'<img alt="{escape(card.title, quote=True)}" loading="lazy" src="data:image/jpeg;base64,{encoded}">'
    )


def thumbnail(picture: bytes, edge: int = EDGE) -> bytes:
    """A small JPEG of a valid picture."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    image.thumbnail((edge, edge), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


def shelves(
    users: list[str],
    histories: list[list[int]],
    lists: list[list[tuple[int, float]]],
    card: Callable[[int, str], Card],
) -> list[Shelf]:
    """Put cards to users: `card(item row, note)` makes one; `lists` holds (item row, score)."""
    return [
        Shelf(
            user,
            [card(item, "") for item in past],
            [card(item, f"score {score:.2f}") for item, score in ranked],
        )
        for user, past, ranked in zip(users, histories, lists, strict=True)
    ]
