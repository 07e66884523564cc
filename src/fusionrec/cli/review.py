"""Reports the differences of two revisions or experiments: parameters, metrics, slices, plots and users' lists.

    fusionrec review [A] [B] [--markdown PATH] [--html PATH]

A and B are revisions as in DVC: a commit, branch, tag or name of an experiment, or `workspace` for the working
directory after `dvc repro`. Nothing is checked out: files come from git, and data/metrics and data/recs from DVC's
cache or remote. The report is Markdown, printed unless it goes to a file; --html also writes it as a page that needs
no network.
"""

import sys

from fusionrec import files, params
from fusionrec.cli import _arguments
from fusionrec.evaluation.options import Metrics
from fusionrec.review import html, markdown, revision, summary


def main(arguments: list[str]) -> None:
    """Run the command; `arguments` are those after its name."""
    parser = _arguments.two_revisions("review", __doc__)
    parser.add_argument(
        "--markdown", metavar="PATH", help="write the Markdown to a file instead of printing it"
    )
    parser.add_argument("--html", metavar="PATH", help="write a page with pictures and plots")
    args = parser.parse_args(arguments)
    review = summary.build(revision.read(args.a), revision.read(args.b), params.load(Metrics).seed)
    for path, render in ((args.html, html.page), (args.markdown, markdown.text)):
        if path is not None:
            files.write_text(path, render(review))
            print(f"{args.b} against {args.a}: {path}", file=sys.stderr)
    if args.markdown is None:
        print(markdown.text(review), end="")
