"""A page of recommendations with pictures: one file, without scripts or network access.

CSS alone shows the user that is selected.
"""

import base64
import io
from html import escape
from typing import NamedTuple

from PIL import Image

EDGE = 240  # pixels of a thumbnail's longer edge
STYLE = """
:root { color-scheme: light dark; --ground: #f6f5f2; --card: #fff; --ink: #1d1c1a; --soft: #6d6a64;
  --line: #e3e0d9; --frame: #f0eee9; --accent: #0b6b63; --tint: #e4efed; }
@media (prefers-color-scheme: dark) { :root { --ground: #161615; --card: #211f1d; --ink: #eeece8;
  --soft: #a19d95; --line: #35322e; --frame: #292724; --accent: #6ccabf; --tint: #1d3330; } }
* { box-sizing: border-box; }
body { background: var(--ground); color: var(--ink); font: 15px/1.45 system-ui, sans-serif; margin: 0; }
main, .top { margin: 0 auto; max-width: 1240px; padding: 0 1.5rem; }
.top { padding-top: 1.8rem; }
h1 { font-size: 1.7rem; letter-spacing: -.02em; line-height: 1.2; margin: 0 0 .2rem; }
.top p { color: var(--soft); margin: 0; }
nav { background: var(--ground); border-bottom: 1px solid var(--line); margin-top: 1rem; position: sticky;
  top: 0; z-index: 1; }
nav div { display: flex; gap: .4rem; margin: 0 auto; max-width: 1240px; overflow-x: auto;
  padding: .7rem 1.5rem; scrollbar-width: thin; }
nav a { background: var(--card); border: 1px solid var(--line); border-radius: 99px; color: inherit;
  flex: none; font-size: .85rem; max-width: 16rem; overflow: hidden; padding: .2rem .8rem;
  text-decoration: none; text-overflow: ellipsis; white-space: nowrap; }
nav a:hover, nav a:focus-visible { border-color: var(--accent); }
section { padding: 1.6rem 0 2rem; scroll-margin-top: 3.5rem; }
section + section { border-top: 1px solid var(--line); }
main:has(:target) section:not(:target) { display: none; }
section:target { border: 0; }
h2 { font-size: 1.2rem; margin: 0; overflow-wrap: anywhere; }
h2 small { background: var(--tint); border-radius: 99px; color: var(--accent); font-size: .75rem;
  font-weight: 500; margin-left: .5rem; padding: .15rem .6rem; vertical-align: .1em; white-space: nowrap; }
h3 { color: var(--soft); font-size: .8rem; font-weight: 600; margin: 1.1rem 0 .5rem; }
ol { display: grid; gap: .9rem; list-style: none; margin: 0; padding: 0; }
.past { display: flex; gap: .6rem; overflow-x: auto; padding-bottom: .4rem; scrollbar-width: thin; }
.past li { flex: none; width: 92px; }
.list { grid-template-columns: repeat(auto-fill, minmax(205px, 1fr)); }
figure { margin: 0; }
.list figure { background: var(--card); border: 1px solid var(--line); border-radius: 12px; height: 100%;
  overflow: hidden; }
.frame { align-items: center; background: var(--frame); display: flex; justify-content: center;
  overflow: hidden; position: relative; }
.frame { aspect-ratio: 3 / 4; }
.past .frame { border-radius: 8px; }
.frame img { height: 100%; object-fit: contain; position: absolute; width: 100%; }
.none { color: var(--soft); font-size: .75rem; }
.rank { background: #000b; border-radius: 99px; color: #fff; font-size: .75rem; font-weight: 600; left: .5rem;
  min-width: 1.7em; padding: .1rem .4rem; position: absolute; text-align: center; top: .5rem; z-index: 1; }
figcaption { overflow-wrap: anywhere; }
.list figcaption { padding: .6rem .75rem .8rem; }
.past figcaption { color: var(--soft); display: -webkit-box; font-size: .72rem; line-height: 1.3;
  margin-top: .3rem; overflow: hidden; -webkit-box-orient: vertical; -webkit-line-clamp: 2; }
.list b { display: block; font-weight: 600; line-height: 1.3; }
.note { color: var(--soft); display: block; font-size: .8rem; }
dl { border-top: 1px solid var(--line); font-size: .76rem; line-height: 1.35; margin: .55rem 0 0;
  padding-top: .45rem; }
dt { color: var(--soft); } dd { margin: 0 0 .3rem; } dd:last-child { margin: 0; }
@media (max-width: 520px) { main, .top, nav div { padding-left: 1rem; padding-right: 1rem; }
  .list { gap: .7rem; grid-template-columns: 1fr 1fr; } .past li { width: 76px; } }
"""


class Card(NamedTuple):
    """What the page shows of one item.

    Attributes:
        title: the item's title.
        note: text below the title.
        picture: JPEG, PNG or WebP bytes; None if the item has no picture.
        reasons: why the item is recommended: pairs of what is compared, and the item that it is similar to.
    """

    title: str
    note: str
    picture: bytes | None
    reasons: tuple[tuple[str, str], ...] = ()


class UserCards(NamedTuple):
    """What the page shows of one user.

    Attributes:
        user: the user's id.
        basis: what the list is based on, in words.
        history: items that the user chose, newest first.
        recommendations: best first.
    """

    user: str
    basis: str
    history: list[Card]
    recommendations: list[Card]


def page(shown: list[UserCards]) -> str:
    """The HTML page. Text from the data is escaped, and never becomes part of the style."""
    users = "\n".join(
        f'<a href="#u{n}">{escape(cards_of_user.user)}</a>' for n, cards_of_user in enumerate(shown)
    )
    sections = "\n".join(_section(n, cards_of_user) for n, cards_of_user in enumerate(shown))
    selected = "".join(
        f'body:has(#u{n}:target) nav a[href="#u{n}"] {{ background: var(--accent); color: var(--ground); }}\n'
        for n in range(len(shown))
    )
    count = f"{len(shown):,} user{'' if len(shown) == 1 else 's'}"
    return document(
        "Recommendations",
        STYLE + selected,
        f'<header class="top">\n<h1>Recommendations</h1>\n<p>{count}: what they chose last, what is recommended, '
        "and what of their history it is most like.</p>\n</header>\n"
        f'<nav aria-label="Users"><div>\n<a href="#">All users</a>\n{users}\n</div></nav>\n'
        f"<main>\n{sections}\n</main>",
    )


def document(title: str, style: str, body: str, refresh: int | None = None) -> str:
    """An HTML file that loads nothing and runs no script; the caller has escaped all text from the data.

    Args:
        title: of the page.
        style: CSS.
        body: HTML.
        refresh: after how many seconds a browser reads the file again; None: never.
    """
    again = "" if refresh is None else f'<meta http-equiv="refresh" content="{refresh}">\n'
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n{again}'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\n"
        f"<title>{title}</title>\n<style>{style}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _section(number: int, shown: UserCards) -> str:
    history = f'<ol class="past">{cards(shown.history)}</ol>' if shown.history else "<p>None is known.</p>"
    listed = f'<ol class="list">{cards(shown.recommendations, True)}</ol>'
    return (
        f'<section id="u{number}">\n<h2>{escape(shown.user)} <small>{escape(shown.basis)}</small></h2>\n'
        f"<h3>Chosen, newest first</h3>\n{history}\n"
        f"<h3>Recommended</h3>\n{listed if shown.recommendations else '<p>Nothing is left.</p>'}\n</section>"
    )


def cards(cards: list[Card], ranked: bool = False) -> str:
    """The cards as HTML list items; with `ranked` they are numbered from 1."""
    return "\n".join(_card(card, rank if ranked else None) for rank, card in enumerate(cards, 1))


def _card(card: Card, rank: int | None) -> str:
    number = "" if rank is None else f'<span class="rank">{rank}</span>'
    title = escape(card.title) or "(no title)"
    caption = title if rank is None else f"<b>{title}</b>"
    note = f'<span class="note">{escape(card.note)}</span>' if card.note else ""
    reasons = "".join(
        f"<dt>{escape(compared)}</dt><dd>{escape(similar)}</dd>" for compared, similar in card.reasons
    )
    return (
        f'<li><figure><div class="frame">{number}{_picture(card)}</div><figcaption>{caption}{note}'
        f"{f'<dl>{reasons}</dl>' if reasons else ''}</figcaption></figure></li>"
    )


def _picture(card: Card) -> str:
    if card.picture is None:
        return '<span class="none">no picture</span>'
    encoded = base64.b64encode(thumbnail(card.picture)).decode("ascii")
    return (
        f'<img alt="{escape(card.title, quote=True)}" loading="lazy" src="data:image/jpeg;base64,{encoded}">'
    )


def thumbnail(picture: bytes, edge: int = EDGE) -> bytes:
    """A JPEG of a picture, with a longer edge of at most `edge` pixels.

    Args:
        picture: bytes of a valid picture.
        edge: in pixels.
    """
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    image.thumbnail((edge, edge), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()
