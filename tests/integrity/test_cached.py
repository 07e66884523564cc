"""Weights, vectors and states of trainings outside the repository."""

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from fusionrec import checksums
from fusionrec.encoders import store
from fusionrec.encoders.store import Store
from fusionrec.integrity import cached

KEYS = [bytes([number]) * 32 for number in range(40)]


@pytest.fixture
def vectors(tmp_path: Path) -> Path:
    with Store(tmp_path / "vectors", {"a": 1}, 1e9, pytest.fail) as kept:
        kept.add(KEYS, np.arange(40 * 8, dtype=np.float32).reshape(40, 8))
    (path,) = cached.stores(tmp_path)
    return path


def test_nothing_is_wrong_at_first(tmp_path: Path, vectors: Path) -> None:
    assert store.damage(vectors) is None and list(cached.faults(tmp_path)) == []
    assert list(cached.faults(tmp_path / "nowhere")) == []


def test_a_flipped_vector(tmp_path: Path, vectors: Path) -> None:
    with sqlite3.connect(vectors) as database:
        database.execute("UPDATE vectors SET vector = zeroblob(32) WHERE id = 3")
    (fault,) = cached.faults(tmp_path)
    assert fault.what == "damaged: 1 vectors are not what was written" and fault.mend is not None
    fault.mend()
    assert not vectors.exists()


def test_a_flipped_byte_anywhere_gives_no_wrong_vector(tmp_path: Path, vectors: Path) -> None:
    """The schema is text: a byte that is not UTF-8 in it once ended in a traceback."""
    whole, draw = vectors.read_bytes(), np.random.default_rng(1)
    schema = whole.index(b"CREATE TABLE vectors")
    places = [*range(schema, schema + 30, 3), *draw.integers(0, len(whole), 60).tolist()]
    for place in places:
        vectors.write_bytes(whole[:place] + bytes([whole[place] ^ 0x80]) + whole[place + 1 :])
        notes: list[str] = []
        with Store(tmp_path / "vectors", {"a": 1}, 1e9, notes.append) as kept:
            for positions, found in kept.read(KEYS, 8):
                expected = np.arange(40 * 8, dtype=np.float32).reshape(40, 8)[positions]
                assert (found == expected).all(), place
        store.delete(vectors)


def test_weights_that_decay(tmp_path: Path) -> None:
    folder = tmp_path / "weights/dino-1234"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    old = tmp_path / "weights/of-an-older-version"
    old.mkdir()
    checksums.write(folder)
    assert cached.weights(tmp_path) == [folder] and list(cached.faults(tmp_path)) == []
    (folder / "config.json").write_text("[]")
    (fault,) = cached.faults(tmp_path)
    assert "config.json: damaged" in fault.what and fault.source == "they are downloaded again"
