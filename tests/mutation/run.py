"""Mutation tests: each core module is changed in many small ways, and its own tests must notice.

    pip install mutmut
    python tests/mutation/run.py [MODULE...]

A module is a name of the table below, such as `accuracy`; without one, all run, one after the other. Each has a folder
in logs/mutation, in which `mutmut results` lists the changes that no test noticed, and `mutmut show NAME` shows one.
A change is killed if a test fails, or does not end. The score is the share that is killed, of all; those in code that
the tests never call count as not killed.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRATCH = ROOT / "logs/mutation"
# tests of all metrics together
WHOLE = [f"evaluation/test_{name}.py" for name in ("agreement", "slices", "traps", "tradeoff")]
# the files in src/fusionrec, and their tests
MODULES: dict[str, tuple[str, list[str]]] = {
    "accuracy": ("evaluation/metrics/accuracy.py", ["evaluation/metrics/test_accuracy.py", *WHOLE]),
    "catalogue": ("evaluation/metrics/catalogue.py", ["evaluation/metrics/test_catalogue.py", *WHOLE]),
    "diversity": ("evaluation/metrics/diversity.py", ["evaluation/metrics/test_diversity.py", *WHOLE]),
    "popularity": ("evaluation/metrics/popularity.py", ["evaluation/metrics/test_popularity.py", *WHOLE]),
    "serendipity": ("evaluation/metrics/serendipity.py", ["evaluation/metrics/test_serendipity.py", *WHOLE]),
    "ranking": ("evaluation/catalogue_ranking.py", ["evaluation/test_catalogue_ranking.py"]),
    "significance": ("evaluation/significance.py", ["evaluation/test_significance.py"]),
    "strategies": ("data/strategies/*.py", ["data/strategies"]),
    "leakage": ("data/leakage.py", ["data/test_leakage.py"]),
    "losses": ("training/losses/*.py", ["training/test_losses.py"]),
    "samplers": ("training/samplers.py", ["training/test_samplers.py"]),
    "histories": ("data/histories.py", ["data/test_histories.py"]),
    "history": ("models/fusion/history.py", ["models/fusion/test_history.py"]),
    "rerank": ("recommend/rerank.py", ["recommend/test_rerank.py"]),
    "gains": ("recommend/rerank_gains.py", ["recommend/test_rerank.py"]),
}
CONFIG = """[mutmut]
source_paths=src/
only_mutate=src/fusionrec/{code}
also_copy=
    params.yaml
    stages
pytest_add_cli_args=
    -n0
    -q
pytest_add_cli_args_test_selection=
    {tests}
process_isolation=forkserver
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("modules", nargs="*", metavar="MODULE", help=", ".join(MODULES))
    names = parser.parse_args().modules or [*MODULES]
    print("| module | changes | killed | survived | never called | score |\n|---|---|---|---|---|---|")
    for name in names:
        counts = mutate(name)
        killed = counts["killed"] + counts["timeout"] + counts["segfault"] + counts["suspicious"]
        score = f"{killed / counts['total']:.0%}" if counts["total"] else ""
        row = [name, counts["total"], killed, counts["survived"], counts["no_tests"], score]
        print(f"| {' | '.join(map(str, row))} |", flush=True)


def mutate(name: str) -> dict[str, int]:
    """Run mutmut in a fresh copy of the working tree's tracked files; what it says is in the copy's mutmut.log."""
    code, tests = MODULES[name]
    folder = SCRATCH / name
    shutil.rmtree(folder, ignore_errors=True)
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
    )
    for path in map(Path, listed.stdout.splitlines()):
        if (ROOT / path).is_file() and path.parts[0] in (
            "src",
            "stages",
            "tests",
            "params.yaml",
            "pyproject.toml",
        ):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / path, folder / path)
    selected = "\n    ".join(f"tests/{test}" for test in tests)
    (folder / "setup.cfg").write_text(CONFIG.format(code=code, tests=selected), encoding="utf-8")
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    with (folder / "mutmut.log").open("w") as log:
        for command in (["run", "--max-children", "1"], ["export-cicd-stats"]):
            subprocess.run([sys.executable, "-m", "mutmut", *command], cwd=folder, env=environment, stdout=log,
                           stderr=log, check=command[0] != "run")  # fmt: skip
    counts: dict[str, int] = json.loads(
        (folder / "mutants/mutmut-cicd-stats.json").read_text(encoding="utf-8")
    )
    return counts


if __name__ == "__main__":
    main()
