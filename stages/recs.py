"""recs: model, splits and pictures -> recommendation lists, and a gallery that shows some of them.

Reads: data/model, data/splits, data/images (for the gallery).
Writes: data/recs: recommendations.parquet, of the first users also recommendations.json and gallery.html.
Parameters: recs, rerank, runtime.
Without arguments: for the users that `recs` in params.yaml names. With --output it answers a question besides: it
writes there and nowhere else.
"""

import _start  # noqa: F401  (src on the path, pins set before numpy loads)

import argparse
from collections.abc import Iterable, Iterator

import pandas as pd
import pyarrow as pa
from tqdm import tqdm

from typing import NamedTuple

from fusionrec.recommend.recs_options import Recs
from fusionrec.recommend.rerank_options import Rerank
from fusionrec.runtime import Runtime
from fusionrec import files, params, runtime
from fusionrec.errors import UserError
from fusionrec.recommend import engine, gallery, writing
from fusionrec.recommend import requests
from fusionrec.recommend.requests import Requests
from fusionrec.recommend.engine import Engine
from fusionrec.recommend.lists import Rules
from fusionrec.recommend.gallery_cards import GalleryCards

TABLE = "recommendations.parquet"


class Params(NamedTuple):
    """The sections that this stage reads."""

    recs: Recs
    rerank: Rerank
    runtime: Runtime


def count(text: str) -> int:
    """A whole number of at least 1."""
    if int(text) < 1:
        raise ValueError(text)
    return int(text)


def share(text: str) -> float:
    """A number from 0 to 1."""
    if not 0 <= float(text) <= 1:
        raise ValueError(text)
    return float(text)


def arguments() -> argparse.Namespace:
    parser = runtime.parser(__doc__)
    parser.add_argument("--output", metavar="PATH", help="a .parquet, .csv or .html (gallery) file")
    whom = parser.add_mutually_exclusive_group()
    whom.add_argument("--users", nargs="+", metavar="ID", help="ids; unknown ones get what is popular")
    whom.add_argument("--user-file", metavar="FILE", help="ids, one a line")
    whom.add_argument("--sample-users", type=count, metavar="N", help="so many at random, by recs.seed")
    whom.add_argument("--all-users", action="store_true")
    parser.add_argument("--histories", metavar="FILE", help="CSV or Parquet: user_id,item_id, oldest first")
    parser.add_argument(
        "--exclude-file", metavar="FILE", help="ids of items, one a line; besides recs.exclude"
    )
    parser.add_argument("--diversity", type=share, metavar="X", help="rerank.strength, 0 to 1")
    parser.add_argument("--top-k", type=count, metavar="K", help="recs.top_k")
    args = parser.parse_args()
    given = [name for name, value in vars(args).items() if value not in (None, False) and name != "output"]
    if given and args.output is None:
        parser.error(f"--{given[0].replace('_', '-')} needs --output: data/recs is what params.yaml says")
    return args


def ask(p: Params, args: argparse.Namespace, found: Engine) -> Requests:
    """Who is asked, and what is known of them."""
    given = None if args.histories is None else requests.read_histories(args.histories)
    users: list[str] = args.users or []
    if args.user_file is not None:
        users = requests.read_ids(args.user_file, "user_id")
    elif given is not None and not (users or args.sample_users or args.all_users):
        users = given["user_id"].tolist()
    elif not users:
        asked = "all" if args.all_users else args.sample_users or p.recs.users
        users = requests.choose(asked, found.split.user_ids, p.recs.seed)
    asked_of = found.audience(users, given)
    if asked_of.unknown_items:
        print(f"{asked_of.unknown_items:,} choices of {args.histories} are of items that data/splits lacks")
    return asked_of


def rules(p: Params, args: argparse.Namespace, found: Engine) -> Rules:
    """What lists are like: as params.yaml says, but for the arguments."""
    rerank = p.rerank
    if args.diversity is not None:
        method = "weighted" if rerank.method == "none" else rerank.method
        rerank = rerank.model_copy(update={"method": method, "strength": args.diversity})
        if method == "weighted" and args.diversity + rerank.novelty > 1:
            raise UserError(f"--diversity: with rerank.novelty={rerank.novelty} at most {1 - rerank.novelty}")
    excluded = p.recs.exclude
    if args.exclude_file is not None:
        excluded = excluded + requests.read_ids(args.exclude_file, "item_id")
    return found.rules(
        args.top_k or p.recs.top_k, rerank, p.recs.filter_seen, excluded, p.recs.category_limits
    )


def gallery_of(found: Engine, asked: Requests, table: pd.DataFrame, users: int, history: int) -> str:
    """The page of the first `users`, whose lists `table` holds."""
    manifest = files.read_table("data/images/manifest.parquet", ["status", "shard", "offset", "bytes"])
    room = GalleryCards(found, manifest, "data/images")
    lists = dict(iter(table.groupby("user_id", sort=False)))
    shelves = [
        room.shelf(user, lists.get(user, table[:0]), asked.past[row], history)
        for user, row in zip(asked.ids[:users], asked.rows[:users], strict=True)
    ]
    return gallery.page(shelves)


def watched(tables: Iterable[pa.Table], users: int) -> Iterator[pa.Table]:
    """The lists as they come, with a bar of the users who have theirs."""
    with tqdm(total=users, unit="user", disable=None) as bar:
        for table in tables:
            yield table
            bar.update(len(table["user_id"].unique()))


def main() -> str:
    p, args = Params(params.load(Recs), params.load(Rerank), params.load(Runtime)), arguments()
    device = runtime.device(p.runtime)
    found = engine.load("data/model", "data/splits", device)
    asked, made = ask(p, args, found), rules(p, args, found)
    one_thread = device.type == "cpu" and p.runtime.reproducible != "off"  # each: so several may work
    tables = watched(found.tables(asked, made, p.runtime.workers if one_thread else 0), len(asked.ids))
    if args.output is None:
        with files.replacing_folder("data/recs") as folder:
            rows = files.write_row_groups(folder / TABLE, engine.SCHEMA, tables)
            shown = writing.rows_of(folder / TABLE, asked.ids[: p.recs.gallery])
            files.write_json(folder / "recommendations.json", writing.records(shown))
            page = gallery_of(found, asked, shown, p.recs.gallery, p.recs.history)
            files.write_text(folder / "gallery.html", page)
    elif args.output.endswith(".html"):
        shown = writing.gathered(tables, len(asked.ids))
        rows = len(shown)
        files.write_text(args.output, gallery_of(found, asked, shown, len(asked.ids), p.recs.history))
    else:
        rows = writing.write(args.output, tables)
    print(f"{rows:,} recommendations for {len(asked.ids):,} users")
    return args.output or "data/recs"


if __name__ == "__main__":
    runtime.stage(main)
