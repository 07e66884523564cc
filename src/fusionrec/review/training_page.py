"""A training as a page that reloads itself while it is written: one file, no script, no network.

No stage depends on this module (see `fusionrec.code.SHOWING`): how a training looks changes no result.
"""

import math
import time
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from fusionrec import files, progress
from fusionrec.git import changed_parameters
from fusionrec.recommend import gallery
from fusionrec.review import changes, html
from fusionrec.training import training_curves
from fusionrec.training.loop import Epoch
from fusionrec.training.options import Train
from fusionrec.training.stopping import EarlyStopping

REFRESH = 5  # seconds between two times that a browser reads the page
POINTS = 200  # of a line, at most
WIDTH, HEIGHT, LEFT, BOTTOM, EDGE = 480, 240, 64, 26, 10  # of a chart and of its margins, in its own pixels
COLOURS = ("#c8442c", "#1f6fb2", "#2f7d3b", "#d99a1c", "#8e5bb0", "#6db3e0", "#d08fc9", "#8a8a8a")
TITLES = {
    "validation": "metrics on validation",
    "training_loss": "loss and its terms",
    "input_weights": "weight of each input in the fusion",
    "gradient_norm": "norm of the gradient",
}
STYLE = """
.charts { display: grid; gap: 1.2rem; grid-template-columns: repeat(2, minmax(0, 1fr)); }
.charts figure { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: .8rem; }
.charts h3 { margin: 0 0 .4rem; }
svg { display: block; height: auto; width: 100%; }
svg text { fill: var(--soft); font-size: 14px; }
td:first-child { white-space: nowrap; }
svg line { stroke: var(--line); }
svg polyline { fill: none; stroke-linejoin: round; stroke-width: 2; }
.key { color: var(--soft); display: flex; flex-wrap: wrap; font-size: .8rem; gap: .1rem .9rem; }
.key i { border-radius: 2px; display: inline-block; height: .6rem; margin-right: .35rem; width: .6rem; }
@media (max-width: 700px) { .charts { grid-template-columns: minmax(0, 1fr); } }
"""


class Shown(NamedTuple):
    """What the page shows.

    Attributes:
        name: of the model.
        options: of training.
        changed: parameters that differ from the commit.
        epochs: until now.
        left: seconds that the remaining epochs would take; None if that is not known.
        end: how the training ended; None while it runs.
        time: when the page was written.
    """

    name: str
    options: Train
    changed: list[changes.Change]
    epochs: Sequence[Epoch] = ()
    left: float | None = None
    end: str | None = None
    time: str = ""


class TrainingPage:
    """Writes the page; to be used in a `with` statement, at the end of which the page says how the training ended.

    Args:
        path: of the page.
        name: of the model.
        options: of training.
    """

    def __init__(self, path: Path | str, name: str, options: Train):
        self.path = path
        changed = [changes.Change(name, *values) for name, values in changed_parameters(Path()).items()]
        self.shown = Shown(name, options, changed)

    def __enter__(self) -> "TrainingPage":
        self._write()
        return self

    def epochs(self, epochs: list[Epoch], left: float | None) -> None:
        """Show the epochs until now."""
        self.shown = self.shown._replace(epochs=epochs, left=left)
        self._write()

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        reason = str(error) or getattr(kind, "__name__", "")
        self.shown = self.shown._replace(end=f"It was stopped: {reason}." if kind else "It has ended.")
        self._write()

    def _write(self) -> None:
        files.write_text(self.path, page(self.shown._replace(time=time.strftime("%H:%M:%S"))))


def page(shown: Shown) -> str:
    """The HTML page; names and values are escaped."""
    body = "\n".join(_parts(shown))
    style = gallery.STYLE + html.STYLE + STYLE
    title = f"Training: {escape(shown.name)}"
    return gallery.document(title, style, f"<main>\n{body}\n</main>", None if shown.end else REFRESH)


def _parts(shown: Shown) -> Iterable[str]:
    title = f"Training: {escape(shown.name)}"
    state = "".join(f"<li>{escape(sentence)}</li>" for sentence in _state(shown))
    yield f'<section>\n<h1>{title}</h1>\n<ul class="verdict">{state}</ul>\n</section>'
    if shown.epochs:
        tables = training_curves.tables([*shown.epochs])
        charts = "\n".join(
            _figure(title, tables[name]) for name, title in TITLES.items() if len(tables[name])
        )
        yield f'<section>\n<div class="charts">\n{charts}\n</div>\n</section>'
        yield _table("Metrics of the latest and the best epoch", ["latest", "best"], list(_metrics(shown)))
    if shown.changed:
        rows = [[change.name, *map(changes.shown, change[1:])] for change in shown.changed]
        yield _table("Parameters that differ from the commit", ["commit", "here"], rows)


def _state(shown: Shown) -> Iterable[str]:
    """How far the training is, in sentences."""
    count, options = len(shown.epochs), shown.options
    yield f"Epoch {count} of at most {options.epochs}, at {shown.time}."
    best = _best(shown)
    if best is not None:
        name = f"val/{options.monitor}"
        yield f"Best is epoch {best.number}: {options.monitor} {best.metrics[name]:.4f} on validation."
    if shown.end:
        yield shown.end
    elif shown.left is not None and best is not None:
        yield f"At most {progress.duration(shown.left)} left."
        patience = options.patience - (count - best.number)
        if patience < options.epochs - count:
            yield f"It ends earlier after {patience} more epochs without a better one."


def _best(shown: Shown) -> Epoch | None:
    """The best epoch until now."""
    stopping = EarlyStopping(shown.options.direction, shown.options.patience)
    for epoch in shown.epochs:
        stopping.update(epoch.metrics[f"val/{shown.options.monitor}"])
    return shown.epochs[stopping.best_epoch - 1] if stopping.best_epoch else None


def _metrics(shown: Shown) -> Iterable[list[str]]:
    best = _best(shown) or shown.epochs[-1]
    for name, value in shown.epochs[-1].metrics.items():
        yield [name, changes.shown(value), changes.shown(best.metrics.get(name))]


def _table(title: str, head: list[str], rows: list[list[str]]) -> str:
    """A table; the first cell of a row is its name."""
    names = "".join(f'<th class="n">{escape(name)}</th>' for name in head)
    lines = ""
    for name, *values in rows:
        cells = "".join(f'<td class="n">{escape(value)}</td>' for value in values)
        lines += f"<tr><td>{escape(name)}</td>{cells}</tr>\n"
    return (
        f'<section>\n<h2>{escape(title)}</h2>\n<div class="wide"><table>\n<thead><tr><th></th>{names}</tr></thead>\n'
        f"<tbody>\n{lines}</tbody>\n</table></div>\n</section>"
    )


def _figure(title: str, table: pd.DataFrame) -> str:
    series = [
        (str(name), rows.iloc[:, [0, 2]].to_numpy(float))
        for name, rows in table.groupby("series", sort=False)
    ]
    colours = [COLOURS[number % len(COLOURS)] for number in range(len(series))]
    points = [point for _, line in series for point in line.tolist() if math.isfinite(point[1])]
    top = max((y for _, y in points), default=0) or 1
    last = max((x for x, _ in points), default=1)
    lines = "".join(
        f'<polyline stroke="{colour}" points="{_points(line.tolist(), last, top)}"/>'
        for colour, (_, line) in zip(colours, series, strict=True)
    )
    key = "".join(
        f'<span><i style="background: {colour}"></i>{escape(name)} {changes.shown(float(line[-1, 1]))}</span>'
        for colour, (name, line) in zip(colours, series, strict=True)
    )
    return (
        f'<figure><h3>{escape(title)}</h3><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">'
        f'{_axes(last, top)}{lines}</svg><div class="key">{key}</div></figure>'
    )


def _place(x: float, y: float, last: float, top: float) -> tuple[float, float]:
    """Where a point is drawn: epochs 1 to `last` from left to right, values 0 to `top` from below."""
    right = (x - 1) / max(last - 1, 1)
    return LEFT + right * (WIDTH - LEFT - EDGE), EDGE + (1 - y / top) * (HEIGHT - BOTTOM - EDGE)


def _points(line: list[list[float]], last: float, top: float) -> str:
    """The points of a line, at most `POINTS`; values that are not finite are left out."""
    step = -(-len(line) // POINTS)
    chosen = [*line[:-1:step], line[-1]]
    places = [_place(x, y, last, top) for x, y in chosen if math.isfinite(y)]
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)


def _axes(last: float, top: float) -> str:
    """Lines and labels at 0, half and the largest value, and at the first and the last epoch."""
    parts = []
    for y in (0, top / 2, top):
        left, height = _place(1, y, last, top)
        parts.append(f'<line x1="{left}" x2="{WIDTH - EDGE}" y1="{height:.1f}" y2="{height:.1f}"/>')
        parts.append(f'<text x="{left - 6}" y="{height + 4:.1f}" text-anchor="end">{y:.3g}</text>')
    for x in sorted({1, last}):
        right, _ = _place(x, 0, last, top)
        parts.append(f'<text x="{right:.1f}" y="{HEIGHT - 6}" text-anchor="middle">{x:.0f}</text>')
    return "".join(parts)
