"""Scratch folders of processes that have ended, and of others."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fusionrec import files, scratch


@pytest.fixture(scope="module")
def ended() -> int:
    """The id of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def left(folder: Path, name: str) -> Path:
    (folder / name).mkdir(parents=True)
    (folder / name / "half").touch()
    return folder / name


def test_the_next_writer_sweeps_what_a_dead_one_left(tmp_path: Path, ended: int) -> None:
    dead = left(tmp_path, f".out.{ended}.abcdefgh")
    kept = [
        left(tmp_path, f".out.{os.getpid()}.abcdefgh"),  # another thread of this process
        left(tmp_path, f".other.{ended}.abcdefgh"),
        left(tmp_path, ".out.abcdefgh"),
        left(tmp_path, f"out.{ended}.abcdefgh"),
    ]
    with files.replacing_folder(tmp_path / "out") as folder:
        assert not dead.exists() and all(path.exists() for path in kept)
        (folder / "whole").touch()
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"whole", "SHA256SUMS"}


def test_sweeping_takes_every_output_and_leaves_the_rest(tmp_path: Path, ended: int) -> None:
    swept = {left(tmp_path, f".eval.json.{ended}.a_b0c1d2"), left(tmp_path, ".raw.abcdefgh")}
    left(tmp_path, ".ipynb_checkpoints")
    (tmp_path / ".gitignore").touch()
    (tmp_path / ".note.abcdefgh").touch()
    assert set(scratch.sweep(tmp_path, unknown=True)) == swept
    assert {path.name for path in tmp_path.iterdir()} == {
        ".ipynb_checkpoints",
        ".gitignore",
        ".note.abcdefgh",
    }
    assert scratch.sweep(tmp_path / "nowhere") == []


def test_names_say_the_process(tmp_path: Path) -> None:
    made = scratch.make(tmp_path / "model")
    match = scratch.NAME.fullmatch(made.name)
    assert match and int(match[1]) == os.getpid()


def test_every_dvc_repro_begins_without_what_killed_stages_left(tmp_path: Path, ended: int) -> None:
    """The stage `code` runs first: `fusionrec code` sweeps data, metrics and plots, and the folders inside."""
    swept = {
        left(tmp_path / "data", f".model.{ended}.abcdefgh"),
        left(tmp_path / "data/cache", f".vision.{ended}.abcdefgh"),
        left(tmp_path / "metrics", f".eval.json.{ended}.abcdefgh"),
        left(tmp_path / "plots", f".a.png.{ended}.abcdefgh"),
    }
    running = left(tmp_path / "data", f".recs.{os.getpid()}.abcdefgh")
    assert set(scratch.sweep_outputs(tmp_path)) == swept and running.exists()
