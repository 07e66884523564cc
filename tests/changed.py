"""Runs the tests of what changed since the last commit: of each changed module its own, and the changed tests."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ALWAYS = ["tests/test_code.py::test_every_mark_names_a_package_and_a_parameter"]


def changed() -> list[Path]:
    """Files that differ from HEAD, those that Git does not track yet included."""
    commands = (["git", "diff", "--name-only", "HEAD"], ["git", "ls-files", "--others", "--exclude-standard"])
    lines = [
        subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for command in commands
    ]
    return [Path(name) for name in "".join(lines).splitlines() if (ROOT / name).exists()]


def tests_of(path: Path) -> Path | None:
    """The test file of a module, which mirrors its place: src/fusionrec/data/text.py has tests/data/test_text.py.

    A module without a file of its own is tested with its package: training/losses/bpr.py in training/test_losses.py.
    """
    if path.is_relative_to("src/fusionrec"):
        inside = path.relative_to("src/fusionrec")
        own = Path("tests") / inside.with_name(f"test_{inside.name}")
        package = (
            Path("tests") / inside.parent.with_name(f"test_{inside.parent.name}.py")
            if inside.parent.name
            else own
        )
        return own if (ROOT / own).exists() else package
    if path.is_relative_to("stages"):
        return Path("tests/stages") / f"test_{path.name}"
    return path if path.name.startswith("test_") and path.suffix == ".py" else None


def main() -> int:
    """Exit status of pytest."""
    wanted = {test for path in changed() if (test := tests_of(path)) and (ROOT / test).exists()}
    listed = [test.as_posix() for test in sorted(wanted)]
    print("tests:", ", ".join(listed) or "none of their own")
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", *(listed or ALWAYS)]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
