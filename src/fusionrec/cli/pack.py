"""Packs the trained model with all that answering needs into one folder, which works without this repository.

    fusionrec pack shop
    fusionrec pack models/2 --without-pictures

Reads: data/model, data/splits and, for thumbnails, data/images.
Writes: the folder. It holds the model, the catalogue, everybody's history, and the sha256 of every file. Load it with
`fusionrec.api.load`, or serve it with `fusionrec serve`.
"""

from pathlib import Path

from fusionrec import files
from fusionrec.cli import _arguments
from fusionrec.recommend import approximate, packing


def main(arguments: list[str]) -> None:
    """Run the command; `arguments` are those after its name.

    Raises:
        UserError: see `packing.pack`.
    """
    parser = _arguments.parser("pack", __doc__)
    parser.add_argument("folder", metavar="FOLDER", help="to write; a packed model there is replaced")
    parser.add_argument("--model", metavar="FOLDER", default="data/model", help="default: data/model")
    parser.add_argument("--splits", metavar="FOLDER", default="data/splits", help="default: data/splits")
    pictures = parser.add_mutually_exclusive_group()
    pictures.add_argument("--images", metavar="FOLDER", default="data/images", help="default: data/images")
    pictures.add_argument("--without-pictures", action="store_true", help="no thumbnails")
    parser.add_argument("--index", action="store_true", help="with an index, for catalogues of millions")
    args = parser.parse_args(arguments)
    images = None if args.without_pictures else args.images
    packing.pack(args.folder, args.model, args.splits, images, args.index)
    if args.index:
        measured = files.read_json(Path(args.folder) / packing.CATALOGUE / approximate.MEASURED)
        print(f"index: {', '.join(f'{name} {value}' for name, value in measured.items())}")
    size = sum(path.stat().st_size for path in Path(args.folder).rglob("*") if path.is_file())
    print(
        f"{args.folder}: {size / 2**20:,.1f} MiB; load it with fusionrec.api.load, or run `fusionrec serve`"
    )
