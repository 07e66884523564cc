"""Amazon Reviews 2018 (Ni et al. 2019, EMNLP) and 2023 (Hou et al. 2024, arXiv:2403.03952), one category.

The files are had from https://nijianmo.github.io/amazon/ and https://amazon-reviews-2023.github.io/, as JSON
lines, gzipped or not; which year it is shows in each line. Used of a review: reviewerID, asin, overall and
unixReviewTime (2018), or user_id, parent_asin, rating and timestamp in milliseconds, which become seconds
(2023). Used of the metadata: asin or parent_asin, title, description and feature(s), category or categories,
main_cat or main_category, brand or store, price, and the first picture's address. `average_rating` and
`rating_number` are not read: they count all reviews, also those that are to be predicted.

A price such as "$1,299.00" or "$5.00 - $9.99" is stored as its first number; what is no price is noted among
the rejections as of the table `prices`, and the item stays, without.

Licence: neither the data nor the pictures, which belong to the sellers, may be passed on by you.
"""

import re
from pathlib import Path
from typing import Any

import pandas as pd

from fusionrec import params
from fusionrec.data.sources import download, jsonl, pictures
from fusionrec.data.sources.dataset import SEPARATOR, Dataset, Rejection, rejections
from fusionrec.data.sources.jsonl import Record, RefusedLine
from fusionrec.data.sources.paths import inside

LOG = ["user_id", "item_id", "timestamp", "rating"]
ITEMS = [
    "item_id",
    "title",
    "description",
    "category_categories",
    "category_main_category",
    "category_store",
    "number_price",
]
URL = "url"
PRICE = re.compile(r"(?:from )?\$?([0-9][0-9,]*(?:\.[0-9]+)?)(?: ?- ?\$?[0-9][0-9,.]*)?")
NO_PRICE = {None, "", "None"}


def read(root: Path, options: params.Raw) -> Dataset:
    """Read reviews and metadata, and find or download the pictures.

    Raises:
        UserError: if a file is missing, leaves the folder, is damaged, or is something else.
    """
    names = options.amazon
    path = inside(root, names.reviews, "raw.amazon.reviews")
    log = jsonl.read(path, "interactions", LOG, parse_review, categories=["user_id", "item_id"])
    path = inside(root, names.metadata, "raw.amazon.metadata")
    meta = jsonl.read(path, "items", [*ITEMS, URL], parse_item)
    found = pictures.NONE
    if names.pictures == "folder":
        ids = meta.table["item_id"]
        found = pictures.beside(root, names.images, "raw.amazon.images", ids, options.extensions)
    elif names.pictures == "urls":
        first = meta.table.drop_duplicates("item_id").dropna(subset=[URL])
        urls = dict(zip(first["item_id"], first[URL], strict=True))
        found = download.fetch(urls, names, options.extensions)
    items, unpriced = _priced(meta.table.drop(columns=URL))
    refused = rejections([*meta.refused, *log.refused, *unpriced, *found.refused])
    return Dataset(items, log.table, refused, found.blobs)


def parse_review(record: Record) -> list[str | None]:
    """user_id, item_id, timestamp and rating of a line of reviews."""
    if "parent_asin" in record:
        user, item, rating = "user_id", "parent_asin", "rating"
        timestamp = str(_integer(record, "timestamp") // 1000)
    else:
        user, item, rating = "reviewerID", "asin", "overall"
        timestamp = str(_integer(record, "unixReviewTime"))
    return [_string(record, user), _string(record, item), timestamp, str(_number(record, rating))]


def parse_item(record: Record) -> list[str | None]:
    """`ITEMS` and the address of the picture, of a line of metadata."""
    if "parent_asin" in record:
        key, parts, categories = "parent_asin", ("description", "features"), "categories"
        main, store, url = "main_category", "store", _url_2023(record.get("images"))
    else:
        key, parts, categories = "asin", ("description", "feature"), "category"
        main, store, url = "main_cat", "brand", _url_2018(record)
    text = [line for part in parts for line in _texts(record, part)]
    return [
        _string(record, key),
        _text(record, "title"),
        "\n".join(text) or None,
        SEPARATOR.join(_texts(record, categories)) or None,
        _text(record, main),
        _text(record, store),
        _text(record, "price"),
        url,
    ]


def _url_2018(record: Record) -> str | None:
    """The addresses are a list, of which the first is the main picture; the others are thumbnails."""
    for key in ("imageURLHighRes", "imageURL"):
        value = record.get(key)
        first = value[0] if isinstance(value, list) and value else value
        if isinstance(first, str) and first:
            return first
    return None


def _url_2023(images: Any) -> str | None:
    """`large` has about 500 pixels, which is all that encoders ask for; `hi_res` has megabytes."""
    for image in images if isinstance(images, list) else []:
        for key in ("large", "hi_res"):
            if isinstance(image, dict) and isinstance(image.get(key), str) and image[key]:
                return image[key]
    return None


def _get(record: Record, key: str) -> Any:
    if key not in record:
        raise RefusedLine(f"missing_{key}", value=", ".join(record))
    return record[key]


def _string(record: Record, key: str) -> str:
    value = _get(record, key)
    if not isinstance(value, str):
        raise RefusedLine(f"bad_{key}", value=value)
    return value


def _integer(record: Record, key: str) -> int:
    value = _get(record, key)
    if not isinstance(value, int) or isinstance(value, bool):
        raise RefusedLine(f"bad_{key}", value=value)
    return value


def _number(record: Record, key: str) -> float:
    value = _get(record, key)
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise RefusedLine(f"bad_{key}", value=value)
    return value


def _text(record: Record, key: str) -> str | None:
    """A string, or a number as one; null where there is none."""
    value = record.get(key)
    if value is None or isinstance(value, str):
        return value or None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RefusedLine(f"bad_{key}", value=value)
    return str(value)


def _texts(record: Record, key: str) -> list[str]:
    """A list of strings, or a string as one of its own."""
    value = record.get(key) or []
    value = [value] if isinstance(value, str) else value
    if not isinstance(value, list) or not all(isinstance(line, str) for line in value):
        raise RefusedLine(f"bad_{key}", value=value)
    return [line for line in value if line]


def _priced(items: pd.DataFrame) -> tuple[pd.DataFrame, list[Rejection]]:
    """Prices as numbers; those that are none are listed."""
    written = items["number_price"]
    price = written.str.extract(f"^{PRICE.pattern}$", expand=False).str.replace(",", "", regex=False)
    bad = price.isna() & written.notna() & ~written.isin(NO_PRICE)
    rows = items.loc[bad, ["row", "item_id", "number_price"]].itertuples(index=False)
    unpriced: list[Rejection] = [
        ("prices", int(row), item, "no_price", jsonl.printable(text)) for row, item, text in rows
    ]
    return items.assign(number_price=price), unpriced
