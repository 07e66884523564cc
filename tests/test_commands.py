"""Every command in README.md and docs/*.md works when the page is pasted into a shell from top to bottom."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest
import torch
import yaml
from dvc.cli.parser import get_main_parser  # type: ignore[import-untyped]
from dvc.utils.serialize import modify_yaml  # type: ignore[import-untyped]

from fusionrec import sections

from . import pages, supplies, warm
from .checkouts import SMALL, change, clone, commit, git, inside, ran
from .pages import PAGES, Block, Command

# Smaller than the demo, to save time, but with everything that a page names.
PARAMETERS = SMALL | {
    "runtime.workers": 1,
    "metrics.tradeoff": [0.3],
    "metrics.rerankers": ["mmr"],
    "metrics.baselines.names": ["random", "popularity", "ease"],
    "search.startup": 1,
}

# Every command of a page is run; these parts are replaced:
DIFFERENT = {
    # no other machine is contacted: tests/supplies.py serves the same paths
    "https://": "{server}/",
    # what the reader fills in
    "/path/to/a/folder": "{away}/store",
    "/path/to/a/cache": "{cache}",
    "git clone <repository> && cd <repository>": "git clone {origin} {away}/colleague && cd {away}/colleague",
    "<the commit, from the model's page>": supplies.REVISION,
    "<the commit>": supplies.REVISION,
    # the same in less time
    "train.seed=1,2,3": "train.seed=1",
    "train.seed=1,2": "train.seed=1",
    "variants rivals --seeds 3": "variants fusions",
    "for model in fusion bpr_mf lightgcn": "for model in bpr_mf",
    "--seeds 3": "--seeds 2",
    "--trials 20": "--trials 2",
    "--users 100000 --items 100000": "--users 1000 --items 1000",
    # the environment that runs these tests was made by the same two commands: see .ci/run
    "python3.11 -m venv .venv && . .venv/bin/activate": "true",
    "pip install -r requirements.txt && dvc repro": "dvc repro",
    # nothing is installed, but what would be is found out
    "pip install --require-hashes": "pip install --dry-run --require-hashes",
    "pip install --no-deps": "pip install --dry-run --no-deps",
    "pip install --extra-index-url https://download.pytorch.org/whl/cpu": "pip install --dry-run",
    # these tests themselves
    "pytest": "pytest --collect-only --quiet",
    # the small demo does not have these two items
    '"p0501", "p0366"': '"p0051", "p0036"',
}

# What a page says about a command: the stages that it runs.
CLAIMS = {
    "pip install -r requirements.txt && dvc repro": [
        "raw", "clean", "images", "splits", "cache@vision", "cache@language", "model", "metrics", "recs"
    ],
    "re-runs cache@vision, model, metrics and recs, nothing else": ["cache@vision", "model", "metrics", "recs"],
    "nothing to do": [],
    "empty: everything came out as committed": [],
    "without data: is the lock up to date?": [],
}  # fmt: skip
CLEAN = ("pip install -r requirements.txt && dvc repro", "empty: everything came out as committed")

BLOCKS = [block for page in PAGES for block in pages.split(page)[0]]
RUN = [block for block in BLOCKS if block.language in ("bash", "python")]
TYPED = [command for block in RUN for command in pages.commands(block)]
MENTIONED = [command for page in PAGES for command in pages.inline(page)]
AUTOMATED = list(pages.automated())
WITH_COMMANDS = sorted({block.page for block in RUN})


PATTERN = "|".join(re.escape(pattern) for pattern in sorted(DIFFERENT, key=len, reverse=True))


def here(text: str, places: dict[str, Path | str]) -> str:
    """A page's text as it is run. If several patterns match, the longest one is replaced."""
    return re.sub(rf"(?<!\w)(?:{PATTERN})", lambda match: DIFFERENT[match[0]].format_map(places), text)


# Quick: checks that run no command of a page


def test_every_block_is_of_a_kind_that_is_tested() -> None:
    assert {block.language for block in BLOCKS} <= {"bash", "python", "yaml", "mermaid", ""}


@pytest.mark.parametrize("page", PAGES, ids=pages.name)
def test_no_command_stands_outside_the_blocks_that_are_run(page: Path) -> None:
    blocks, prose = pages.split(page)
    for block in blocks:
        if block.language in ("mermaid", ""):
            prose += enumerate(block.lines, block.line)
    typed = re.compile(rf"\s*(\$ .*|({'|'.join(map(re.escape, pages.PROGRAMS))}) [-\w./]+( .*)?)")
    assert [(number, line) for number, line in prose if typed.fullmatch(line)] == []


def test_each_difference_is_needed() -> None:
    texts = [command.text for command in TYPED] + [block.text for block in BLOCKS if block.language == "yaml"]
    used = {pattern for text in texts for pattern in re.findall(rf"(?<!\w)(?:{PATTERN})", text)}
    assert used == DIFFERENT.keys()


@pytest.mark.parametrize("claim", [*CLAIMS, *CLEAN])
def test_each_claim_is_made(claim: str) -> None:
    assert any(claim in command.text for command in TYPED)


@pytest.mark.parametrize("command", TYPED, ids=str)
def test_a_line_is_a_whole_command(command: Command) -> None:
    text = here(command.text, dict.fromkeys(("server", "away", "cache", "origin"), "here"))
    done = subprocess.run(["bash", "-n", "-c", text], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "block", [block for block in BLOCKS if block.language == "yaml"], ids=lambda b: f"{b.page}:{b.line}"
)
def test_what_is_to_be_pasted_into_the_parameters_is_valid(block: Block) -> None:
    tree = yaml.safe_load((pages.ROOT / "params.yaml").read_text(encoding="utf-8"))
    merge(tree, pasted(block))
    sections.parse(tree)
    assert "<" not in here(block.text, {}), "something is to be filled in"


def pasted(block: Block) -> dict[str, Any]:
    tree: dict[str, Any] = yaml.safe_load(here(block.text, {}))
    return tree


def merge(tree: dict[str, Any], change: dict[str, Any]) -> None:
    for key, value in change.items():
        if isinstance(value, dict) and isinstance(tree.get(key), dict):
            merge(tree[key], value)
        else:
            tree[key] = value


def parts(command: Command) -> list[list[str]]:
    """The words of each command in a line."""
    if "<<" in command.text:
        return []
    words = [shlex.split(part, comments=True) for part in re.split(r"&&|;|\bdo\b", command.text)]
    return [part for part in words if part and part[0] in pages.PROGRAMS]


@cache
def help_of(*script: str) -> str:
    done = subprocess.run([warm.python(), *script, "--help"], cwd=pages.ROOT, capture_output=True, text=True)
    assert done.returncode == 0, f"{script}: {done.stderr}"
    return done.stdout


def knows(words: list[str]) -> bool:
    """Whether DVC has this command with these options; a group such as `dvc exp` counts."""
    for arguments in (words, [*words, "--help"]):
        try:
            get_main_parser().parse_args(arguments)
        except SystemExit as end:
            if end.code == 0:
                return True
        except Exception:  # what DVC raises for wrong arguments
            continue
        else:
            return True
    return False


@pytest.mark.parametrize("command", [*TYPED, *MENTIONED, *AUTOMATED], ids=str)
def test_programs_and_options_exist(command: Command, pytestconfig: pytest.Config) -> None:
    markers = {marker.split(":")[0] for marker in pytestconfig.getini("markers")}
    for program, *words in parts(command):
        options = {word.split("=")[0] for word in words if word.startswith("--")}
        if program == "dvc":
            assert knows(words), f"{command}: dvc has no such command or option"
        elif program == "fusionrec" or words[:1] == ["src/fusionrec"]:
            name = words[:1] if program == "fusionrec" else words[1:2]
            said = help_of("src/fusionrec", *name)
            assert all(re.search(rf"{option}\b", said) for option in options), command
        elif program.startswith("python") and words[0].endswith(".py"):
            assert all(re.search(rf"{option}\b", help_of(words[0])) for option in options), command
        elif program in ("pytest", "bash"):
            assert all((pages.ROOT / word).exists() for word in words if "/" in word), command
            assert all(word in markers for option, word in pairwise(words) if option == "-m"), command


# Slow: the pages are run as a reader would paste them


class Shell:
    """A reader's shell: each command starts with the folder and environment that the previous one left."""

    def __init__(self, folder: Path, scratch: Path):
        scratch.mkdir(parents=True, exist_ok=True)
        self.state, self.output, self.scratch = scratch / "state", scratch / "output", scratch
        self.state.write_text(f"cd {shlex.quote(str(folder))}\n")

    def run(self, text: str, seconds: float = 900) -> tuple[int, str]:
        """Exit status and output; the output goes to a file, which background processes may keep open."""
        script = (
            f'. "$STATE"\n{text}\ncode=$?\n{{ export -p; printf "cd %q\\n" "$PWD"; }} > "$STATE"\nexit $code'
        )
        with self.output.open("w") as file:
            process = subprocess.Popen(
                ["bash", "-euo", "pipefail", "-c", script],
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                process.wait(seconds)
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
        return process.returncode, self.output.read_text(errors="replace")

    def succeed(self, text: str) -> str:
        code, output = self.run(text)
        assert code == 0, output
        return output

    def environment(self) -> dict[str, str]:
        """As in an activated environment, with a name for commits; nothing is kept outside `scratch`."""
        identity = {f"GIT_{who}_NAME": "reader" for who in ("AUTHOR", "COMMITTER")}
        identity |= {f"GIT_{who}_EMAIL": "reader@localhost" for who in ("AUTHOR", "COMMITTER")}
        mine = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        return (
            mine
            | identity
            | {
                "PATH": warm.path(),
                "STATE": str(self.state),
                "GIT_CONFIG_GLOBAL": os.devnull,
                "DVC_SITE_CACHE_DIR": str(self.scratch / "site"),
                "HF_HOME": str(self.scratch / "hub"),
                "HF_HUB_OFFLINE": "1",
                "PIP_NO_COMPILE": "1",  # of a thousand modules few are imported
                "no_proxy": "127.0.0.1",
            }
        )


def wait_for_the_queue(shell: Shell) -> None:
    """Wait until everything in the queue has ended; fail if something failed."""
    deadline = time.monotonic() + 600
    states = ["Queued"]
    while {"Queued", "Running"} & set(states) and time.monotonic() < deadline:
        time.sleep(1)
        shown = shell.succeed("dvc queue status")
        states = re.findall(r"(Queued|Running|Success|Failed)\s*$", shown, re.M)
    assert set(states) == {"Success"}, shown


# Commands that start something in the background, and how to wait for its end
BACKGROUND: dict[str, Callable[[Shell], None]] = {"dvc queue start": wait_for_the_queue}


@contextmanager
def nothing_left(folder: Path) -> Iterator[None]:
    """Processes that still run in `folder` a minute after the end are killed, and the test fails."""
    try:
        yield
    finally:
        _, left = psutil.wait_procs(inside(folder), timeout=60)
        names = [" ".join(process.cmdline()) for process in left]
        for process in left:
            process.kill()
        shutil.rmtree(folder / "repository/.venv", ignore_errors=True)  # gigabytes
    assert names == []


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository in which a small demo has run."""
    work = clone(tmp_path_factory.mktemp("small"))
    git(work, "branch", "-M", "main")
    change(work, PARAMETERS)
    Shell(work, tmp_path_factory.mktemp("scratch")).succeed("dvc repro")
    for _ in range(4):  # HEAD~3 is named
        commit(work)
    return work


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    root = tmp_path_factory.mktemp("web")
    supplies.web(root)
    with supplies.served(root) as address:
        yield address


def fresh(page: str, small: Path, folder: Path) -> Path:
    """A clone of a shared repository; the demo has run, except for README.md, whose reader starts with nothing."""
    repository = folder / "repository"
    git(folder, "clone", "-q", "--bare", str(small), "shared.git")
    git(folder, "clone", "-q", "shared.git", "repository")
    if page != "README.md":
        setup = Shell(repository, folder / "scratch")
        setup.succeed(f"dvc cache dir --local {small}/.dvc/cache")
        setup.succeed("dvc checkout")
    supplies.provide(page, repository, folder / "scratch/hub")
    return repository


@pytest.mark.slow
@pytest.mark.parametrize("page", WITH_COMMANDS)
def test_a_page_can_be_pasted(page: str, small: Path, server: str, tmp_path: Path) -> None:
    places = {"origin": tmp_path / "shared.git", "cache": small / ".dvc/cache", "away": tmp_path / "away"}
    repository = fresh(page, small, tmp_path)
    shell = Shell(repository, tmp_path / "scratch")
    blocks = [block for block in BLOCKS if block.page == page]
    with nothing_left(tmp_path):
        for block in blocks:
            if block.language == "yaml" and any(
                later.section == block.section and later in RUN for later in blocks
            ):
                with modify_yaml(repository / "params.yaml") as tree:
                    merge(tree, pasted(block))
            for command in pages.commands(block) if block in RUN else []:
                carry_out(command, shell, places | {"server": server}, repository)


def carry_out(command: Command, shell: Shell, places: dict[str, Path | str], repository: Path) -> None:
    """Run one command and check that it did what the page says."""
    text = here(command.text, places)
    started = time.monotonic()
    code, output = shell.run(text)
    print(f"{command} ({time.monotonic() - started:.0f} s)\n{output}")
    if "runtime.device=cuda" in text and not torch.cuda.is_available():
        said = [line for line in output.splitlines() if line.startswith("error: ")]
        assert code != 0 and "Traceback" not in output, command
        assert said == ["error: runtime.device is cuda, but torch finds no GPU here; set runtime.device=cpu"]
        return
    assert code == 0, f"{command}\nended with {code}, run as: {text}\n{output}"
    for claim, stages in CLAIMS.items():
        assert claim not in command.text or ran(output) == stages, f"{command}\n{output}"
    if any(claim in command.text for claim in CLEAN):
        assert git(repository, "status", "--porcelain", "--untracked-files=no") == "", command
    for start, wait in BACKGROUND.items():
        if start in text:
            wait(shell)
