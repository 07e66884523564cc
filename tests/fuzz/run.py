"""Fuzzing guided by coverage: each reader of foreign bytes gets mutated files, and must answer or refuse them.

    pip install atheris
    python tests/fuzz/run.py [--minutes 5] [TARGET...]

What was found stays in logs/fuzz/<target>: corpus/ has one file for each way through the code, and the next run starts
from it; crash-*, timeout-* and oom-* are bugs. `python tests/fuzz/run.py TARGET --file FILE` shows one. The exit status
is 1 if there are any.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]
SCRATCH = ROOT / "logs/fuzz"
LIMITS = ["-timeout=20", "-rss_limit_mb=4096", "-max_len=100000", "-print_final_stats=1"]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "targets", nargs="*", metavar="TARGET", help="see tests/fuzz/targets.py; default: all"
    )
    parser.add_argument("--minutes", type=float, default=5, help="for each target")
    parser.add_argument("--file", type=Path, help="read this file only")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)  # in the process of one target
    chosen = parser.parse_args()
    if chosen.here or chosen.file:
        fuzz(chosen.targets[0], chosen.minutes, chosen.file)
        return
    from tests.fuzz.targets import TARGETS

    print("| target | inputs | found |\n|---|---|---|")
    counts = [started(name, chosen.minutes) for name in chosen.targets or TARGETS]
    sys.exit(any(counts))


def started(name: str, minutes: float) -> int:
    """Fuzz a target in a process of its own, which ends with the first bug; the number of bugs."""
    folder = SCRATCH / name
    (folder / "corpus").mkdir(parents=True, exist_ok=True)
    command = [sys.executable, __file__, name, "--here", "--minutes", str(minutes)]
    with (folder / "log").open("w+", errors="replace") as log:
        subprocess.run(command, stdout=log, stderr=log, check=False)
        log.seek(0)
        inputs = re.findall(r"number_of_executed_units: (\d+)", log.read())
    bugs = [path for kind in ("crash", "timeout", "oom") for path in folder.glob(f"{kind}-*")]
    print(f"| {name} | {int(inputs[-1]) if inputs else 0:,} | {len(bugs) or ''} |", flush=True)
    return len(bugs) or int(not inputs)


def fuzz(name: str, minutes: float, file: Path | None) -> None:
    """Call a target until a bug is found, or the time is over."""
    import atheris

    with atheris.instrument_imports(include=["fusionrec"]):
        from tests.fuzz import targets

    from fusionrec.errors import UserError

    folder = SCRATCH / name
    with tempfile.TemporaryDirectory() as scratch:
        for number, blob in enumerate(targets.seeds(name, Path(scratch))):
            (folder / "corpus").mkdir(parents=True, exist_ok=True)
            (folder / "corpus" / f"seed-{number}").write_bytes(blob)

        def once(blob: bytes) -> None:
            with suppress(UserError):
                targets.TARGETS[name](Path(scratch), blob)

        options = [*LIMITS, f"-max_total_time={int(60 * minutes)}", f"-artifact_prefix={folder}/"]
        atheris.Setup([__file__, *options, str(file or folder / "corpus")], once)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
