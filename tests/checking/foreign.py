"""Data in the shapes that are found in the wild, written by rules so that a recommender has something to learn.

Each function writes one folder: an export of a German shop, a dump of JSON lines, and Parquet without times.
"""

import gzip
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

ITEMS, USERS, PER_USER = 80, 160, 12
KINDS = ["red wine", "white wine", "cider", "lemonade"]
ORIGINS = ["Málaga", "Köln", "Orléans", "Győr", "Bari"]
GRAPES = ["Malbec", "Merlot", "Riesling", "Pinot"]
COLOURS = [(150, 20, 40), (220, 210, 120), (200, 130, 40), (240, 230, 60)]
START = 1_600_000_000


def choices(seed: int) -> list[tuple[int, int, int]]:
    """(user, item, seconds since 1970): users choose mostly items of their own kind."""
    rng = np.random.default_rng(seed)
    rows = []
    for user in range(USERS):
        own = [item for item in range(ITEMS) if item % len(KINDS) == user % len(KINDS)]
        liked = (
            rng.choice(own, 9, replace=False).tolist()
            + rng.choice(ITEMS, PER_USER - 9, replace=False).tolist()
        )
        rows += [(user, item, START + int(rng.integers(0, 10**7))) for item in dict.fromkeys(liked)]
    return rows


def picture(item: int) -> bytes:
    """A JPEG in the colour of the item's kind, with a pattern of its own."""
    from PIL import Image

    rng = np.random.default_rng(item)
    cells = np.array(COLOURS[item % len(KINDS)]) + rng.integers(-40, 40, (8, 8, 3))
    buffer = io.BytesIO()
    Image.fromarray(cells.clip(0, 255).astype(np.uint8)).resize((96, 96)).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def text(item: int) -> str:
    kind, origin = KINDS[item % len(KINDS)], ORIGINS[item % len(ORIGINS)]
    return f"A fine {kind} from {origin}, bottled in lot {item}, best served with friends on a quiet evening"


def shop(root: Path) -> Path:
    """Semicolons, decimal commas, Windows-1252, German dates; ids with a prefix; pictures in a folder of their own."""
    (root / "Bilder").mkdir(parents=True)
    rows = ["Artikelnr;Bezeichnung;Beschreibung;Warengruppe;Preis;Im Sortiment seit;Verkäufe"]
    for item in range(ITEMS):
        price = f"{1000 + item * 37 / 4:,.2f}".translate(str.maketrans(",.", ".,"))
        kind, origin = KINDS[item % len(KINDS)], ORIGINS[item % len(ORIGINS)]
        title, group = f"{origin.replace('ő', 'ö')} {kind} {item}", f"{kind}, {GRAPES[item % 3]}"
        since = f"{item % 28 + 1:02}.{item % 12 + 1:02}.201{item % 10}"
        rows.append(
            f'A-{item:04};{title};"{text(item).replace("ő", "ö")}";{group};{price};{since};{item * 13 % 97}'
        )
        (root / "Bilder" / f"A-{item:04}.jpg").write_bytes(picture(item))
    (root / "artikel.csv").write_text("\r\n".join(rows), encoding="windows-1252")
    lines = ["Bestellnr;Kundennr;Artikelnr;Bestelldatum;Menge"]
    for number, (user, item, at) in enumerate(choices(1)):
        when = datetime.fromtimestamp(at, UTC).strftime("%d.%m.%Y %H:%M")
        lines.append(f"{number + 70001};K{user:05};A-{item:04};{when};{number % 3 + 1}")
    (root / "bestellungen.csv").write_text("\r\n".join(lines), encoding="windows-1252")
    return root


def dump(root: Path) -> Path:
    """JSON lines: lists of categories, nested fields, thousandths of a second, stars; one file is gzipped."""
    (root / "photos").mkdir(parents=True)
    with gzip.open(root / "products.jsonl.gz", "wt", encoding="utf-8") as file:
        for item in range(ITEMS):
            product = {
                "asin": f"B{item:06X}", "title": f"{ORIGINS[item % 5]} {KINDS[item % 4]} no. {item}",
                "description": [text(item), "Store in a cool place."],
                "categories": ["Drinks", KINDS[item % 4], GRAPES[item % 3]], "price": 5 + item / 4,
                "rating_number": item * 7 % 50, "images": [{"large": f"https://example.org/{item}.jpg"}],
            }  # fmt: skip
            file.write(json.dumps(product) + "\n")
            (root / "photos" / f"B{item:06X}.jpg").write_bytes(picture(item))
    with (root / "reviews.jsonl").open("w", encoding="utf-8") as file:
        for number, (user, item, at) in enumerate(choices(2)):
            stars = 5.0 - number % 7 // 5
            review = {"user_id": f"AE{user:06d}", "asin": f"B{item:06X}", "rating": stars, "timestamp": at * 1000 + 7,
                      "text": "I liked it", "verified": True}  # fmt: skip
            file.write(json.dumps(review) + "\n")
    return root


def parquet(root: Path) -> Path:
    """Parquet: whole numbers as ids, in one table as floats beside a missing one; no times, no pictures."""
    root.mkdir(parents=True)
    items = pd.DataFrame({
        "movie_id": range(1, ITEMS + 1), "name": [f"{KINDS[i % 4]} of {ORIGINS[i % 5]} {i}" for i in range(ITEMS)],
        "genres": [[KINDS[i % 4], GRAPES[i % 3]] for i in range(ITEMS)],
        "plot": [text(i) for i in range(ITEMS)], "year": [1950 + i % 60 for i in range(ITEMS)],
        "runtime": [80.5 + i for i in range(ITEMS)],
    })  # fmt: skip
    items.to_parquet(root / "movies.parquet")
    log = pd.DataFrame([(user, item + 1.0) for user, item, _ in choices(3)], columns=["user", "movie_id"])
    log.loc[5, "movie_id"] = np.nan
    log.to_parquet(root / "watched.parquet")
    return root
