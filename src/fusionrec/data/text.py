"""Text of the outside world made plain: markup, entities, control characters and odd spacing removed."""

import re
import unicodedata
from html.parser import HTMLParser

UNSEEN = {"script", "style"}
# control characters, soft hyphen, zero-width space, word joiner, byte order mark, direction overrides;
# not the joiners that emoji and some scripts are made with
INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u200b\u2060\ufeff\u202a-\u202e\u2066-\u2069]"
)
SPACES = re.compile(r"\s+")


class _Visible(HTMLParser):
    """Collects what a browser would show."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.parts.append(" ")
        self.unseen += tag in UNSEEN

    def handle_endtag(self, tag: str) -> None:
        self.parts.append(" ")
        self.unseen = max(0, self.unseen - (tag in UNSEEN))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.parts.append(" ")

    def handle_data(self, data: str) -> None:
        if not self.unseen:
            self.parts.append(data)


def strip_html(text: str) -> str:
    """Without tags, scripts and styles, entities decoded."""
    if "<" not in text and "&" not in text:
        return text
    parser = _Visible()
    parser.feed(text)
    parser.close()
    return "".join(parser.parts)


def clean(text: str | None) -> str:
    """One line of plain text in Unicode form NFKC, case kept; "" for None."""
    if not isinstance(text, str):
        return ""
    text = unicodedata.normalize("NFKC", strip_html(text))
    return SPACES.sub(" ", INVISIBLE.sub("", text)).strip()


def split(value: str | None, separator: str, lowercase: bool) -> list[str]:
    """The values of a category, clean, sorted and each once.

    Args:
        value: such as "Comedy|Animation".
        separator: what stands between the values.
        lowercase: whether case is dropped.
    """
    if not isinstance(value, str):
        return []
    parts = {clean(part.lower() if lowercase else part) for part in value.split(separator)}
    return sorted(parts - {""})


def compose(title: str, tags: list[str], description: str) -> str:
    """What the language encoder reads of an item: its clean parts as sentences, empty ones left out."""
    return " ".join(_sentence(part) for part in (title, ", ".join(tags), description) if part)


def _sentence(part: str) -> str:
    return part if part[-1] in ".!?…。！？" else part + "."
