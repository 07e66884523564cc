"""What the values of a column look like: numbers, times and their unit, lists, categories, texts."""

import re
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from functools import cached_property, partial
from itertools import pairwise

import pandas as pd

from fusionrec.data import parsing, text
from fusionrec.data.reading import notation

SHARED = 0.6  # of the parts of categories
SHARED_NAMES = 0.25  # of the names in columns of people and firms
MOST = 0.95  # share of the values that must fit
TRIED = 2000  # values that formats are tried on
SEPARATORS = ["|", ";", ",", ">", "/"]
EPOCHS = {"": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}  # unit -> counts of a second
EARLIEST, LATEST = 631_152_000, 2_051_222_400  # 1990 and 2035: counts outside of them are hardly times
DATES = [
    "%d.%m.%Y", "%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S", "%d.%m.%y", "%d-%m-%Y", "%d-%m-%Y %H:%M", "%d-%m-%Y %H:%M:%S",
    "%d/%m/%Y", "%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M:%S", "%m/%d/%Y", "%m/%d/%Y %H:%M", "%m/%d/%Y %H:%M:%S",
    "%Y/%m/%d", "%Y/%m/%d %H:%M", "%Y/%m/%d %H:%M:%S", "%m/%d/%Y %I:%M %p", "%m/%d/%Y %I:%M:%S %p",
    "%d %b %Y", "%b %d, %Y", "%B %d, %Y", "%d %B %Y", "%d-%b-%Y", "%a %b %d %H:%M:%S %Y", "%m %d, %Y",
]  # fmt: skip
ISO = r"[0-9]{4}-[0-9]{2}(-[0-9]{2}([T ][0-9]{2}:[0-9]{2}.*)?)?|[0-9]{8}T[0-9]{4,}.*"
POINT, COMMA = r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?", notation.COMMA.strip("^$")
URL = r"https?://\S+|//\S+\.\S+"
NAMES = (  # of columns that name people or firms: most have few items, but what is known of them helps
    "actors?|artists?|authors?|autor|autoren|band|brands?|cast|composers?|creators?|designers?|directors?|hersteller|"
    "kuenstler|labels?|makers?|manufacturers?|marke|publishers?|regisseur|sellers?|singers?|starring|studios?|vendors?|"
    "verlag|writers?"
)
FILE = r"[^\s/]+\.(jpe?g|png|webp|gif|bmp|tiff?)"


class Column:
    """One column of a sample.

    Args:
        name: in the file.
        values: strings, None where there is nothing.
    """

    def __init__(self, name: str, values: list[str | None]):
        self.name = name
        self.filled = [value for value in values if value is not None and value.strip()]
        self.share = len(self.filled) / max(1, len(values))
        self.counts = Counter(self.filled)

    @cached_property
    def usual(self) -> set[str]:
        """The usual forms of all values, see `parsing.usual_form`."""
        return set(parsing.usual_form(pd.Index(list(self.counts), dtype="str")))

    @property
    def is_unique(self) -> bool:
        """Whether hardly any value occurs twice, and hardly any is missing: an id of the rows."""
        return bool(self.filled) and self.share >= MOST and len(self.counts) >= MOST * len(self.filled)

    @property
    def repeats(self) -> float:
        """How often a value occurs, on average."""
        return len(self.filled) / max(1, len(self.counts))

    @cached_property
    def tried(self) -> list[str]:
        """Distinct values to try formats on, without the spaces around them."""
        return [value.strip() for value in list(self.counts)[:TRIED]]

    def fits(self, pattern: str) -> bool:
        """Whether most values match a pattern as a whole."""
        return self._most(lambda value: re.fullmatch(pattern, value, re.IGNORECASE))

    def _most(self, test: Callable[[str], object]) -> bool:
        return bool(self.tried) and sum(bool(test(value)) for value in self.tried) >= MOST * len(self.tried)

    @cached_property
    def decimal(self) -> str | None:
        """The sign before fractions, if the values are numbers; None if they are not."""
        if self.fits(POINT):
            return "."
        return "," if self.fits(COMMA) else None

    @cached_property
    def numbers(self) -> list[float]:
        """The values as numbers, those that are."""
        comma = self.decimal == ","
        read = []
        for value in self.filled:
            plain = re.sub(notation.GROUPING, "", value.strip()).replace(",", ".") if comma else value.strip()
            if re.fullmatch(POINT, plain):
                read.append(float(plain))
        return read

    @cached_property
    def time(self) -> list[str]:
        """The notations of `tables.Format.time` that the values may be times in; "" is that of ISO 8601 and seconds."""
        if self.fits(ISO):
            return [""]
        if self.fits("(19|20)[0-9]{2}(0[1-9]|1[0-2])[0-3][0-9]"):
            return ["%Y%m%d"]
        if self.fits("-?[0-9]{9,19}"):
            middle = sorted(map(int, self.tried))[len(self.tried) // 2]
            return [unit for unit, count in EPOCHS.items() if EARLIEST <= middle / count <= LATEST]
        likely = [form for form in DATES if any(_is_date(value, form) for value in self.tried[:5])]
        return [form for form in likely if self._most(partial(_is_date, form=form))]

    @cached_property
    def is_list(self) -> bool:
        """Whether the values are lists in the notation of JSON or Python."""
        return self._most(lambda value: text.is_list(value))

    @cached_property
    def is_nested(self) -> bool:
        """Whether the values are objects, or lists of objects, in JSON."""
        return self.fits(r"(?s)[\[{].*[\]}]") and not self.is_list

    @cached_property
    def separator(self) -> str | None:
        """What stands between several categories in one value; None if a value is one category.

        The parts are short, and most of them occur in other values too, except in paths such as "Home > Kitchen". If
        hardly any value occurs twice, as in titles, there must be far fewer different parts than values. Columns that
        `lists_names` need less.
        """
        if self.decimal or self.time or self.is_list or self.is_nested:
            return None
        for separator in SEPARATORS:
            several = [value for value in self.counts if separator in value]
            parts = Counter(part.strip() for value in self.counts for part in set(value.split(separator)))
            inside = [parts[part.strip()] for value in several for part in value.split(separator)]
            words = sum(len(part.split()) * count for part, count in parts.items()) / max(1, parts.total())
            is_path = separator == ">" and all(" > " in value for value in several)
            least = SHARED_NAMES if self.lists_names else SHARED
            shared = is_path or sum(count > 1 for count in inside) >= least * len(inside)
            distinct = self.lists_names or self.repeats >= 1.5 or len(parts) <= 0.5 * len(self.counts)
            if len(several) >= 0.1 * len(self.counts) and several and shared and distinct and words <= 3:
                return separator
        return None

    @cached_property
    def lists_names(self) -> bool:
        """Whether its name says that it holds people or firms, such as actors or brands."""
        return bool(named([self], NAMES))

    @property
    def is_amount(self) -> bool:
        """Whether the values are numbers with a currency or a unit."""
        return not self.decimal and not self.time and self.fits(r"\D{0,5}[0-9][0-9.,' ]*\D{0,5}")

    @cached_property
    def is_category(self) -> bool:
        """Whether the values are few, short and repeated, or lists of such values."""
        if self.is_list:
            return self.words <= 12
        if self.separator:
            return True
        return (
            not (self.time or self.is_nested)
            and self.words <= 4
            and self.repeats >= (1.2 if self.lists_names else 3)
            and 2 <= len(self.counts) <= 2000
        )

    @cached_property
    def words(self) -> float:
        """The mean number of words of a value."""
        return sum(len(value.split()) for value in self.tried) / max(1, len(self.tried))

    @property
    def is_text(self) -> bool:
        """Whether the values are words, or lists of sentences."""
        if self.is_list:
            return self.words > 12
        other = self.decimal or self.time or self.is_nested or self.fits(URL) or self.fits(FILE)
        return bool(self.filled) and not other and self._most(_has_word)

    def example(self) -> str:
        """The most frequent value, shortened."""
        return self.counts.most_common(1)[0][0][:40] if self.counts else ""


def _has_word(value: str) -> bool:
    return bool(re.search(r"[^\W\d_]{2,}", value))


def _is_date(value: str, form: str) -> bool:
    try:
        return 1900 <= datetime.strptime(value, form).year <= 2100
    except ValueError:
        return False


def named(columns: list[Column], pattern: str) -> list[Column]:
    """The columns with a word in their name that matches `pattern`, those with the shortest names first."""
    found = [column for column in columns if any(re.fullmatch(pattern, word) for word in _words(column.name))]
    return sorted(found, key=lambda column: len(column.name))


def _words(name: str) -> list[str]:
    """The words of a name in snake_case or camelCase, in lower case, and each with the next one."""
    words = [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+", name)]
    return [*words, *(first + second for first, second in pairwise(words)), name.lower()]
