"""Amazon Reviews 2018 (Ni et al. 2019, EMNLP) or 2023 (Hou et al. 2024, arXiv:2403.03952), one category.

Download the files from https://nijianmo.github.io/amazon/ or https://amazon-reviews-2023.github.io/: JSON lines,
gzipped or not; the fields of a line tell the edition. Fields of a review that are read: reviewerID, asin, overall
and unixReviewTime (2018), or user_id, parent_asin, rating and timestamp in milliseconds, which become seconds
(2023). Fields of the metadata: asin or parent_asin, title, description and feature(s), category or categories,
main_cat or main_category, brand or store, price, and the URL of the first picture. `average_rating` and
`rating_number` are not read: they count all reviews, including those that are to be predicted.

A price such as "$1,299.00" or "$5.00 - $9.99" is stored as its first number. Any other value is listed among the
rejections, as table `prices`, and the item is kept without a price.

Licence: you may not redistribute the data, nor the pictures, which belong to the sellers.
"""

import re
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from fusionrec.data.reading import download, jsonl, pictures
from fusionrec.data.reading.dataset import SEPARATOR, Dataset, Rejection, rejections
from fusionrec.data.reading.folders import inside
from fusionrec.data.reading.jsonl import Record, RefusedLine

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


class Options(download.Download):
    """Files of one category, and where its pictures come from.

    `pictures` is none, folder (`images`), or urls: the pictures that the metadata name are downloaded, within the
    limits of `Download`.
    """

    reviews: str
    metadata: str
    pictures: Literal["none", "folder", "urls"]
    images: str


def read(folder: Path, extensions: list[str], own: Options) -> Dataset:
    """Read reviews and metadata, and list or download the pictures.

    Raises:
        UserError: if a file is missing, leads out of the folder, is damaged, or is something else.
    """
    path = inside(folder, own.reviews, "raw.amazon.reviews")
    log = jsonl.read(path, "interactions", LOG, parse_review, categories=["user_id", "item_id"])
    path = inside(folder, own.metadata, "raw.amazon.metadata")
    meta = jsonl.read(path, "items", [*ITEMS, URL], parse_item)
    images = _pictures(folder, meta.table, extensions, own)
    items, unpriced = _priced(meta.table.drop(columns=URL))
    refused = rejections([*meta.refused, *log.refused, *unpriced, *images.refused])
    return Dataset(items, log.table, refused, images.blobs)


def _pictures(folder: Path, meta: pd.DataFrame, extensions: list[str], own: Options) -> pictures.Pictures:
    if own.pictures == "folder":
        return pictures.beside(folder, own.images, "raw.amazon.images", meta["item_id"], extensions)
    if own.pictures == "urls":
        first = meta.drop_duplicates("item_id").dropna(subset=[URL])
        urls = dict(zip(first["item_id"], first[URL], strict=True))
        return download.fetch(urls, own, extensions)
    return pictures.NONE


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
    """`ITEMS` and the URL of the picture, of a line of metadata."""
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
    """Of a list of URLs the first is the main picture; the others are thumbnails."""
    for key in ("imageURLHighRes", "imageURL"):
        value = record.get(key)
        first = value[0] if isinstance(value, list) and value else value
        if isinstance(first, str) and first:
            return first
    return None


def _url_2023(images: Any) -> str | None:
    """`large` has about 500 pixels an edge, more than encoders need; `hi_res` has megabytes."""
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
    """A string, or a number as a string; null if there is none."""
    value = record.get(key)
    if value is None or isinstance(value, str):
        return value or None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RefusedLine(f"bad_{key}", value=value)
    return str(value)


def _texts(record: Record, key: str) -> list[str]:
    """A list of strings; a single string counts as a list of one."""
    value = record.get(key) or []
    value = [value] if isinstance(value, str) else value
    if not isinstance(value, list) or not all(isinstance(line, str) for line in value):
        raise RefusedLine(f"bad_{key}", value=value)
    return [line for line in value if line]


def _priced(items: pd.DataFrame) -> tuple[pd.DataFrame, list[Rejection]]:
    """The table with prices as numbers, and the values that are no price."""
    written = items["number_price"]
    price = written.str.extract(f"^{PRICE.pattern}$", expand=False).str.replace(",", "", regex=False)
    bad = price.isna() & written.notna() & ~written.isin(NO_PRICE)
    rows = items.loc[bad, ["row", "item_id", "number_price"]].itertuples(index=False)
    unpriced: list[Rejection] = [
        ("prices", int(row), item, "no_price", jsonl.printable(text)) for row, item, text in rows
    ]
    return items.assign(number_price=price), unpriced
