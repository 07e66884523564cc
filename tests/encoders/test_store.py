"""The store returns what was put in, or nothing, even if files are damaged or other processes interfere."""

import hashlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusionrec.encoders import store as module
from fusionrec.encoders.store import Store

RECIPE: dict[str, Any] = {"encoder": "bert", "batch": 1}
WIDTH, PLENTY = 3, 1e9
Open = Callable[..., Store]


def key(number: int) -> bytes:
    return hashlib.sha256(str(number).encode()).digest()


def vectors(numbers: list[int], width: int = WIDTH) -> np.ndarray:
    """Row i has the number's cube root, and so on: no two alike, no round numbers."""
    return np.array(
        [[(number + 0.1) ** (1 / (3 + i)) for i in range(width)] for number in numbers], np.float32
    )


def put(target: Store, numbers: list[int], width: int = WIDTH) -> None:
    target.add([key(number) for number in numbers], vectors(numbers, width))


def known(source: Store, numbers: list[int], width: int = WIDTH) -> dict[int, list[float]]:
    found: dict[int, list[float]] = {}
    for places, matrix in source.read([key(number) for number in numbers], width):
        assert matrix.dtype == np.float32 and matrix.shape == (len(places), width)
        found |= {numbers[place]: row.tolist() for place, row in zip(places, matrix, strict=True)}
    return found


def wanted(numbers: list[int]) -> dict[int, list[float]]:
    return dict(zip(numbers, vectors(numbers).tolist(), strict=True))


@pytest.fixture
def begin(tmp_path: Path) -> Open:
    """Opens a store; where nothing is wrong, nothing is said."""

    def build(
        recipe: dict[str, Any] = RECIPE, limit: float = PLENTY, note: Callable[[str], object] = pytest.fail
    ) -> Store:
        return Store(tmp_path / "vectors", recipe, limit, note)

    return build


def test_what_was_put_in_comes_out_again(begin: Open) -> None:
    with begin() as first:
        assert first.width() is None and known(first, [1, 2]) == {}
        put(first, [1, 2])
        put(first, [5])
    with begin() as second:
        assert second.width() == WIDTH
        assert known(second, [5, 4, 1]) == wanted([5, 1])


def test_more_than_one_query_holds(begin: Open) -> None:
    numbers = list(range(2 * module.CHUNK + 7))
    with begin() as first:
        put(first, numbers[::2])
    with begin() as second:
        assert known(second, numbers) == wanted(numbers[::2])


def test_the_first_vector_of_a_key_stays(begin: Open) -> None:
    with begin() as first:
        put(first, [1])
        first.add([key(1)], vectors([2]))
    with begin() as second:
        assert known(second, [1]) == wanted([1])


@given(st.dictionaries(st.sampled_from(["a", "b"]), st.integers(0, 3), min_size=1),
       st.dictionaries(st.sampled_from(["a", "b"]), st.integers(0, 3), min_size=1))  # fmt: skip
def test_another_recipe_never_reads_them(
    tmp_path_factory: pytest.TempPathFactory, one: dict[str, int], other: dict[str, int]
) -> None:
    folder = tmp_path_factory.mktemp("vectors")
    with Store(folder, one, PLENTY, pytest.fail) as first:
        put(first, [1])
    with Store(folder, other, PLENTY, pytest.fail) as second:
        assert bool(known(second, [1])) == (one == other)
    with Store(folder, dict(reversed(one.items())), PLENTY, pytest.fail) as third:
        assert known(third, [1]), "the order of its entries says nothing"


def test_vectors_are_on_disk_before_the_end(begin: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SECONDS", 0)
    put(first := begin(), [1])
    assert known(begin(), [1]) == wanted([1])
    monkeypatch.setattr(module, "SECONDS", 60)
    put(first, [2])
    assert known(begin(), [2]) == {}


def test_switched_off_it_touches_nothing(begin: Open, tmp_path: Path) -> None:
    with begin(limit=0) as off:
        put(off, [1])
        assert off.width() is None and known(off, [1]) == {}
    assert not list(tmp_path.iterdir())


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def test_the_oldest_vectors_go_first(begin: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SECONDS", 0)
    limit, wide = 2_000_000, 1000  # 4,000 bytes each
    with begin(limit=limit) as full:
        for start in range(0, 2000, 100):
            put(full, list(range(start, start + 100)), wide)
            assert size(full.path.parent) <= limit
    with begin(limit=limit) as again:
        left = sorted(known(again, list(range(2000)), wide))
        assert left == list(range(left[0], 2000)) and 300 < len(left) < 500


def test_recipes_that_were_used_least_recently_go_first(begin: Open) -> None:
    stores = {}
    for age, name in enumerate(["own", "young", "middle", "old"]):
        with begin({"encoder": name}) as one:
            put(one, list(range(100)), 1000)
        stores[name] = one.path
        os.utime(one.path, (1_000_000 - age, 1_000_000 - age))
    with begin({"encoder": "old"}):
        pass  # used again: no longer the oldest
    limit = 3.5 * stores["own"].stat().st_size
    with begin({"encoder": "own"}, limit):
        pass
    assert {name for name, path in stores.items() if path.exists()} == {"own", "young", "old"}
    with begin({"encoder": "own"}, limit) as own:
        assert len(known(own, list(range(100)), 1000)) == 100


@pytest.mark.parametrize("whole_folder", [True, False])
def test_deleted_in_mid_run(begin: Open, monkeypatch: pytest.MonkeyPatch, whole_folder: bool) -> None:
    monkeypatch.setattr(module, "SECONDS", 0)
    with begin() as running:
        put(running, [1])
        running.path.unlink()
        if whole_folder:
            running.path.parent.rmdir()
        known(running, [1, 2])
        put(running, [2])
        put(running, [3])
    with begin() as after:
        assert known(after, [1, 2, 3]) == wanted([2, 3])


def overwritten(path: Path) -> None:
    path.write_bytes(b"not a database" * 10_000)


def truncated(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def zeroed(path: Path) -> None:
    blob = bytearray(path.read_bytes())
    blob[200_000:] = bytes(len(blob) - 200_000)
    path.write_bytes(blob)


def flipped(path: Path) -> None:
    """One bit of one vector; the file is a sound database nonetheless."""
    blob = bytearray(path.read_bytes())
    blob[blob.index(vectors([50]).tobytes())] ^= 1
    path.write_bytes(blob)


def shortened(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("UPDATE vectors SET vector = substr(vector, 1, 8) WHERE key = ?", [key(50)])


def resealed(path: Path) -> None:
    """A vector of another width, as a broken program would write it."""
    blob = bytes(4 * WIDTH + 4)
    with sqlite3.connect(path) as database:
        values = [blob, module._crc(key(50), blob), key(50)]
        database.execute("UPDATE vectors SET vector = ?, crc = ? WHERE key = ?", values)


def strange(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("UPDATE recipe SET text = 'another'")


def tabled(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("DROP TABLE vectors")
        database.execute("CREATE TABLE vectors (something TEXT)")


@pytest.mark.parametrize("damage", [overwritten, truncated, zeroed, flipped, shortened, resealed, strange])
def test_a_damaged_file_is_thrown_away(begin: Open, damage: Callable[[Path], None]) -> None:
    notes: list[str] = []
    numbers = list(range(5000))
    with begin() as first:
        put(first, numbers)
    damage(first.path)
    with begin(note=notes.append) as second:
        found = known(second, numbers)
        assert found.items() <= wanted(numbers).items() and 50 not in found
        put(second, [50])
    assert len(notes) == 1 and notes[0].startswith(f"{first.path}: damaged and deleted: ")
    with begin() as third:
        assert known(third, numbers) == wanted([50])
    assert len(notes) == 1


def test_where_no_store_can_be_the_run_goes_on(tmp_path: Path) -> None:
    notes: list[str] = []
    (tmp_path / "file").write_text("in the way")
    with Store(tmp_path / "file" / "vectors", RECIPE, PLENTY, notes.append) as none:
        put(none, [1])
        assert known(none, [1]) == {} and none.width() is None
    assert len(notes) == 1 and "not used any more, all vectors are encoded" in notes[0]


def test_tables_of_another_shape_switch_it_off(begin: Open) -> None:
    notes: list[str] = []
    with begin() as first:
        put(first, [1])
    tabled(first.path)
    with begin(note=notes.append) as second:
        assert known(second, [1]) == {}
        put(second, [1])
    assert len(notes) == 1


WRITER = """
import pathlib, sys, numpy
from fusionrec.encoders import store

store.SECONDS = 0
with store.Store(pathlib.Path(sys.argv[1]), {"encoder": "bert", "batch": 1}, 1e9, sys.exit) as target:
    for number in range(int(sys.argv[2]), int(sys.argv[2]) + 150):
        key, vector = number.to_bytes(32), numpy.full((1, 3), number, numpy.float32)
        target.add([key], vector)
        ((_, found),) = target.read([key], 3)
        assert found.tolist() == vector.tolist()
"""


def test_processes_at_once(begin: Open, tmp_path: Path) -> None:
    """They begin the file together, and write the same and different vectors."""
    environment = os.environ | {"PYTHONPATH": str(Path(module.__file__).parents[2])}
    command = [sys.executable, "-c", WRITER, str(tmp_path / "vectors")]
    writers = [subprocess.Popen([*command, str(start)], env=environment) for start in (0, 100, 200)]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    with begin() as after:
        ((places, found),) = after.read([number.to_bytes(32) for number in range(400)], WIDTH)
    assert dict(zip(places, found[:, 0].tolist(), strict=True)) == {n: n for n in range(350)}
