"""Shows how far a stage or command is: a bar on a terminal, elsewhere a line every few seconds, as in logs of CI.

Both go to the error output. The lines become rarer the longer something takes.
"""

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from typing import Any, Protocol, TypeVar

T = TypeVar("T")

EVERY = 5.0  # seconds between two lines, in the first minutes
SHARE = 60  # later, 1 / SHARE of the time until then


class Bar(Protocol):
    """What counts progress; to be used in a `with` statement.

    Attributes:
        initial: how much was done before; it is counted, but does not tell how fast the rest will be.
    """

    initial: float

    def __enter__(self) -> Any:
        """The bar itself."""
        ...

    def __exit__(self, *error: Any) -> Any:
        """Show nothing more."""
        ...

    def reset(self, total: float | None = None) -> None:
        """Start again, with `total` to do."""
        ...

    def update(self, n: float = 1) -> Any:
        """Count `n` more as done."""
        ...

    def set_postfix(self, values: dict[str, str], /) -> None:
        """Show values from now on."""
        ...

    def write(self, s: str) -> None:
        """Print a line."""
        ...


def bar(description: str, unit: str, total: int | None = None) -> Bar:
    """A bar, or lines if the error output is no terminal; `total` is None if it is not known."""
    if not sys.stderr.isatty():
        return Lines(description, unit, total)
    from tqdm import tqdm

    return tqdm(total=total, desc=description, unit=unit)


def watched(things: Iterable[T], description: str, unit: str, total: int | None = None) -> Iterator[T]:
    """The same `things`, whose progress is shown; their number is `total`, or their length if they have one."""
    if total is None and isinstance(things, Sized):
        total = len(things)
    with bar(description, unit, total) as shown:
        for thing in things:
            yield thing
            shown.update()


class Lines:
    """A `Bar` of lines. The first comes after `EVERY` seconds, so that what is quick prints nothing.

    Args:
        description: the start of each line.
        unit: the singular of what is counted.
        total: None if it is not known.
        clock: the time in seconds.
    """

    def __init__(
        self, description: str, unit: str, total: float | None, clock: Callable[[], float] = time.monotonic
    ):
        self.description, self.unit, self.clock = description, unit, clock
        self.values: dict[str, str] = {}
        self.reset(total)

    def __enter__(self) -> "Lines":
        return self

    def __exit__(self, *error: Any) -> None:
        pass

    def reset(self, total: float | None = None) -> None:
        """See `Bar.reset`."""
        self.total, self.done, self.initial = total, 0.0, 0.0
        self.started = self.printed = self.clock()

    def update(self, n: float = 1) -> None:
        """See `Bar.update`."""
        self.done += n
        now = self.clock()
        if now - self.printed >= max(EVERY, (now - self.started) / SHARE):
            self.printed = now
            print(self.line(now - self.started), file=sys.stderr, flush=True)

    def line(self, seconds: float) -> str:
        """What is printed after `seconds`."""
        count = f"{self.done:,.0f}"
        if self.total is None:
            count, when = f"{count} {self.unit}s", f"{duration(seconds)} so far"
        else:
            pace = seconds / max(self.done - self.initial, 1)
            count = f"{count} of {self.total:,.0f} {self.unit}s"
            when = f"{duration(pace * (self.total - self.done))} left"
        values = [f"{name} {value}" for name, value in self.values.items()]
        return f"{self.description}: {', '.join([count, *values, when])}"

    def set_postfix(self, values: dict[str, str], /) -> None:
        """See `Bar.set_postfix`."""
        self.values = values

    def write(self, s: str) -> None:
        """See `Bar.write`."""
        print(s, flush=True)


class Sparing:
    """Calls a function so seldom that it takes at most 1 / `share` of the time; the first call is made.

    Args:
        function: what is called.
        share: see above.
        clock: the time in seconds.
    """

    def __init__(
        self, function: Callable[..., None], share: float = 20, clock: Callable[[], float] = time.monotonic
    ):
        self.function, self.share, self.clock = function, share, clock
        self.due = clock()

    def __call__(self, *arguments: Any) -> None:
        """Call the function with these arguments, or do nothing."""
        started = self.clock()
        if started >= self.due:
            self.function(*arguments)
            ended = self.clock()
            self.due = ended + (self.share - 1) * (ended - started)


def duration(seconds: float) -> str:
    """A time in words.

    >>> duration(4.4), duration(190), duration(9000)
    ('4 s', '3 min', '2 h 30 min')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
