"""Runs the command `fusionrec`: as `python -m fusionrec`, or as `python src/fusionrec` without installation."""

import sys
from pathlib import Path

if not __package__:  # the folder is run: Python put it on the path, but its parent holds the package
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from fusionrec.cli import main

if __name__ == "__main__":
    main()
