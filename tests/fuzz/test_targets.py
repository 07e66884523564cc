"""Mutated files of every kind that is read: an answer or a `UserError`. `run.py` does this for as long as you like."""

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fusionrec.errors import UserError

from . import targets

EXAMPLES = 40
READ = ["csv", "jsonl", "mapping", "parquet", "array", "ids", "parameters", "config", "safetensors"]
INTERESTING = [
    b"",
    b"\0",
    b"\xff",
    b'"',
    b"\n",
    b",",
    b"{",
    b"[",
    b"-1",
    b"1e999",
    b"9" * 30,
    b"null",
    b": &a *a",
]


@cache
def seeds(name: str) -> list[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        return targets.seeds(name, Path(folder))


@st.composite
def damaged(draw: Any, name: str) -> bytes:
    """A seed with some bytes changed, removed, inserted or repeated."""
    blob = draw(st.sampled_from(seeds(name)))
    for _ in range(draw(st.integers(0, 5))):
        start = draw(st.integers(0, len(blob)))
        end = min(len(blob), start + draw(st.integers(0, 40)))
        inside = draw(st.sampled_from([*INTERESTING, blob[start:end] * 2]) | st.binary(max_size=8))
        blob = blob[:start] + inside + blob[end:]
    return bytes(blob)


@pytest.mark.parametrize("name", targets.TARGETS)
def test_an_answer_or_one_clear_error(name: str, tmp_path: Path) -> None:
    @settings(max_examples=EXAMPLES, derandomize=True, suppress_health_check=[*HealthCheck])
    @given(damaged(name))
    def check(blob: bytes) -> None:
        try:
            targets.TARGETS[name](tmp_path, blob)
        except UserError as error:
            assert 0 < len(str(error)) < 40_000

    check()


@pytest.mark.parametrize("name", READ)
def test_the_first_seed_is_read(name: str, tmp_path: Path) -> None:
    targets.TARGETS[name](tmp_path, seeds(name)[0])
