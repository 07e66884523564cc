"""MovieLens: film ratings (Harper and Konstan 2015, ACM TiiS 5:4), as GroupLens publishes them.

Download an archive from https://grouplens.org/datasets/movielens/. The layouts are told apart by their files:

* ml-100k: `u.data` (user, item, rating, seconds; tabs) and `u.item` (id, title with the year, release date,
  video release date, IMDb address, 19 flags of genres; `|`, Latin-1).
* ml-latest, ml-latest-small, ml-25m, ml-32m: `ratings.csv` (userId,movieId,rating,timestamp), `movies.csv`
  (movieId,title,genres) and, if it exists, `tags.csv` (userId,movieId,tag,timestamp). A tag may be newer
  than the interactions that it helps to predict; delete the file if that matters.

Posters are not included: put them in a folder, named after the film's id.

Licence: research only; no redistribution without permission. Neither the data nor a DVC remote that holds them
may be public.
"""

from pathlib import Path

import pandas as pd

from fusionrec.data.reading import csv_files, pictures
from fusionrec.data.reading.csv_files import Column, Dialect
from fusionrec.data.reading.dataset import SEPARATOR, Dataset, Rejection, completed, rejections
from fusionrec.data.reading.folders import existing, inside
from fusionrec.errors import UserError
from fusionrec.params import Section

GENRES = [
    "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama", "Fantasy",
    "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western",
]  # fmt: skip
U_ITEM = ["movieId", "title", "release_date", "video_release_date", "address", "unknown", *GENRES]
U_DATA = ["userId", "movieId", "rating", "timestamp"]
LOG = {
    "user_id": Column("userId"),
    "item_id": Column("movieId"),
    "timestamp": Column("timestamp"),
    "rating": Column("rating"),
}
IDS = ["user_id", "item_id"]
NO_GENRES = "(no genres listed)"


class Options(Section):
    """`images` is a folder of posters; null: none."""

    images: str | None


def read(folder: Path, extensions: list[str], own: Options) -> Dataset:
    """Read an unpacked archive.

    Raises:
        UserError: if it is none of those above, or a file is damaged.
    """
    if (existing(folder) / "u.data").exists():
        items, log, refused = _read_100k(folder)
    elif (folder / "ratings.csv").exists():
        items, log, refused = _read_latest(folder)
    else:
        raise UserError(
            f"{folder}: has neither u.data nor ratings.csv; set raw.input to an unpacked ml-100k or ml-latest"
        )
    images = pictures.beside(folder, own.images, "raw.movielens.images", items["item_id"], extensions)
    return Dataset(completed(items), log, rejections([*refused, *images.refused]), images.blobs)


def _read_100k(root: Path) -> tuple[pd.DataFrame, pd.DataFrame, list[Rejection]]:
    dialect = Dialect("\t", quoted=False, header=U_DATA)
    log, lost = csv_files.read(inside(root, "u.data", "raw.input"), "interactions", LOG, IDS, dialect)
    wanted = {
        "item_id": Column("movieId"),
        "title": Column("title"),
        "date_release_date": Column("release_date"),
    }
    dialect = Dialect("|", quoted=False, encoding="latin-1", header=U_ITEM)
    path = inside(root, "u.item", "raw.input")
    columns = wanted | {name: Column(name) for name in GENRES}
    read, unread = csv_files.read(path, "items", columns, dialect=dialect)
    items = read[["row", *wanted]].copy()
    items["date_release_date"] = _iso(read["date_release_date"])
    items.insert(3, "category_genres", _genres(read[GENRES]))
    return items, log, unread + lost


def _iso(dates: pd.Series) -> pd.Series:
    """`01-Jan-1995` as `1995-01-01`; anything else stays as it is."""
    parsed = pd.to_datetime(dates, format="%d-%b-%Y", errors="coerce").dt.strftime("%Y-%m-%d")
    return parsed.astype("str").fillna(dates)


def _genres(flags: pd.DataFrame) -> pd.Series:
    """The names of the columns that are 1, joined; null if none is."""
    rows = (flags == "1").to_numpy()
    joined = [SEPARATOR.join(name for name, flag in zip(GENRES, row, strict=True) if flag) for row in rows]
    return pd.Series(joined, flags.index, dtype="str").replace("", None)


def _read_latest(root: Path) -> tuple[pd.DataFrame, pd.DataFrame, list[Rejection]]:
    log, refused = csv_files.read(inside(root, "ratings.csv", "raw.input"), "interactions", LOG, IDS)
    wanted = {"item_id": Column("movieId"), "title": Column("title"), "category_genres": Column("genres")}
    items, unread = csv_files.read(inside(root, "movies.csv", "raw.input"), "items", wanted)
    genres = items["category_genres"].replace(NO_GENRES, None)
    items["category_genres"] = genres.str.replace("|", SEPARATOR, regex=False)
    if (root / "tags.csv").exists():
        tags, lost = _tags(root)
        items["category_tags"] = items["item_id"].map(tags).astype("str")
        unread = unread + lost
    return items, log, unread + refused


def _tags(root: Path) -> tuple[pd.Series, list[Rejection]]:
    """By film: its tags, each once, sorted and joined; and refused lines."""
    wanted = {"item_id": Column("movieId"), "tag": Column("tag")}
    read, lost = csv_files.read(inside(root, "tags.csv", "raw.input"), "tags", wanted)
    pairs = read.dropna()[["item_id", "tag"]].drop_duplicates().sort_values(["item_id", "tag"])
    return pairs.groupby("item_id")["tag"].agg(SEPARATOR.join), lost
