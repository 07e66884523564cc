"""Recommends to given users with the trained model and writes the lists to a file; data/recs is not changed.

    fusionrec recommend --output PATH [--users ID ... | --user-file FILE | --sample-users N | --all-users] ...

Reads: data/model, data/splits and, for a page, data/images; `recs` and `rerank` in params.yaml, where no argument
replaces a value.
Writes: PATH: a .parquet or .csv table with one row per recommendation, or an .html page with pictures.
"""

import argparse

from fusionrec import files, params, runtime
from fusionrec.cli import _arguments
from fusionrec.errors import UserError
from fusionrec.recommend import engine, gallery_cards, requests, writing
from fusionrec.recommend.engine import Engine
from fusionrec.recommend.lists import Rules
from fusionrec.recommend.recs_options import Recs
from fusionrec.recommend.requests import Requests
from fusionrec.recommend.rerank_options import Rerank
from fusionrec.runtime import Runtime


def main(arguments: list[str]) -> None:
    """Run the command; `arguments` are those after its name."""
    args = _parser().parse_args(arguments)
    writing.check(args.output)
    options, rerank, computing = params.load(Recs), params.load(Rerank), params.load(Runtime)
    device = runtime.device(computing)
    recommender = engine.load("data/model", "data/splits", device)
    requested, rules = _requests(args, options, recommender), _rules(args, options, rerank, recommender)
    tables = recommender.tables(requested, rules, runtime.threads(computing, device))
    tables = writing.watched(tables, len(requested.ids))
    if args.output.endswith(".html"):
        shown = writing.gathered(tables, len(requested.ids))
        rows = len(shown)
        page = gallery_cards.page(recommender, requested, shown, len(requested.ids), options.history)
        files.write_text(args.output, page)
    else:
        rows = writing.write(args.output, tables)
    print(f"{rows:,} recommendations for {len(requested.ids):,} users: {args.output}")


def _parser() -> argparse.ArgumentParser:
    parser = _arguments.parser("recommend", __doc__)
    parser.add_argument("--output", metavar="PATH", required=True, help="a .parquet, .csv or .html file")
    users = parser.add_mutually_exclusive_group()
    users.add_argument(
        "--users", nargs="+", metavar="ID", help="user ids; users without a history get popular items"
    )
    users.add_argument("--user-file", metavar="FILE", help="user ids, one per line")
    users.add_argument(
        "--sample-users", type=_arguments.positive, metavar="N", help="N random users, drawn with recs.seed"
    )
    users.add_argument("--all-users", action="store_true", help="all users of data/splits")
    parser.add_argument(
        "--histories", metavar="FILE", help="CSV or Parquet with user_id and item_id, oldest first"
    )
    parser.add_argument(
        "--exclude-file", metavar="FILE", help="item ids, one per line; added to recs.exclude"
    )
    parser.add_argument(
        "--diversity", type=_arguments.share, metavar="X", help="from 0 to 1; replaces rerank.strength"
    )
    parser.add_argument("--top-k", type=_arguments.positive, metavar="K", help="replaces recs.top_k")
    return parser


def _requests(args: argparse.Namespace, options: Recs, recommender: Engine) -> Requests:
    """Users to recommend to, and their histories. Without an argument: the users of --histories, or `recs.users`.

    Raises:
        UserError: if a file of ids or histories cannot be read.
    """
    given = None if args.histories is None else requests.read_histories(args.histories)
    user_ids = recommender.split.user_ids
    users: list[str] = args.users or []
    if args.user_file is not None:
        users = requests.read_ids(args.user_file, "user_id")
    elif args.all_users:
        users = user_ids
    elif args.sample_users:
        users = requests.choose(args.sample_users, user_ids, options.seed)
    elif not users:
        users = (
            requests.choose(options.users, user_ids, options.seed)
            if given is None
            else given["user_id"].tolist()
        )
    requested = recommender.requests(users, given)
    if requested.unknown_items:
        print(
            f"{args.histories}: {requested.unknown_items:,} rows with items that are not in data/splits are ignored"
        )
    return requested


def _rules(args: argparse.Namespace, options: Recs, rerank: Rerank, recommender: Engine) -> Rules:
    """The rules of params.yaml, with the values that arguments replace.

    Raises:
        UserError: if --diversity and rerank.novelty add up to more than 1, or a file of ids cannot be read.
    """
    if args.diversity is not None:
        method = "weighted" if rerank.method == "none" else rerank.method
        if method == "weighted" and args.diversity + rerank.novelty > 1:
            raise UserError(
                f"--diversity: must be at most {1 - rerank.novelty} with rerank.novelty={rerank.novelty}"
            )
        rerank = rerank.model_copy(update={"method": method, "strength": args.diversity})
    excluded = options.exclude
    if args.exclude_file is not None:
        excluded = excluded + requests.read_ids(args.exclude_file, "item_id")
    return recommender.rules(
        args.top_k or options.top_k, rerank, options.filter_seen, excluded, options.category_limits
    )
