"""Compares the metrics of two revisions or experiments, user by user: is the difference significant?

    fusionrec compare [A] [B] [--recommender model] [--metrics ndcg@10 recall@10 ...]
    fusionrec compare main,main-seed-2,main-seed-3 dino-seed-1,dino-seed-2,dino-seed-3

A and B are revisions as in DVC: a commit, branch, tag or name of an experiment, or `workspace` for the working
directory; or several of them, separated by commas, that differ in train.seed only. With one run on a side, only the
two trained models are compared; with several on both, the recipes are. Nothing is checked out: files come from DVC's
cache or remote.
"""

import io

import pandas as pd

from fusionrec import params
from fusionrec.cli import _arguments
from fusionrec.errors import UserError
from fusionrec.evaluation import comparison
from fusionrec.evaluation.options import Metrics
from fusionrec.review import revision_files, runs
from fusionrec.review.revision_files import PER_USER


def main(arguments: list[str]) -> None:
    """Run the command; `arguments` are those after its name."""
    parser = _arguments.two_sides("compare", __doc__)
    parser.add_argument(
        "--recommender", default="model", help="the recommender whose metrics are compared; default: model"
    )
    parser.add_argument("--metrics", nargs="+", help="names of metrics; default: metrics.headline")
    args = parser.parse_args(arguments)
    options = params.load(Metrics)
    a, b = (runs.read(names, metrics=False) for names in (args.a, args.b))
    first, second = ([_read(side.name, args.recommender) for side in sides] for sides in (a, b))
    names = _in_all(args.metrics or options.headline, [*first, *second], bool(args.metrics))
    compared = comparison.compare(first, second, names)
    if not compared.common:
        raise UserError(f"{runs.label(a)} and {runs.label(b)} have no user in common")
    if runs.same_recipe(a, b):
        print(f"{runs.same_recipe_note(a, b)}\n")
    print(comparison.markdown(compared, runs.label(a), runs.label(b)), end="")


def _read(revision: str, recommender: str) -> pd.DataFrame:
    """A table with user_id and metrics, one row per user.

    Raises:
        UserError: if the revision has no metrics of users, or none of this recommender.
    """
    table = pd.read_parquet(io.BytesIO(revision_files.read_bytes(PER_USER, revision)))
    names = table["recommender"].unique()
    if recommender not in names:
        raise UserError(f"--recommender: {revision} has no {recommender!r}; it has {', '.join(names)}")
    return table[table["recommender"] == recommender].drop(columns="recommender")


def _in_all(names: list[str], tables: list[pd.DataFrame], required: bool) -> list[str]:
    """Those of the metrics `names` that all tables have. If there are none: all metrics that all have.

    Raises:
        UserError: if `required` and a metric is missing in one of the tables.
    """
    shared = [name for name in tables[0].columns.drop("user_id") if all(name in table for table in tables)]
    missing = [name for name in names if name not in shared]
    if missing and required:
        raise UserError(f"--metrics: not in both: {', '.join(missing)}; both have {', '.join(shared)}")
    return [name for name in names if name in shared] or shared
