"""Imported first by every stage: puts src/ on the path and pins the numeric libraries.

A stage runs the code of its own checkout, so `dvc exp run --temp` runs its own copy of the code.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from fusionrec import runtime

runtime.pin()
