"""A generated catalogue: a poster shop with pictures, texts, numbers, and customers whose tastes are known.

Of the traits that tastes are about, some are visible only in the picture (palette, motif, layout), some only in
the text (theme, mood), one in both (hour), one in a category (technique), one in a number (era), and one
is hidden (spirit). Tables and pictures have the same kinds of errors as real data, so every stage has work to do.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from PIL import Image
from pydantic import Field

from fusionrec.data.demo import demo_choices as choices
from fusionrec.data.demo import demo_pictures as pictures
from fusionrec.data.demo import demo_texts as texts
from fusionrec.data.demo.demo_motifs import MOTIFS
from fusionrec.data.demo.demo_sheet import PALETTES
from fusionrec.data.demo.demo_truth import Truth
from fusionrec.data.reading.dataset import Dataset, rejections
from fusionrec.params import Count, Natural, Section

TECHNIQUES = ["screenprint", "woodcut", "watercolour", "linocut", "risograph", "etching"]
ERAS, SPIRITS = 5, 6
VALUES: dict[str, list[str]] = {
    "palette": list(PALETTES),
    "motif": list(MOTIFS),
    "layout": pictures.LAYOUTS,
    "hour": list(texts.HOURS),
    "theme": list(texts.THEMES),
    "mood": list(texts.MOODS),
    "technique": TECHNIQUES,
    "era": [str(1930 + 18 * era) for era in range(ERAS)],
    "spirit": [str(spirit) for spirit in range(SPIRITS)],
}
APPEAL = 0.6  # standard deviation of the popularity that all users share
SUFFIXES = [".jpg"] * 17 + [".png"] * 2 + [".webp"]
HUGE = 2600  # pixels: above what the pipeline keeps
ODD, ODD_SHARE = ["again", "turned", "inks"], 0.003  # of each: see `_good`


class Options(Section):
    """Size and seed of the catalogue."""

    seed: Natural
    items: Annotated[int, Field(ge=20)]
    users: Annotated[int, Field(ge=10)]
    interactions: Count


def read(folder: Path, extensions: list[str], own: Options) -> Dataset:
    """The generated data set; `folder` and `extensions` are not used."""
    return generate(own)


def generate(options: Options) -> Dataset:
    """The whole data set from `options.seed`, with its preference model."""
    rng = np.random.default_rng(options.seed)
    counts = {name: len(values) for name, values in VALUES.items()}
    traits = choices.draw_traits(rng, options.items, counts)
    item_ids = [f"p{i + 1:04}" for i in range(options.items)]
    user_ids = [f"u{i + 1:05}" for i in range(options.users)]
    appeal = (rng.standard_normal(options.items) * APPEAL).astype(np.float32)
    taste = choices.draw_taste(rng, options.users, counts)
    truth = Truth(user_ids, item_ids, taste, choices.one_hot(traits, counts), appeal)
    log = choices.draw_choices(rng, truth.taste @ truth.traits.T + truth.appeal, options.interactions)

    names = [{name: VALUES[name][value] for name, value in zip(VALUES, row, strict=True)} for row in traits]
    items = _spoil_items(rng, _items(rng, item_ids, names))
    interactions = _spoil_interactions(rng, _interactions(user_ids, item_ids, log))
    odd = _oddities(np.random.default_rng([options.seed, 2]), item_ids)
    drawn = _pictures(np.random.default_rng([options.seed, 1]), odd, item_ids, names)
    return Dataset(items, interactions, rejections([]), drawn, truth)


def _items(rng: np.random.Generator, ids: list[str], names: list[dict[str, str]]) -> pd.DataFrame:
    rows = []
    for item, name in zip(ids, names, strict=True):
        text = texts.write(rng, name["theme"], name["mood"], name["hour"])
        price, year = 12 + 3 * rng.integers(0, 20), int(name["era"]) + rng.integers(0, 18)
        rows.append((item, text.title, text.description, name["technique"], str(price), str(year)))
    columns = ["item_id", "title", "description", "category_technique", "number_price", "number_year"]
    return pd.DataFrame(rows, columns=columns, dtype="str")


def _interactions(users: list[str], items: list[str], log: choices.Choices) -> pd.DataFrame:
    table = {
        "user_id": [users[u] for u in log.users],
        "item_id": [items[i] for i in log.items],
        "timestamp": [str(time) for time in log.times],
    }
    return pd.DataFrame(table, dtype="str")


def _some(rng: np.random.Generator, table: pd.DataFrame, share: float) -> np.ndarray:
    """At least one row, at random."""
    return rng.choice(len(table), max(1, round(len(table) * share)), replace=False)


def _spoil_items(rng: np.random.Generator, items: pd.DataFrame) -> pd.DataFrame:
    for row in _some(rng, items, 0.1):
        items.loc[row, "description"] = f"<p>{items.loc[row, 'description']}</p> <b>Cotton &amp; ink</b>"
    items.loc[_some(rng, items, 0.03), "description"] = None
    items.loc[_some(rng, items, 0.02), "number_price"] = None
    again = items.iloc[_some(rng, items, 0.005)]
    bad = items.iloc[_some(rng, items, 0.003)].copy()
    bad["item_id"] = [None if row % 2 else f"x{row:04}" for row in range(len(bad))]
    bad["number_price"] = "on request"
    return _numbered(pd.concat([items, again, bad]))


def _spoil_interactions(rng: np.random.Generator, log: pd.DataFrame) -> pd.DataFrame:
    """Add faulty rows among the good ones, which are not changed."""
    bad = log.iloc[_some(rng, log, 0.004)].copy()
    faults = np.arange(len(bad)) % 4
    bad.loc[faults == 0, "item_id"] = "p-unknown"
    bad.loc[faults == 1, "user_id"] = None
    bad.loc[faults == 2, "timestamp"] = "yesterday"
    together = pd.concat([log, bad])  # the rest are duplicates
    return _numbered(together.iloc[np.argsort(rng.random(len(together)), kind="stable")])


def _numbered(table: pd.DataFrame) -> pd.DataFrame:
    table = table.reset_index(drop=True)
    table.insert(0, "row", np.arange(1, len(table) + 1))
    return table


def _oddities(rng: np.random.Generator, ids: list[str]) -> dict[str, str]:
    """Which items have an odd picture, and how it is odd."""
    each = max(1, round(len(ids) * ODD_SHARE))
    rows = rng.choice(len(ids), each * len(ODD), replace=False)
    return {ids[row]: kind for row, kind in zip(rows, ODD * each, strict=True)}


def _pictures(
    rng: np.random.Generator, odd: dict[str, str], ids: list[str], names: list[dict[str, str]]
) -> Iterator[tuple[str, bytes]]:
    """One picture per item; 2 % have none, and 1.3 % are broken, too small or huge."""
    last = ".jpg", b""
    for item, name in zip(ids, names, strict=True):
        image = pictures.draw(rng, name["palette"], name["motif"], name["layout"], name["hour"])
        suffix = SUFFIXES[rng.integers(len(SUFFIXES))]
        fate = rng.random()
        if fate < 0.02:
            continue
        if fate < 0.03:
            yield item + suffix, _broken(rng, image, suffix)
        elif fate < 0.033:
            huge = image.resize((HUGE, HUGE * image.height // image.width), Image.Resampling.BICUBIC)
            yield item + ".jpg", pictures.encode(huge, ".jpg")
        else:
            last = _good(image, suffix, odd.get(item), last)
            yield item + last[0], last[1]


def _good(image: Image.Image, suffix: str, odd: str | None, last: tuple[str, bytes]) -> tuple[str, bytes]:
    """Suffix and bytes: as usual, or as `odd` says, where "again" is the `last` picture, byte for byte."""
    if odd == "again" and last[1]:
        return last
    if odd == "turned":
        return ".jpg", pictures.encode_turned(image)
    if odd == "inks":
        return ".jpg", pictures.encode(image.convert("CMYK"), ".jpg")
    return suffix, pictures.encode(image, suffix)


def _broken(rng: np.random.Generator, image: Image.Image, suffix: str) -> bytes:
    whole = pictures.encode(image, suffix)
    tiny = pictures.encode(image.resize((32, 32)), suffix)
    return [b"", whole[: len(whole) // 3], b"<html>404 Not Found</html>", tiny][rng.integers(4)]
