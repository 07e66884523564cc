"""Pictures a second through check, re-encoding, hashing and shards, against a bare loop over the same ones.

The bare loop decodes, and, where pictures are too large, resizes and encodes, in as many worker processes.
The two take turns, so that what else the machine does strikes both.

Not a test; run it on a quiet machine, from the repository's root: `python tests/benchmarks/images.py`.
"""

import io
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))

import numpy as np
from PIL import Image

from fusionrec import files, runtime, sections
from fusionrec.data import images
from fusionrec.data.image_options import Images

PICTURES, DIFFERENT, ROUNDS, WORKERS = 2000, 40, 2, 2
SETTINGS = {"too large": (1600, 1200), "fine": (500, 400)}
Named = tuple[str, bytes]


def photo(rng: np.random.Generator, size: tuple[int, int]) -> bytes:
    """A JPEG as heavy as a photograph: large shapes, and grain."""
    coarse = Image.fromarray(rng.integers(0, 256, (12, 16, 3), np.uint8)).resize(
        size, Image.Resampling.BICUBIC
    )
    grain = np.asarray(coarse) + rng.normal(0, 12, (size[1], size[0], 1))
    buffer = io.BytesIO()
    Image.fromarray(grain.clip(0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def bare(named: Named, options: Images, large: bool) -> bytes:
    """Decode; and resize and encode."""
    image: Image.Image = Image.open(io.BytesIO(named[1]))
    image.load()
    if not large:
        return named[1]
    image.thumbnail((options.longest_edge, options.longest_edge), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=options.quality)
    return buffer.getvalue()


def bare_loop(named: list[Named], options: Images, large: bool) -> int:
    """Bytes that come out."""
    loop = partial(bare, options=options, large=large)
    return sum(len(blob) for blob in runtime.parallel(loop, named, WORKERS))


def stage(named: list[Named], options: Images, folder: Path) -> int:
    """Bytes that come out, after they were written."""
    checked = runtime.parallel(partial(images.check, options=options), named, WORKERS)
    with files.replacing_folder(folder) as out, files.ShardWriter(out) as shards:
        return sum(shards.add(one.item, one.picture.blob or b"").bytes for one in checked)


def cost(function: Callable[[], int]) -> np.ndarray:
    """Seconds that a call takes, on the clock and of all processors together."""
    before = np.array([time.perf_counter(), processor_seconds()])
    function()
    return np.array([time.perf_counter(), processor_seconds()]) - before


def processor_seconds() -> float:
    """Of this process and its worker processes that have ended."""
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in usage)


def compare(named: list[Named], options: Images) -> str:
    """One line: both throughputs and their ratio, on the clock and, for busy machines, in processor time."""
    large = images.prepare(named[0][1], options).encoded
    with tempfile.TemporaryDirectory() as folder:
        rounds = [
            (
                cost(partial(bare_loop, named, options, large)),
                cost(partial(stage, named, options, Path(folder) / "images")),
            )
            for _ in range(ROUNDS)
        ]
    loop, ours = np.sum(rounds, axis=0)
    ratios = [one[0] / other[0] for one, other in rounds]
    count = len(named) * ROUNDS
    return (
        f"bare loop {count / loop[0]:.1f} pictures/s, stage {count / ours[0]:.1f}, ratio {loop[0] / ours[0]:.2f} "
        f"(rounds {min(ratios):.2f} to {max(ratios):.2f}), in processor time {loop[1] / ours[1]:.2f}"
    )


def main() -> None:
    """Print the comparison for each setting."""
    options = sections.load().images
    for setting, size in SETTINGS.items():
        rng = np.random.default_rng(0)
        blobs = [photo(rng, size) for _ in range(DIFFERENT)]
        named = [(f"{n}.jpg", blobs[n % DIFFERENT]) for n in range(PICTURES)]
        kilobytes = len(blobs[0]) / 1e3
        print(f"{setting}, {size[0]} x {size[1]}, {kilobytes:.0f} kB: {compare(named, options)}", flush=True)


if __name__ == "__main__":
    main()
