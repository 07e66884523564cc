"""Compares the metrics of two revisions or experiments, user by user: is the difference significant?

    fusionrec compare [A] [B] [--recommender model] [--metrics ndcg@10 recall@10 ...]

A and B are revisions as in DVC: a commit, branch, tag or name of an experiment, or `workspace` for the working
directory. Nothing is checked out: files come from DVC's cache or remote.
"""

import io

import pandas as pd

from fusionrec import params
from fusionrec.cli import _arguments
from fusionrec.errors import UserError
from fusionrec.evaluation import comparison
from fusionrec.evaluation.options import Metrics
from fusionrec.review import revision_files
from fusionrec.review.revision_files import PER_USER


def main(arguments: list[str]) -> None:
    """Run the command; `arguments` are those after its name."""
    parser = _arguments.two_revisions("compare", __doc__)
    parser.add_argument(
        "--recommender", default="model", help="the recommender whose metrics are compared; default: model"
    )
    parser.add_argument("--metrics", nargs="+", help="names of metrics; default: metrics.headline")
    args = parser.parse_args(arguments)
    options = params.load(Metrics)
    a, b = (_read(revision, args.recommender) for revision in (args.a, args.b))
    names = args.metrics or options.headline
    compared = comparison.compare(a, b, _in_both(names, a, b, bool(args.metrics)), options.seed)
    if not compared.common:
        raise UserError(f"{args.a} and {args.b} have no user in common")
    print(comparison.markdown(compared, args.a, args.b), end="")


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


def _in_both(names: list[str], a: pd.DataFrame, b: pd.DataFrame, required: bool) -> list[str]:
    """Those of the metrics `names` that both tables have. If there are none: all metrics that both have.

    Raises:
        UserError: if `required` and a metric is missing in one of the tables.
    """
    both = [name for name in a.columns.drop("user_id") if name in b]
    missing = [name for name in names if name not in both]
    if missing and required:
        raise UserError(f"--metrics: not in both: {', '.join(missing)}; both have {', '.join(both)}")
    return [name for name in names if name in both] or both
