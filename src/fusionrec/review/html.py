"""A review as a page: one file, no script, no network."""

import base64
from collections.abc import Iterable, Sequence
from html import escape

from fusionrec.recommend import gallery
from fusionrec.review import summary
from fusionrec.review.evidence import Plot, Shelf
from fusionrec.review.section import Section
from fusionrec.review.summary import Review

STYLE = """
main { padding-bottom: 3rem; }
main > section { display: block; padding: 1.2rem 0 1.6rem; }
h1 { margin-bottom: .6rem; }
.verdict { font-size: 1.05rem; margin: 0; padding-left: 1.1rem; }
.warning { background: var(--tint); border-left: 3px solid var(--accent); margin: 1rem 0 0; padding: .6rem .9rem; }
.note { display: block; font-size: .85rem; margin: .5rem 0 0; max-width: 52rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .88rem; margin-top: .7rem; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem 1.1rem .3rem 0; text-align: left;
  vertical-align: top; overflow-wrap: break-word; }
th { color: var(--soft); font-weight: 600; }
.n { font-variant-numeric: tabular-nums; text-align: right; white-space: nowrap; }
.pair { display: grid; gap: 1rem; grid-template-columns: repeat(2, minmax(0, 1fr)); margin-top: .5rem; }
.pair img { background: #fff; border: 1px solid var(--line); border-radius: 8px; width: 100%; }
.pair figcaption { color: var(--soft); font-size: .8rem; }
summary { cursor: pointer; margin-top: .7rem; }
main > details { border-top: 1px solid var(--line); padding-top: 1.2rem; }
main > details > summary { font-size: 1.2rem; font-weight: 600; margin: 0; }
.user { margin-top: 1.6rem; }
.past .note { color: var(--accent); font-size: inherit; font-weight: 600; margin: 0; }
.past figcaption:has(b) { display: block; }
.past b { display: -webkit-box; overflow: hidden; -webkit-box-orient: vertical; -webkit-line-clamp: 2; }
@media (max-width: 520px) { .pair { grid-template-columns: 1fr; } }
"""


def page(review: Review) -> str:
    """The HTML page; everything that comes from data is escaped, and none of it is in the style."""
    title = f"{escape(review.b)} against {escape(review.a)}"
    if summary.same(review):
        body = f"<p>No difference between {escape(review.a)} and {escape(review.b)}.</p>"
    else:
        body = "\n".join(_parts(review, title))
    return gallery.document(title, gallery.STYLE + STYLE, f"<main>\n{body}\n</main>")


def _parts(review: Review, title: str) -> Iterable[str]:
    points = "".join(f"<li>{escape(sentence)}</li>" for sentence in review.verdicts)
    warnings = "".join(f'<p class="warning">{escape(warning)}</p>' for warning in review.warnings)
    verdict = f'<ul class="verdict">{points}</ul>' if points else ""
    yield f"<section>\n<h1>{title}</h1>\n{verdict}{warnings}\n</section>"
    yield from (_section(section) for section in review.sections)
    if review.users:
        users = "\n".join(_user(shelf, review) for shelf in review.shelves)
        yield (
            f"<section>\n<h2>Users whose lists changed most</h2>\n{_note(review.users)}\n{users}\n</section>"
        )
    if review.plots:
        plots = "\n".join(_plot(plot, review) for plot in review.plots)
        yield f"<section>\n<h2>Plots that differ</h2>\n{plots}\n</section>"
    if review.details:
        inside = "\n".join(_section(section) for section in review.details)
        yield f"<details><summary>What else differs</summary>\n{inside}\n</details>"


def _section(section: Section) -> str:
    notes = "".join(map(_note, section.notes))
    folded = (
        f"<details><summary>{escape(section.summary)}</summary>\n{_table(section, section.folded)}\n</details>\n"
        if section.folded
        else ""
    )
    shown = _table(section, section.rows) if section.rows else ""
    return f"<section>\n<h2>{escape(section.title)}</h2>\n{shown}\n{notes}\n{folded}</section>"


def _table(section: Section, rows: Sequence[list[str]]) -> str:
    head = _row("th", section.head, section.text)
    body = "\n".join(_row("td", row, section.text) for row in rows)
    return f'<div class="wide"><table>\n<thead>{head}</thead>\n<tbody>\n{body}\n</tbody>\n</table></div>'


def _row(tag: str, cells: list[str], words: int) -> str:
    figure = f'<{tag} class="n">'
    inside = (
        f"{f'<{tag}>' if column < words else figure}{escape(cell)}</{tag}>"
        for column, cell in enumerate(cells)
    )
    return f"<tr>{''.join(inside)}</tr>"


def _note(sentence: str) -> str:
    return f'<p class="note">{escape(sentence)}</p>'


def _user(shelf: Shelf, review: Review) -> str:
    shown = [(name, cards) for name, cards in ((review.a, shelf.a), (review.b, shelf.b))]
    history = f'<h3>Chosen, newest first</h3><ol class="past">{gallery.cards(shelf.history)}</ol>'
    listed = "".join(
        f'<h3>{escape(name)}</h3><ol class="past">{gallery.cards(cards, ranked=True)}</ol>'
        for name, cards in shown
    )
    return (
        f'<div class="user"><h2>{escape(shelf.changed.user)} <small>overlap {shelf.changed.overlap:.2f}</small></h2>'
        f"{history if shelf.history else ''}{listed}</div>"
    )


def _plot(plot: Plot, review: Review) -> str:
    name = plot.name.removeprefix("plots/").removesuffix(".png")
    pair = "".join(_picture(name, side, png) for side, png in ((review.a, plot.a), (review.b, plot.b)))
    return f'<h3>{escape(name)}</h3><div class="pair">{pair}</div>'


def _picture(name: str, side: str, png: bytes | None) -> str:
    if png is None:
        return f"<figure><p>None.</p><figcaption>{escape(side)}</figcaption></figure>"
    data = base64.b64encode(png).decode("ascii")
    alt = escape(f"{name} of {side}")
    return (
        f'<figure><img alt="{alt}" src="data:image/png;base64,{data}">'
        f"<figcaption>{escape(side)}</figcaption></figure>"
    )
