"""The roles of the columns of the items: title, description, categories, numbers, dates."""

import re

from fusionrec.checking.columns import URL, Column, named
from fusionrec.checking.guess import COLUMNS, FILES, Guess, Source

TITLE = "title|titles|name|names|headline|titel|bezeichnung|produktname|nombre|nom|nome|titulo|titre|titolo|productname"
DESCRIPTION = (
    "description|descriptions|desc|text|body|abstract|summary|plot|overview|synopsis|content|about|beschreibung|detail|"
    "details|caption|story|descripcion|descrizione|features|langtext"
)
LIKE_ID = r"(.*[^a-z])?(ids?|key|uuid|guid|ean|gtin|upc|isbn|sku|asin|nr|nummer|zip|phone|index)"


def assign(items: Source, guess: Guess) -> None:
    """Guess the roles of all columns of the items, and how they are written."""
    texts = [column for column in items.others() if column.is_text]
    title = _text("title", TITLE, texts, guess, shortest=True)
    description = _text(
        "description", DESCRIPTION, [c for c in texts if c is not title], guess, shortest=False
    )
    rest = items.others(title, description)
    dates = _dates([column for column in rest if column.time and not column.fits("[0-9]{1,8}")], items, guess)
    numbers = [c for c in rest if c.decimal and c not in dates and not c.time and _is_measure(c)]
    categories = [c for c in rest if c not in dates and c not in numbers and _is_category(c)]
    _categories(categories, guess)
    _numbers(numbers, guess)
    for column in rest:
        if column not in [*dates, *numbers, *categories]:
            guess.unused[f"{items.table.name}: {column.name}"] = _why_not(column)
    if title is None and description is None and not categories:
        guess.set("model.language", "none", "the items have no texts")


def _text(role: str, pattern: str, texts: list[Column], guess: Guess, shortest: bool) -> Column | None:
    """The column of a role by its name, or else the one with distinct values of a fitting length."""
    name = f"{COLUMNS}.{role}"
    if name in guess.fixed:
        return next((column for column in texts if column.name == guess.fixed[name]), None)
    by_name = named(texts, pattern)
    by_value = [
        c
        for c in texts
        if c.repeats < 1.5 and not c.is_category and (1.2 <= c.words <= 15 if shortest else c.words > 5)
    ]
    by_value.sort(key=lambda column: column.words)
    found = by_name or by_value
    if not found:
        guess.set(name, None, "no column looks like one")
        return None
    chosen = found[0] if by_name or shortest else found[-1]
    why = "its name says so" if by_name else f"its texts have {chosen.words:.0f} words on average"
    guess.set(name, chosen.name, f"{why}: {chosen.example()!r}")
    return chosen


def _is_measure(column: Column) -> bool:
    """Whether numbers measure something: they differ, and are neither ids nor a running number."""
    running = column.is_unique and column.fits("[0-9]+") and (named([column], LIKE_ID) or _is_running(column))
    return len(column.counts) > 2 and not running and not named([column], LIKE_ID)


def _is_running(column: Column) -> bool:
    values = column.numbers
    return max(values) - min(values) == len(values) - 1


def _is_category(column: Column) -> bool:
    return (
        column.is_category and not column.is_amount and not column.fits(URL) and not named([column], LIKE_ID)
    )


def _listed(role: str, why: str, columns: list[Column], guess: Guess) -> None:
    examples = "; ".join(f"{column.name}: {column.example()}" for column in columns)
    reason = f"{why}: {examples}" if columns else "no column looks like one"
    guess.set(f"{COLUMNS}.{role}", [column.name for column in columns], reason)


def _categories(columns: list[Column], guess: Guess) -> None:
    _listed("categories", "values repeat", columns, guess)
    by_separator = {column.separator: column.name for column in reversed(columns) if column.separator}
    if by_separator:
        why = "; ".join(f"{sign!r} stands between values of {name}" for sign, name in by_separator.items())
        guess.set("clean.separators", list(by_separator), why)


def _numbers(columns: list[Column], guess: Guess) -> None:
    _listed("numbers", "numbers that differ", columns, guess)
    commas = [c for c in columns if c.decimal == "," and not c.fits("[0-9]+")]
    points = [c for c in columns if c.decimal == "." and c.fits(r".*\.[0-9]{1,2}")]
    if commas:
        guess.set(f"{FILES}.items_format.decimal", ",", f"{commas[0].name} holds {commas[0].example()}")
    if commas and points:
        both = ", ".join(f"{column.name} ({column.example()})" for column in (commas[0], points[0]))
        guess.notes.append(f"numbers with a decimal comma and with a point in one table: {both}")


def _dates(columns: list[Column], items: Source, guess: Guess) -> list[Column]:
    """Dates in one notation: that of most columns."""
    form = f"{FILES}.items_format.time"
    known = [column.time[0] for column in columns if len(column.time) == 1]
    fixed = guess.fixed.get(form, max(known, key=known.count) if known else None)
    if fixed is None and columns and form not in guess.fixed:
        guess.ask(
            f"How is the date {columns[0].example()} in {items.table.name} written?", form, columns[0].time
        )
        return columns
    fitting = [column for column in columns if (fixed or "") in column.time]
    guess.set(f"{COLUMNS}.dates", [c.name for c in fitting], _why_dates(fitting))
    if fitting:
        guess.set(form, fixed or None, f"the notation of {fitting[0].example()}")
    return fitting


def _why_dates(columns: list[Column]) -> str:
    return f"such as {columns[0].example()}" if columns else "no column looks like one"


def _why_not(column: Column) -> str:
    if not column.filled:
        return "empty"
    if len(column.counts) == 1:
        return "one value only"
    if column.fits(URL):
        return (
            "addresses; pictures must be files"
            if re.search("im(a)?g|pic|photo|cover|poster", column.name.lower())
            else "addresses"
        )
    if column.is_amount:
        return f"numbers with a currency or unit, such as {column.example()}: leave only the numbers"
    if column.is_nested:
        return "nested values"
    if column.is_unique:
        return "another id" if column.words <= 1 else "text; one title and one description are used"
    return "neither text, category, number nor date: " + repr(column.example())
