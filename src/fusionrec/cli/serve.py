"""Serves a packed model over HTTP, with a page to try it; docs/serving.md explains the requests.

    fusionrec serve shop
    fusionrec serve models/current --workers 2 --port 9000
    fusionrec serve shop --additions added
    FUSIONREC_TOKEN=... fusionrec serve shop --host 0.0.0.0

Reads: the folder of `fusionrec pack`. When it is replaced, or the link to it points elsewhere, the service turns to the
other model within a second of its being loaded; no request is lost.
Without a token in $FUSIONREC_TOKEN only this machine can ask. Workers share the model's memory.
"""

import os
from pathlib import Path

from fusionrec.cli import _arguments
from fusionrec.errors import UserError


def main(arguments: list[str]) -> None:
    """Run the command; `arguments` are those after its name.

    Raises:
        UserError: if there is no model, the address cannot be used, or others could ask without a token.
    """
    args = _parser().parse_args(arguments)
    from fusionrec.serve import server
    from fusionrec.serve.options import LOOPBACK, TOKEN, Options

    token = os.environ.pop(TOKEN, None) or None
    if not (Path(args.model) / "pack.json").is_file():
        raise UserError(f"{args.model}: not a packed model; make one with `fusionrec pack {args.model}`")
    if args.additions and args.without_new_items:
        raise UserError("--additions: items are added by their contents; leave out --without-new-items")
    options = Options(
        Path(args.model).absolute(),
        token,
        not args.without_new_items,
        args.exact,
        args.seconds,
        hosts=None if token else (*LOOPBACK, *args.name),
        additions=Path(args.additions).absolute() if args.additions else None,
    )
    server.run(options, args.host, args.port, args.workers)


def _parser() -> "_arguments.argparse.ArgumentParser":
    parser = _arguments.parser("serve", __doc__)
    parser.add_argument("model", metavar="MODEL", help="the folder of a packed model, or a link to one")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at; default: 127.0.0.1")
    parser.add_argument("--port", type=int, default=8000, help="default: 8000; 0: any that is free")
    parser.add_argument(
        "--workers", type=_arguments.positive, default=1, metavar="N", help="worker processes; default: 1"
    )
    parser.add_argument(
        "--seconds", type=_arguments.positive, default=10, metavar="N", help="limit on a request; default: 10"
    )
    parser.add_argument(
        "--name",
        nargs="+",
        default=[],
        metavar="HOST",
        help="further host names of this machine, for browsers",
    )
    parser.add_argument("--exact", action="store_true", help="use no index")
    parser.add_argument("--without-new-items", action="store_true", help="load no encoders")
    parser.add_argument("--additions", metavar="FOLDER", help="let users add items, which are kept in FOLDER")
    return parser
