"""What differs between two revisions or experiments: parameters, metrics with tests, slices, plots, users' lists.

    python stages/review.py [A] [B] [--markdown PATH] [--html PATH]

A and B are what DVC calls a revision: a commit, branch, tag or name of an experiment; `workspace` is what lies
here, after `dvc repro`. Nothing is checked out. Reads what git holds of both, and from DVC's cache or remote
data/metrics and data/recs. Writes Markdown, to the screen if not to a file, and a page that needs no network.
"""

import _start  # noqa: F401  (src on the path, pins set before numpy loads)

import sys

from fusionrec import files, params, runtime
from fusionrec.evaluation import revisions
from fusionrec.review import html, markdown, report, sides


def main() -> None:
    parser = revisions.parser(__doc__)
    parser.add_argument("--markdown", metavar="PATH", help="a file instead of the screen")
    parser.add_argument("--html", metavar="PATH", help="the page, with pictures and plots")
    asked = parser.parse_args()
    found = report.build(sides.read(asked.a), sides.read(asked.b), params.load().metrics.seed)
    written = {asked.html: html.page, asked.markdown: markdown.text}
    for path, render in written.items():
        if path is not None:
            files.write_text(path, render(found))
            print(f"{asked.b} against {asked.a}: {path}", file=sys.stderr)
    if asked.markdown is None:
        print(markdown.text(found), end="")


if __name__ == "__main__":
    runtime.command(main)
