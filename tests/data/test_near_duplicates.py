"""Groups of pictures with similar hashes and colours, against a comparison of all pairs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusionrec.data import near_duplicates
from fusionrec.data.colour_layout import points

ANY = np.zeros((0, 32), np.uint8)  # colours do not count
hashes = st.lists(st.integers(0, 2**64 - 1), max_size=12)
flips = st.lists(st.tuples(st.integers(0, 11), st.sets(st.integers(0, 63), max_size=17)), max_size=12)


def by_hand(values: list[int], distance: int, layouts: np.ndarray = ANY, colour: float = np.inf) -> list[int]:
    """For each value the smallest index that it is connected to, by walking the graph."""
    at = points(layouts) if len(layouts) else np.zeros((len(values), 1))
    first = list(range(len(values)))
    for start in range(len(values)):
        walk = [start] if first[start] == start else []
        while walk:
            here = walk.pop()
            for there in range(len(values)):
                close = (values[here] ^ values[there]).bit_count() <= distance
                close &= bool(np.linalg.norm(at[here] - at[there]) <= colour)
                if close and first[there] > start:
                    first[there] = start
                    walk.append(there)
    return first


def grouped(values: list[int], distance: int) -> list[int]:
    return near_duplicates.groups(np.array(values, np.uint64), ANY, distance, None).tolist()


def test_by_hand() -> None:
    values = [0b1111, 2**63, 0b1100, 0b0000, 2**63, 2**63 + 1]
    assert grouped(values, 0) == [0, 1, 2, 3, 1, 5]
    assert grouped(values, 1) == [0, 1, 2, 1, 1, 1]  # 0 and 2^63 differ in one bit
    assert grouped(values, 2) == [0, 0, 0, 0, 0, 0]  # 1111 - 1100 - 0000 - 2^63 + 1, in steps of two
    assert grouped([], 4) == []
    assert grouped([7], 16) == [0]


@given(hashes, flips, st.integers(0, 16))
def test_as_found_by_walking_the_graph(
    values: list[int], changes: list[tuple[int, set[int]]], distance: int
) -> None:
    for index, bits in changes:
        if values:
            values.append(values[index % len(values)] ^ sum(1 << bit for bit in bits))
    assert grouped(values, distance) == by_hand(values, distance)


@pytest.mark.parametrize(("compared", "held"), [(1, 1), (7, 3), (1 << 18, 1 << 20)])
def test_the_limits_on_memory_do_not_change_the_groups(
    compared: int, held: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(3)
    values = rng.integers(0, 1 << 12, 80).tolist() + [value << 50 for value in range(80)]
    expected = by_hand(values, 1)
    assert len(set(expected)) > 10
    monkeypatch.setattr(near_duplicates, "COMPARED", compared)
    monkeypatch.setattr(near_duplicates, "HELD", held)
    assert grouped(values, 1) == expected


@pytest.mark.parametrize("distance", [0, 4, 16])
def test_many_equal_hashes_are_one(distance: int) -> None:
    values = np.full(200_000, 12345, np.uint64)
    layouts = np.full((200_000, 32), 77, np.uint8)
    assert not near_duplicates.groups(values, layouts, distance, 0.25).any()
    assert not near_duplicates.groups(values, ANY, distance, None).any()


def test_a_chain_is_one_group() -> None:
    chain = [(1 << length) - 1 for length in range(65)]
    assert grouped(chain, 1) == [0] * 65
    assert grouped(chain[::2], 1) == list(range(33))


def hues(count: int, seed: int) -> np.ndarray:
    """Layouts of one motif in hues all around the circle, and more and less colourful."""
    rng = np.random.default_rng(seed)
    angle, strength = rng.uniform(0, 2 * np.pi, count), rng.uniform(0, 90, count)
    cells = strength[:, None] * rng.uniform(0.5, 1, 16)
    both = np.stack([cells * np.cos(angle)[:, None], cells * np.sin(angle)[:, None]], axis=2)
    return (128 + both).round().astype(np.uint8).reshape(count, 32)


def test_two_colours_of_one_motif_are_two_groups() -> None:
    values = np.array([7, 7, 7, 7 + 2**40, 7 + 2**40], np.uint64)
    orange, purple = [100, 180] * 16, [170, 150] * 16
    layouts = np.array([orange, purple, orange, purple, [101, 181] * 16], np.uint8)
    assert near_duplicates.groups(values, layouts, 4, 0.25).tolist() == [0, 1, 0, 1, 0]
    assert near_duplicates.groups(values, layouts, 4, None).tolist() == [0] * 5
    assert near_duplicates.groups(values, layouts, 0, 0.25).tolist() == [0, 1, 0, 3, 4]
    assert near_duplicates.groups(values, layouts, 4, 0.0).tolist() == [0, 1, 0, 1, 4]


@pytest.mark.parametrize("small", [1, 256])
@pytest.mark.parametrize("colour", [0.02, 0.1, 0.25])
def test_colours_as_found_by_walking_the_graph(
    colour: float, small: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(near_duplicates, "SMALL", small)
    rng = np.random.default_rng(5)
    values = [int(v) for v in rng.choice([0, 1, 3, 255 << 30], 150)]
    layouts = hues(150, seed=6)
    groups = near_duplicates.groups(np.array(values, np.uint64), layouts, 1, colour).tolist()
    assert groups == by_hand(values, 1, layouts, colour)
    assert 3 < len(set(groups)) < 150


def test_groups_do_not_depend_on_the_order() -> None:
    rng = np.random.default_rng(8)
    values, layouts = rng.choice(np.array([0, 1, 3, 2**50], np.uint64), 300), hues(300, seed=9)
    order = rng.permutation(300)
    groups = near_duplicates.groups(values, layouts, 1, 0.1)
    shuffled = near_duplicates.groups(values[order], layouts[order], 1, 0.1)
    same = groups[:, None] == groups
    assert (same[order][:, order] == (shuffled[:, None] == shuffled)).all() and 1 < len(
        np.unique(groups)
    ) < 300


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by the number of pairs, whenever colours are compared."""
    counts, cdist = [], near_duplicates.cdist

    def counting(one: np.ndarray, other: np.ndarray) -> np.ndarray:
        counts.append(len(one) * len(other))
        return cdist(one, other)

    monkeypatch.setattr(near_duplicates, "cdist", counting)
    return counts


def test_many_colours_of_one_motif_are_not_all_compared(compared: list[int]) -> None:
    layouts = hues(10_000, seed=1)
    near_duplicates.groups(np.full(10_000, 5, np.uint64), layouts, 4, 0.25)
    assert 0 < sum(compared) < 0.2 * 10_000**2
    assert max(compared) <= near_duplicates.COMPARED + 10_000, "memory is bounded"


def test_even_the_worst_colours_are_compared_once(compared: list[int]) -> None:
    layouts = np.random.default_rng(0).integers(0, 256, (3_000, 32), np.uint8)
    groups = near_duplicates.groups(np.full(3_000, 5, np.uint64), layouts, 16, 0.25)
    assert groups.tolist() == list(range(3_000))
    assert sum(compared) < 0.55 * 3_000**2
