"""Reports the differences of two revisions or experiments: parameters, metrics, slices, plots and users' lists.

    fusionrec review [A] [B] [--markdown PATH] [--html PATH]

A and B are revisions as in DVC: a commit, branch, tag or name of an experiment, or `workspace` for the working
directory after `dvc repro`; or several of them, separated by commas, that differ in train.seed only. Nothing is
checked out: files come from git, and data/metrics and data/recs from DVC's cache or remote. The report is Markdown,
printed unless it goes to a file; --html also writes it as a page that needs no network.
"""

import sys

from fusionrec import files
from fusionrec.cli import _arguments
from fusionrec.review import html, markdown, runs, summary


def main(arguments: list[str]) -> None:
    """Run the command; `arguments` are those after its name."""
    parser = _arguments.two_sides("review", __doc__)
    parser.add_argument(
        "--markdown", metavar="PATH", help="write the Markdown to a file instead of printing it"
    )
    parser.add_argument("--html", metavar="PATH", help="write a page with pictures and plots")
    args = parser.parse_args(arguments)
    review = summary.build(runs.read(args.a), runs.read(args.b))
    for path, render in ((args.html, html.page), (args.markdown, markdown.text)):
        if path is not None:
            files.write_text(path, render(review))
            print(f"{review.b} against {review.a}: {path}", file=sys.stderr)
    if args.markdown is None:
        print(markdown.text(review), end="")
