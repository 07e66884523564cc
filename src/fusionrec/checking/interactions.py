"""The roles of the columns of the interactions: user, time, rating, and the part of a given split."""

import re
from datetime import UTC, datetime

from fusionrec.checking import pairing
from fusionrec.checking.columns import EPOCHS, Column, named
from fusionrec.checking.guess import COLUMNS, FILES, Guess, Source
from fusionrec.checking.pairing import PARTS, RATING
from fusionrec.data import parsing

TIME = (
    "timestamps?|time|times|datetime|date|dates|ts|created|createdat|when|at|day|unixreviewtime|unixtime|reviewtime|"
    "purchased|ordered|orderdate|orderedat|event|eventtime|viewed|rated|datum|zeit|zeitpunkt|bestellt|bestelldatum|"
    "gekauft|fecha|hora|quand|quando|data"
)
SPLIT = "split|splits|part|parts|fold|folds|subset|set|xlabel|phase|partition"
RARE = 0.2  # share of the interactions; a threshold that leaves less is not proposed
NUMBERED = {"train": "0", "val": "1", "test": "2"}
SCALES = [1, 5, 10, 20, 100]
GOOD = {1: 1, 5: 4, 10: 7, 20: 14, 100: 70}  # scale -> what counts as liked


def assign(log: Source, guess: Guess) -> None:
    """Guess the roles of all columns of a log, and how it is written."""
    user = _user(log, guess)
    time = _time(log, user, guess)
    split = _split(log, log.others(user, time), guess)
    rating = _rating(log.others(user, time, split), guess)
    _swapped(log, user, time, guess)
    for column in log.others(user, time, rating, split):
        guess.unused[f"{pairing.file(log.table)}: {column.name}"] = "an interaction has no such role"


def _chosen(name: str, columns: list[Column], guess: Guess) -> tuple[bool, Column | None]:
    """Whether the user has given the column of a role, and the column."""
    if name not in guess.fixed:
        return False, None
    return True, next((column for column in columns if column.name == guess.fixed[name]), None)


def _user(log: Source, guess: Guess) -> Column | None:
    given, chosen = _chosen(f"{COLUMNS}.user", log.columns, guess)
    if given:
        return chosen
    by_name = named(log.others(), pairing.USER)
    likely = [c for c in by_name if c.repeats >= 1.05] or by_name
    why = "its name says so"
    if not likely:
        likely = [c for c in log.others() if _is_id(c)]
        why = "its values repeat like ids, and no other column's do"
    if len(likely) == 1 or (
        by_name and len(likely[0].name) < len(likely[-1].name) and _is_plain(likely[0], likely)
    ):
        guess.set(f"{COLUMNS}.user", likely[0].name, f"{why}; {len(likely[0].counts):,} users")
        return likely[0]
    names = [column.name for column in likely or log.others()]
    guess.ask(f"Which column of {_shown(log)} is the user?", f"{COLUMNS}.user", names)
    return None


def _is_plain(column: Column, rivals: list[Column]) -> bool:
    """Whether a name is the beginning of all others': user_id beside user_id_type."""
    return all(rival.name.lower().startswith(column.name.lower()) for rival in rivals)


def _is_id(column: Column) -> bool:
    few = len(column.counts) <= 20
    return column.repeats >= 1.2 and not few and not column.time and column.words <= 2


def _time(log: Source, user: Column | None, guess: Guess) -> Column | None:
    name, form = f"{COLUMNS}.timestamp", f"{FILES}.interactions_format.time"
    given, chosen = _chosen(name, log.columns, guess)
    candidates = [
        column for column in log.others(user) if column.time or (named([column], TIME) and _zero(column))
    ]
    likely = [chosen] if chosen else named(candidates, TIME) or candidates
    if given and chosen is None:
        return None
    if not likely:
        _no_time("no column holds times", guess)
        return None
    if len(likely) > 1 and not given:
        guess.ask(f"Which column of {_shown(log)} is the time?", name, [column.name for column in likely])
        return None
    time = likely[0]
    guess.set(name, time.name, f"such as {time.example()}")
    if form not in guess.fixed and len(time.time) > 1:
        guess.ask(f"How is the time {time.example()} in {_shown(log)} written?", form, time.time)
    elif time.time:
        known = guess.set(form, time.time[0] or None, _written(time.time[0]))
        _range(time, known, guess)
    else:
        _no_time(f"{time.name} holds {time.example()} only, which is no time", guess)
        return None
    return time


def _no_time(why: str, guess: Guess) -> None:
    guess.set(f"{COLUMNS}.timestamp", None, why)
    guess.set(
        "splits.leave_one_out.held_out", "random", "without times the latest interactions are not known"
    )


def _zero(column: Column) -> bool:
    return column.fits("0|-1|1970-01-01.*")


def _written(form: str) -> str:
    unit = {"ms": "thousandths of a second since 1970", "us": "millionths", "ns": "thousand millionths"}
    return unit.get(form) or (
        f"it reads dates such as {datetime(2020, 12, 31, 23, 59):{form}}" if form else "as it is"
    )


def _range(column: Column, form: str | None, guess: Guess) -> None:
    """Note times that are all the same, or not plausible."""
    if len(column.counts) == 1:
        guess.notes.append(f"{column.name}: all times are {column.example()}")
    if (form or "") in EPOCHS and column.fits("-?[0-9]+"):
        seconds = [
            int(value) / EPOCHS[form or ""] for value in column.tried if re.fullmatch("-?[0-9]+", value)
        ]
        seconds = sorted(second for second in seconds if 0 <= second < parsing.LATEST) or [0]
        ends = [datetime.fromtimestamp(seconds[at], UTC).strftime("%Y-%m-%d") for at in (0, -1)]
        guess.notes.append(
            f"times go from {ends[0]} to {ends[1]}; if not, set {FILES}.interactions_format.time"
        )


def _rating(columns: list[Column], guess: Guess) -> Column | None:
    name = f"{COLUMNS}.rating"
    given, chosen = _chosen(name, columns, guess)
    found = named([column for column in columns if column.decimal], RATING)
    rating = chosen if given else found[0] if found else None
    if rating is None or len(rating.counts) < 2:
        guess.set(
            name, None, "no column is a rating" if rating is None else f"{rating.name} has one value only"
        )
        guess.set("clean.min_rating", None, "there are no ratings: every interaction counts")
        return rating
    guess.set(name, rating.name, f"its name says so; {len(rating.counts):,} different values")
    if rating.decimal == ",":
        guess.set(f"{FILES}.interactions_format.decimal", ",", f"{rating.name} holds {rating.example()}")
    _threshold(rating, guess)
    return rating


def _threshold(rating: Column, guess: Guess) -> None:
    values = sorted(rating.numbers)
    high = values[int(0.99 * (len(values) - 1))]
    scale = next((scale for scale in SCALES if high <= scale), None)
    if scale is None:
        guess.set(
            "clean.min_rating",
            None,
            f"{rating.name} goes up to {high:g}: not a usual scale; every interaction counts",
        )
        return
    outside = [value for value in values if not 0 <= value <= scale]
    if outside:
        guess.notes.append(
            f"{rating.name}: {len(outside):,} of {len(values):,} ratings are not between 0 and {scale}, "
            f"such as {outside[-1]:g}"
        )
    least = GOOD[scale]
    kept = sum(value >= least for value in values) / len(values)
    if kept < RARE:
        guess.set(
            "clean.min_rating", None, f"only {kept:.0%} are rated {least} or more: every interaction counts"
        )
    else:
        why = f"of a scale up to {scale}, {least} or more counts as liked: {kept:.0%}; null: every interaction counts"
        guess.set("clean.min_rating", least, why)


def _split(log: Source, columns: list[Column], guess: Guess) -> Column | None:
    parts = pairing.file(log.table)
    if isinstance(parts, dict):
        if "val" not in parts:
            _drawn("no file holds it", guess)
        _given("a file for each part", guess)
        return None
    for column in named(columns, SPLIT):
        values = {
            part: [v for v in column.counts if re.fullmatch(pattern, v.lower()) or v == NUMBERED[part]]
            for part, pattern in PARTS.items()
        }
        if values["train"] and values["test"] and sum(map(len, values.values())) == len(column.counts):
            guess.set(f"{COLUMNS}.split", column.name, f"holds {', '.join(column.counts)}")
            for part, known in values.items():
                if known:
                    guess.set(f"splits.given.{part}", known, f"these values of {column.name}")
                else:
                    _drawn(f"no value of {column.name} means it", guess)
            _given(f"{column.name} names the part of each interaction", guess)
            return column
    return None


def _drawn(why: str, guess: Guess) -> None:
    """Validation, the only part that may be missing, comes from train."""
    guess.set(
        "splits.given.val", [], f"{why}: splits.val_fraction of each user's train interactions is drawn"
    )


def _given(why: str, guess: Guess) -> None:
    guess.set("splits.strategy", "given", why)
    for name in ("min_user_interactions", "min_item_interactions"):
        guess.set(f"clean.{name}", 0, "so that the given split stays as it is")


def _swapped(log: Source, user: Column | None, time: Column | None, guess: Guess) -> None:
    """Note columns whose names say something else than their values."""
    follows = "are they swapped? The values were followed, not the names"
    like_item = user is not None and named([user], pairing.ITEM) and not named([user], pairing.USER)
    if user and (like_item or named([log.key], pairing.USER)):
        guess.notes.append(
            f"{_shown(log)}: {log.key.name} holds the ids of items, and {user.name} does not: {follows}"
        )
    others = named([column for column in log.others(user) if column is not time], TIME)
    if time and others and not named([time], TIME):
        guess.notes.append(
            f"{_shown(log)}: {time.name} holds times, and {others[0].name} does not: {follows}"
        )


def _shown(log: Source) -> str:
    return log.table.name.replace("\n", " and ")
