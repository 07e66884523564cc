"""Compare two revisions or experiments user by user, from what their stage `metrics` left.

    python stages/compare.py [A] [B] [--recommender model] [--metrics ndcg@10 recall@10 ...]

A and B are what DVC calls a revision: a commit, branch, tag or name of an experiment; `workspace` is what lies
here. Nothing is checked out: files come from DVC's cache, or from its remote.
"""

import _start  # noqa: F401  (src on the path, pins set before numpy loads)

import io

import pandas as pd

from fusionrec import params, runtime
from fusionrec.errors import UserError
from fusionrec.evaluation import comparison, revisions
from fusionrec.evaluation.revisions import PER_USER


def read(revision: str, recommender: str) -> pd.DataFrame:
    """One row a user: user_id and metrics.

    Raises:
        UserError: if there is no such file in the revision, or no such recommender in the file.
    """
    table = pd.read_parquet(io.BytesIO(revisions.read_bytes(PER_USER, revision)))
    names = table["recommender"].unique()
    if recommender not in names:
        raise UserError(f"--recommender: {revision} has no {recommender!r}; it has {', '.join(names)}")
    return table[table["recommender"] == recommender].drop(columns="recommender")


def shared(names: list[str] | None, a: pd.DataFrame, b: pd.DataFrame) -> list[str]:
    """The metrics to compare.

    Raises:
        UserError: if one of them is not in both.
    """
    both = [name for name in a.columns.drop("user_id") if name in b]
    missing = [name for name in names or [] if name not in both]
    if missing:
        raise UserError(f"--metrics: not in both: {', '.join(missing)}; both have {', '.join(both)}")
    return names or [name for name in params.load().metrics.headline if name in both] or both


def main() -> None:
    parser = revisions.parser(__doc__)
    parser.add_argument("--recommender", default="model", help="whose metrics; default: model")
    parser.add_argument("--metrics", nargs="+", help="default: metrics.headline")
    asked = parser.parse_args()
    a, b = (read(revision, asked.recommender) for revision in (asked.a, asked.b))
    found = comparison.compare(a, b, shared(asked.metrics, a, b), params.load().metrics.seed)
    if not found.common:
        raise UserError(f"{asked.a} and {asked.b} have no user in common")
    print(comparison.markdown(found, asked.a, asked.b), end="")


if __name__ == "__main__":
    runtime.command(main)
