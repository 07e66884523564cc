"""A review as Markdown, for a pull request."""

import re
from collections.abc import Sequence
from html import escape

from fusionrec.review import list_changes, summary
from fusionrec.review.evidence import Plot, Shelf
from fusionrec.review.section import Section
from fusionrec.review.summary import Review

TITLES = 3  # of new and gone items, per user
SPECIAL = re.compile(r"([\\`*\[\]|~#]|(?<!\w)_|_(?!\w))")
MENTION = re.compile(r"(?<!\w)@")


def text(review: Review) -> str:
    """The whole review; one line where nothing differs."""
    a, b = plain(review.a), plain(review.b)
    if summary.same(review):
        return f"No difference between {a} and {b}.\n"
    parts = [f"# {b} against {a}"]
    parts += [_points(sentences) for sentences in (review.verdicts,) if sentences]
    parts += ["\n>\n".join(f"> **Warning:** {plain(warning)}" for warning in review.warnings)] * bool(
        review.warnings
    )
    parts += [_section(section) for section in review.sections]
    parts += [_users(review)] * bool(review.users) + [_plots(review.plots)] * bool(review.plots)
    parts += [_details(review.details)] * bool(review.details)
    return "\n\n".join(parts) + "\n"


def plain(words: str) -> str:
    """Text that Markdown shows as it is: no markup, no HTML, no mentions."""
    line = " ".join(words.split())
    return MENTION.sub("@&#8203;", SPECIAL.sub(r"\\\1", escape(line, quote=False)))


def _points(sentences: list[str]) -> str:
    return "\n".join(f"- {plain(sentence)}" for sentence in sentences)


def _section(section: Section) -> str:
    shown = [_table(section.head, section.rows, section.text)] if section.rows else []
    folded = [_fold(section.summary, _table(section.head, section.folded, section.text))] * bool(
        section.folded
    )
    return "\n\n".join([f"## {plain(section.title)}", *shown, *map(plain, section.notes), *folded])


def _fold(summary: str, inside: str) -> str:
    return f"<details><summary>{plain(summary)}</summary>\n\n{inside}\n\n</details>"


def _details(sections: list[Section]) -> str:
    inside = "\n\n".join(_section(section) for section in sections)
    return _fold("What else differs", inside)


def _table(head: list[str], rows: Sequence[list[str]], words: int) -> str:
    rule = ["---" if column < words else "---:" for column in range(len(head))]
    lines = [[plain(cell) for cell in head], rule, *([plain(cell) for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _users(review: Review) -> str:
    parts = ["## Users whose lists changed most", plain(review.users)]
    if review.shelves:
        rows = [_user(shelf) for shelf in review.shelves]
        parts.append(_table(["user", "gone", "new", "overlap"], rows, 3))
        parts.append(
            "Overlap: the mean, over depths d, of the share of items that the first d of both lists have in common; "
            "1 means identical lists."
        )
    return "\n\n".join(parts)


def _user(shelf: Shelf) -> list[str]:
    lists = shelf.changed
    return [
        lists.user,
        _titles(list_changes.removed(lists)),
        _titles(list_changes.added(lists)),
        f"{lists.overlap:.2f}",
    ]


def _titles(items: list[list_changes.Listed]) -> str:
    few = ", ".join(item.title or item.item_id for item in items[:TITLES])
    return few + (f" and {len(items) - TITLES} more" if len(items) > TITLES else "") or "–"


def _plots(plots: list[Plot]) -> str:
    names = ", ".join(plain(plot.name.removeprefix("plots/").removesuffix(".png")) for plot in plots)
    return f"## Plots that differ\n\n{names}. `fusionrec review --html` shows them side by side."
