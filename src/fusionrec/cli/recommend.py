"""Recommends to given users with the trained model, and writes the lists to a file; data/recs stays as it is.

    fusionrec recommend --output PATH [--users ID ... | --user-file FILE | --sample-users N | --all-users] ...

Reads: data/model, data/splits and, for a page, data/images; `recs` and `rerank` in params.yaml, as far as the
arguments do not replace them.
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
    asked, rules = _requests(args, options, recommender), _rules(args, options, rerank, recommender)
    tables = recommender.tables(asked, rules, runtime.threads(computing, device))
    tables = writing.watched(tables, len(asked.ids))
    if args.output.endswith(".html"):
        shown = writing.gathered(tables, len(asked.ids))
        rows = len(shown)
        page = gallery_cards.page(recommender, asked, shown, len(asked.ids), options.history)
        files.write_text(args.output, page)
    else:
        rows = writing.write(args.output, tables)
    print(f"{rows:,} recommendations for {len(asked.ids):,} users: {args.output}")


def _parser() -> argparse.ArgumentParser:
    parser = _arguments.parser("recommend", __doc__)
    parser.add_argument("--output", metavar="PATH", required=True, help="a .parquet, .csv or .html file")
    whom = parser.add_mutually_exclusive_group()
    whom.add_argument("--users", nargs="+", metavar="ID", help="user ids; unknown users get popular items")
    whom.add_argument("--user-file", metavar="FILE", help="user ids, one per line")
    whom.add_argument(
        "--sample-users", type=_arguments.positive, metavar="N", help="N random users, drawn with recs.seed"
    )
    whom.add_argument("--all-users", action="store_true", help="all users of data/splits")
    parser.add_argument(
        "--histories", metavar="FILE", help="CSV or Parquet with user_id and item_id, oldest first"
    )
    parser.add_argument(
        "--exclude-file", metavar="FILE", help="item ids, one per line; added to recs.exclude"
    )
    parser.add_argument(
        "--diversity", type=_arguments.share, metavar="X", help="0 to 1; replaces rerank.strength"
    )
    parser.add_argument("--top-k", type=_arguments.positive, metavar="K", help="replaces recs.top_k")
    return parser


def _requests(args: argparse.Namespace, options: Recs, recommender: Engine) -> Requests:
    """Who gets recommendations, and their histories; without an argument those of --histories or `recs.users`."""
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
    asked = recommender.audience(users, given)
    if asked.unknown_items:
        print(f"{args.histories}: {asked.unknown_items:,} rows name an item that data/splits does not have")
    return asked


def _rules(args: argparse.Namespace, options: Recs, rerank: Rerank, recommender: Engine) -> Rules:
    """The rules of params.yaml, except for what the arguments replace.

    Raises:
        UserError: if --diversity and rerank.novelty leave no weight for the score.
    """
    if args.diversity is not None:
        method = "weighted" if rerank.method == "none" else rerank.method
        if method == "weighted" and args.diversity + rerank.novelty > 1:
            raise UserError(f"--diversity: at most {1 - rerank.novelty} with rerank.novelty={rerank.novelty}")
        rerank = rerank.model_copy(update={"method": method, "strength": args.diversity})
    excluded = options.exclude
    if args.exclude_file is not None:
        excluded = excluded + requests.read_ids(args.exclude_file, "item_id")
    return recommender.rules(
        args.top_k or options.top_k, rerank, options.filter_seen, excluded, options.category_limits
    )
