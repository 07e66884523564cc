"""Cleaning of text: removes markup, entities, mojibake, control characters and odd spacing."""

import ast
import json
import re
import unicodedata
import warnings
from collections.abc import Collection
from functools import lru_cache
from html.parser import HTMLParser
from string import Formatter

import ftfy

from fusionrec.data.clean_options import Clean
from fusionrec.data.separator import SEPARATOR as SEPARATOR
from fusionrec.errors import UserError

# HTML elements inside a word: <b>big</b>ger; and those that end it
INLINE = (
    "a|abbr|acronym|b|bdi|bdo|big|blink|cite|code|data|del|dfn|em|font|i|ins|kbd|label|mark|nobr|q|rb|rp|"
    "rt|ruby|s|samp|small|span|strike|strong|sub|sup|time|tt|u|var|wbr"
)
BREAKING = (
    "address|applet|area|article|aside|audio|base|basefont|bgsound|blockquote|body|br|button|canvas|"
    "caption|center|col|colgroup|datalist|dd|details|dialog|dir|div|dl|dt|embed|fieldset|figcaption|"
    "figure|footer|form|frame|frameset|h1|h2|h3|h4|h5|h6|head|header|hgroup|hr|html|iframe|img|input|"
    "isindex|legend|li|link|main|map|marquee|math|menu|meta|meter|nav|noembed|noframes|noscript|object|"
    "ol|optgroup|option|output|p|param|picture|pre|progress|script|section|select|slot|source|style|"
    "summary|svg|table|tbody|td|template|textarea|tfoot|th|thead|title|tr|track|ul|video"
)
UNSEEN = {"script", "style"}
# what may follow an angle bracket: an element, a namespaced one (<o:p>, <my-card>), a declaration
MARKUP = rf"/?(?:{INLINE}|{BREAKING}|[a-z]\w*[:-]\w[\w:-]*)|!doctype|\?[a-z]+"
# all other angle brackets are text, and so are those not closed before the next one
STRAY = re.compile(rf"<(?!(?:{MARKUP})(?:[\s/?][^<>]*)?>)", re.IGNORECASE)
NO_CHARACTER = re.compile("&(?=#[0-9]{8})")  # a number too large for `html.unescape`
# control characters, soft hyphen, zero-width space, direction marks and overrides, word joiner, byte order
# mark, surrogates; not the joiners, selectors and tags that emoji and some scripts need
INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\ud800-\udfff]"
)
# only repairs that undo a wrong decoding; a sequence with lost parts stays as it is
REPAIRS = ftfy.TextFixerConfig(replace_lossy_sequences=False, explain=False)


class _Visible(HTMLParser):
    """Collects the text that a browser would show."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._break(tag)
        self.unseen += tag in UNSEEN

    def handle_endtag(self, tag: str) -> None:
        self._break(tag)
        self.unseen = max(0, self.unseen - (tag in UNSEEN))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._break(tag)

    def handle_data(self, data: str) -> None:
        if not self.unseen:
            self.parts.append(data)

    def _break(self, tag: str) -> None:
        if not re.fullmatch(INLINE, tag):
            self.parts.append(" ")


def strip_html(text: str) -> str:
    """The text that a browser would show: without tags, comments, scripts, styles; entities decoded once.

    Unlike in a browser, "<" is kept if it opens no HTML tag, or one that is never closed: "x<y", "I <3 you".
    The content of CDATA sections is kept. Takes linear time for any text.
    """
    if "<" not in text and "&" not in text:
        return text
    first, *commented = text.replace("<![CDATA[", "").replace("]]>", "").split("<!--")
    text = "".join([first, *(part.partition("-->")[2] for part in commented)])
    parser = _Visible()
    parser.feed(NO_CHARACTER.sub("&amp;", STRAY.sub("&lt;", text)))
    parser.close()
    return "".join(parser.parts)


def clean(text: str | None, options: Clean) -> str:
    """One line of plain text with its case; "" for None.

    Cleaning twice is the same as cleaning once, unless the result itself looks like an entity, a tag or mojibake:
    "&amp;lt;" becomes "&lt;", as in a browser.

    Args:
        text: raw.
        options: `strip_html`, `fix_mojibake` (by ftfy, only where its heuristic is sure), `unicode`.
    """
    if not isinstance(text, str):
        return ""
    return _plain(strip_html(text) if options.strip_html else text, options)


def _plain(text: str, options: Clean) -> str:
    """Without mojibake, in one Unicode form, without invisible characters, on one line."""
    if not text.isascii():
        if options.fix_mojibake:
            text = ftfy.fix_encoding(text, REPAIRS)
        text = INVISIBLE.sub("", text)
        if options.unicode != "none":
            text = unicodedata.normalize(options.unicode, text)
    elif not text.isprintable():
        text = INVISIBLE.sub("", text)
    return " ".join(text.split())


def split(value: str | None, options: Clean) -> list[str]:
    """The distinct values of a category, clean and sorted.

    Args:
        value: such as "Comedy|Animation", or a list as JSON or Python write it: ["Comedy", "Animation"]; the
            separators do not count inside of a list.
        options: `separators`, to which `SEPARATOR` is added; `lowercase`; those of `clean`.
    """
    if not isinstance(value, str):
        return []
    # entities first: "&amp;" contains a ";"
    value = strip_html(value) if options.strip_html else value
    listed = _listed(value.strip())
    if listed is None:
        for separator in options.separators:
            value = value.replace(separator, SEPARATOR)
        listed = value.split(SEPARATOR)
    parts = {_plain(part, options) for part in listed} - {""}
    return sorted({part.lower() for part in parts} if options.lowercase else parts)


def is_list(value: str) -> bool:
    """Whether `split` reads a value as a list that is written as JSON or Python."""
    return _listed(value.strip()) is not None


def _listed(value: str) -> list[str] | None:
    """The texts and numbers of a list that is written as JSON or Python; None if it is not such a list."""
    if not (value.startswith("[") and value.endswith("]")):
        return None
    for read in (json.loads, ast.literal_eval):
        try:
            with warnings.catch_warnings(action="ignore"):  # of escapes that Python does not know
                found = read(value)
            break
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            found = [[]]
    if not all(isinstance(each, str | int | float | None) for each in found):
        return None
    return [str(each) for each in found if each is not None]


def compose(fields: dict[str, str], options: Clean) -> str:
    """The text of an item for the language encoder: the parts of the template as sentences.

    Args:
        fields: clean values, "" if there is none: `title`, `description`, `tags` (all category values, joined
            by ", ") and each category by its name without prefix.
        options: `text`, the template (parts without any value are left out); `lowercase`.
    """
    parts = [_render(part, fields) for part in options.text]
    composed = " ".join(_sentence(part) for part in parts if part)
    return composed.lower() if options.lowercase else composed


def _render(part: str, fields: dict[str, str]) -> str:
    pieces = [(literal, "" if name is None else fields[name]) for literal, name, _, _ in _parse(part)]
    if not any(value for _, value in pieces):
        return ""
    return "".join(literal + value for literal, value in pieces).strip()


@lru_cache
def _parse(part: str) -> list[tuple[str, str | None, str | None, str | None]]:
    """(literal, name of the field after it, its format, its conversion), see `string.Formatter.parse`."""
    return list(Formatter().parse(part))


def _sentence(part: str) -> str:
    return part if part[-1] in ".!?…。！？" else part + "."


def check_template(template: list[str], names: Collection[str]) -> None:
    """Check that `compose` can render a template.

    Args:
        template: `clean.text`.
        names: of the existing fields.

    Raises:
        UserError: for an unknown field, a format or conversion in braces, a part without a field, and
            unbalanced braces.
    """
    known = ", ".join(f"{{{name}}}" for name in names)
    for part in template:
        try:
            fields = [field for field in _parse(part) if field[1] is not None]
        except ValueError as error:
            raise UserError(f"clean.text: {part!r}: {error}; write {{{{ and }}}} for braces") from None
        for _, name, form, conversion in fields:
            if name not in names:
                raise UserError(f"clean.text: {part!r}: unknown field {{{name}}}; known: {known}")
            if form or conversion:
                raise UserError(f"clean.text: {part!r}: {{{name}}} takes no format or conversion")
        if not fields:
            raise UserError(f"clean.text: {part!r} names no field; known: {known}")
