"""What a unit of work costs: measured on one thread of an AMD EPYC with AVX2, under `runtime.reproducible: portable`.

Each row has the command that measured it. Another CPU needs another time, mostly within a factor of two; memory and
disk travel better.
"""

from typing import NamedTuple

TABLES = "python tests/benchmarks/tables.py"
CACHE = "python tests/benchmarks/cache.py"
TRAINING = "python tests/benchmarks/training.py"
RANKING = "python tests/benchmarks/ranking.py"


class Term(NamedTuple):
    """The cost of one unit.

    Attributes:
        stage: that does the work.
        unit: what is counted, see `work.units`.
        seconds: of a CPU, for each unit.
        memory: bytes at the peak, for each unit.
        disk: bytes of what is written, for each unit.
        measured: the command that measures it.
    """

    stage: str
    unit: str
    seconds: float
    memory: float
    disk: float
    measured: str


TERMS = [
    Term("raw", "run", 2, 0.25e9, 0, TABLES),
    Term("raw", "interactions", 2.7e-6, 117, 17, TABLES),
    Term("clean", "run", 2, 0.3e9, 0, TABLES),
    Term("clean", "interactions", 3.4e-6, 50, 11, TABLES),
    Term("splits", "run", 3, 0.25e9, 0, TABLES),
    Term("splits", "interactions", 1.3e-6, 90, 11, TABLES),
    Term("images", "pictures", 2.3e-3, 0, 60e3, "python tests/benchmarks/images.py"),
    Term("cache@vision", "run", 4, 1.2e9, 0, CACHE),
    Term("cache@vision", "pictures by efficientnet", 65e-3, 0, 5120, CACHE),
    Term("cache@vision", "pictures by clip", 0.106, 0, 2048, CACHE),
    Term("cache@vision", "pictures by resnet", 0.111, 0, 8192, CACHE),
    Term("cache@vision", "pictures by convnext", 0.139, 0, 4096, CACHE),
    Term("cache@language", "run", 4, 1.2e9, 0, CACHE),
    Term("cache@language", "texts by sentence-bert", 22e-3, 0, 1536, CACHE),
    Term("model", "run", 8, 1.1e9, 0, TRAINING),
    Term("model", "vectors", 2.8e-4, 3.3e3, 0, TRAINING),
    Term("model", "fitted vectors", 0, 13e3, 0, TRAINING),  # by the sizes of arrays, as is the next one
    Term("model", "items", 0, 2e3, 600, TRAINING),
    Term("model", "interactions", 0, 40, 0, TRAINING),
    Term("model", "scores of full softmax", 6.5e-8, 0, 0, TRAINING),
    Term("model", "steps of sampled losses", 0.05, 0, 0, TRAINING),
    Term("model", "steps of sampled losses x items", 5e-7, 0, 0, TRAINING),
    Term("model", "validations x items", 7.5e-9, 0, 0, RANKING),
    Term("metrics", "run", 12, 0.9e9, 0, RANKING),
    Term("metrics", "items", 0, 5e3, 0, RANKING),
    Term("metrics", "measured users", 0, 6.6e3, 200, RANKING),
    Term("metrics", "interactions", 0, 60, 0, RANKING),  # by the sizes of arrays
    Term("metrics", "rankings x items", 7.5e-9, 0, 0, RANKING),
    Term("metrics", "users x users", 3e-8, 0, 0, RANKING),
    Term("metrics", "cubed items of EASE", 5.6e-10, 0, 0, RANKING),
    Term("metrics", "squared items of EASE", 0, 24, 0, RANKING),
    Term("recs", "run", 5, 0.5e9, 0, "python tests/benchmarks/recommending.py"),
    Term("recs", "items", 0, 15e3, 0, "python tests/benchmarks/recommending.py"),
    Term("recs", "lists x items", 5.4e-9, 0, 0, "python tests/benchmarks/recommending.py"),
    Term("recs", "lists", 0, 2e3, 400, "python tests/benchmarks/recommending.py"),
]
