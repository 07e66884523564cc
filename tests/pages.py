"""The commands in README.md and the pages beside it, which tests run as a reader would type them."""

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import yaml

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PROGRAMS = ("bash", "dvc", "fusionrec", "git", "make", "pip", "pytest", "python", "python3.11", "unzip")


class Block(NamedTuple):
    """A fenced block: its language, the lines inside, and the number of the first of them."""

    page: str
    section: str
    line: int
    language: str
    lines: list[str]

    @property
    def text(self) -> str:
        return textwrap.dedent("\n".join(self.lines))


class Command(NamedTuple):
    """Something to type, and where it stands."""

    page: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: {self.text}"


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def split(page: Path) -> tuple[list[Block], list[tuple[int, str]]]:
    """The fenced blocks of a page, and all lines that are in none, with their numbers."""
    blocks, prose, open_, section = list[Block](), list[tuple[int, str]](), None, ""
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if line.strip().startswith(("```", "~~~")):
            language = line.strip()[3:]
            open_ = Block(name(page), section, number + 1, language, []) if open_ is None else None
            blocks += [open_] if open_ else []
        elif open_:
            open_.lines.append(line)
        else:
            section = line if line.startswith("#") else section
            prose.append((number, line))
    assert open_ is None, f"{page}: a block has no end"
    return blocks, prose


def commands(block: Block) -> list[Command]:
    """Each line of bash; a block of Python is one script."""
    if block.language == "python":
        return [Command(block.page, block.line, f"python - <<'END'\n{block.text}\nEND")]
    lines = enumerate(block.text.splitlines(), block.line)
    return [Command(block.page, number, line) for number, line in lines if line.strip()]


def inline(page: Path) -> Iterator[Command]:
    """Text in single backticks that begins with the name of a program; it may go over the end of a line."""
    _, prose = split(page)
    text = "\n".join(line for _, line in prose)
    for found in re.finditer(r"(?<!`)`([^`]+)`(?!`)", text):
        words = found[1].split()
        if words[0] in PROGRAMS and len(words) > 1:
            yield Command(name(page), prose[text.count("\n", 0, found.start())][0], " ".join(words))


def automated() -> Iterator[Command]:
    """The commands of the workflows and of the hooks for pre-commit that begin with a program's name."""
    for path in sorted((ROOT / ".github/workflows").glob("*.yml")):
        for job in yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].values():
            for step in job["steps"]:
                lines = step.get("run", "").splitlines()
                yield from (Command(name(path), 0, line.strip()) for line in lines if _begins(line))
    hooks = ROOT / ".pre-commit-config.yaml"
    for repository in yaml.safe_load(hooks.read_text(encoding="utf-8"))["repos"]:
        entries = [hook["entry"] for hook in repository["hooks"]]
        yield from (Command(name(hooks), 0, entry) for entry in entries if _begins(entry))


def _begins(line: str) -> bool:
    return (line.split() or [""])[0] in PROGRAMS
