"""Groups of similar hashes, against a comparison of all pairs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusionrec.data import near_duplicates

hashes = st.lists(st.integers(0, 2**64 - 1), max_size=12)
flips = st.lists(st.tuples(st.integers(0, 11), st.sets(st.integers(0, 63), max_size=17)), max_size=12)


def by_hand(values: list[int], distance: int) -> list[int]:
    """For each value the smallest index that it is connected to, by walking the graph."""
    first = list(range(len(values)))
    for start in range(len(values)):
        walk = [start] if first[start] == start else []
        while walk:
            here = walk.pop()
            for there in range(len(values)):
                close = (values[here] ^ values[there]).bit_count() <= distance
                if close and first[there] > start:
                    first[there] = start
                    walk.append(there)
    return first


def grouped(values: list[int], distance: int) -> list[int]:
    return near_duplicates.groups(np.array(values, np.uint64), distance).tolist()


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
    assert not near_duplicates.groups(values, distance).any()


def test_a_chain_is_one_group() -> None:
    chain = [(1 << length) - 1 for length in range(65)]
    assert grouped(chain, 1) == [0] * 65
    assert grouped(chain[::2], 1) == list(range(33))
