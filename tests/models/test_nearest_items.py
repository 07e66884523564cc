"""Nearest items by hand and against scikit-learn."""

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from fusionrec import files
from fusionrec.data.item_inputs import Modality
from fusionrec.models import nearest_items, neighbours
from fusionrec.models.nearest_items import Neighbours, compute, nearest

INF = torch.inf


def modality(vectors: torch.Tensor, absent: tuple[int, ...] = ()) -> Modality:
    present = torch.ones(len(vectors), dtype=torch.bool)
    present[list(absent)] = False
    return Modality(vectors * present[:, None], present, torch.zeros(len(vectors), 0, 0))


def same(one: Neighbours, other: Neighbours) -> bool:
    return one.rows.equal(other.rows) and one.similarity.equal(other.similarity)


def drawn(items: int, width: int, absent: tuple[int, ...] = ()) -> Modality:
    return modality(torch.randn(items, width, generator=torch.Generator().manual_seed(0)), absent)


def test_by_hand() -> None:
    vectors = torch.tensor([[1.0, 0], [2, 0], [0, 3], [3, 4]])
    found = compute(modality(vectors), 2)
    assert found.rows.tolist() == [[0, 1], [0, 1], [2, 3], [2, 3]]
    torch.testing.assert_close(found.similarity, torch.tensor([[1, 1], [1, 1], [1, 0.8], [0.8, 1]]))


def test_of_equal_items_the_first_are_neighbours() -> None:
    found = compute(modality(torch.ones(5, 3)), 2)
    assert found.rows.tolist() == [[0, 1]] * 5


def test_an_item_without_a_vector_has_and_is_no_neighbour() -> None:
    found = compute(modality(torch.tensor([[1.0, 0], [1, 1], [0, 1]]), (1,)), 3)
    torch.testing.assert_close(found.similarity, torch.tensor([[1.0, -INF, 0], [-INF] * 3, [0, -INF, 1]]))


def test_as_scikit_learn_has_it_in_chunks_of_any_length(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = drawn(50, 8)
    whole = compute(vectors, 4)
    reference = NearestNeighbors(n_neighbors=4, metric="cosine").fit(vectors.vectors)
    distances, rows = reference.kneighbors(vectors.vectors)
    assert whole.rows.tolist() == np.sort(rows, 1).tolist()
    assert whole.similarity.sort(1).values.numpy() == pytest.approx(np.sort(1 - distances, 1), abs=1e-6)
    monkeypatch.setattr(neighbours, "VALUES", 50 * 7)
    assert compute(vectors, 4).rows.equal(whole.rows)


def test_what_takes_long_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUSIONREC_CACHE", str(tmp_path))
    vectors = drawn(20, 4, (3,))
    first = nearest(vectors, 3)
    assert not list(tmp_path.iterdir()), "it is faster to compute"
    monkeypatch.setattr(nearest_items, "KEPT_FROM", 0)
    assert same(nearest(vectors, 3), first)
    (path,) = tmp_path.rglob("*.safetensors")
    files.write_sealed(path, first._replace(rows=first.rows + 1)._asdict())
    assert nearest(vectors, 3).rows.equal(first.rows + 1), "it is read"
    flipped = path.read_bytes()[:-1] + b"!"
    for damaged in (b"damaged", flipped):
        path.write_bytes(damaged)
        assert same(nearest(vectors, 3), first)
        assert files.read_sealed(path)["rows"].equal(first.rows), "it is replaced"


def test_the_key_is_everything_that_neighbours_depend_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUSIONREC_CACHE", str(tmp_path))
    monkeypatch.setattr(nearest_items, "KEPT_FROM", 0)
    vectors = drawn(6, 4)
    asked = [(vectors, 2), (vectors, 3), (drawn(6, 4, (1,)), 2), (drawn(6, 5), 2)]
    for each in asked * 2:
        nearest(*each)
    assert len(list(tmp_path.rglob("*.safetensors"))) == len(asked)


def test_old_files_are_deleted_and_a_folder_that_cannot_be_written_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUSIONREC_CACHE", str(tmp_path))
    monkeypatch.setattr(nearest_items, "KEPT_FROM", 0)
    monkeypatch.setattr(nearest_items, "KEPT", 2)
    for k in (1, 2, 3):
        nearest(drawn(6, 4), k)
    assert len(list(tmp_path.rglob("*.safetensors"))) == 2
    monkeypatch.setenv("FUSIONREC_CACHE", "/dev/null")
    assert nearest(drawn(6, 4), 2).rows.shape == (6, 2)
