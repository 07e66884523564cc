"""Nearly identical texts, against a comparison of all pairs."""

import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusionrec.data import near_texts
from fusionrec.data.near_texts import MIN_SHINGLES, MIN_WORDS, STOCK, WIDTH, near

VIEW = "a view of the sea from the old pier, printed on heavy cotton paper"
SHIRT = "men's cotton t-shirt with a round neck and short sleeves, machine washable, made in portugal"
words = st.lists(st.sampled_from("abcd"), max_size=14).map(" ".join)


def brute_force(texts: list[str], known: list[bool], similarity: float) -> list[bool]:
    """By the definition, with Python's sets."""
    split = [tuple(re.findall(r"\w+", text.lower())) for text in texts]
    distinct = set(split)
    sets = {
        text: {text[at : at + WIDTH] for at in range(len(text) - WIDTH + 1)}
        if len(text) >= MIN_WORDS
        else set()
        for text in distinct
    }
    frequency = Counter(shingle for shingles in sets.values() for shingle in shingles)
    share, least, most = STOCK
    limit = min(max(len(distinct) // share, least), most)
    sets = {text: {s for s in shingles if frequency[s] <= limit} for text, shingles in sets.items()}

    def alike(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
        if one == other:
            return len(one) >= MIN_WORDS
        first, second = sets[one], sets[other]
        if min(len(first), len(second)) < MIN_SHINGLES:
            return False
        return len(first & second) / len(first | second) >= similarity

    trained = [text for text, one in zip(split, known, strict=True) if one]
    return [
        not one and any(alike(text, other) for other in trained)
        for text, one in zip(split, known, strict=True)
    ]


def pair(one: str, other: str, similarity: float = 0.7) -> bool:
    found = near([one, other], np.array([True, False]), similarity)
    assert not found[0]
    return bool(found[1])


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (VIEW, VIEW, True),
        (VIEW, VIEW.upper().replace(",", " --"), True),  # case and punctuation do not count
        (VIEW, VIEW + " today", True),  # 12 of 13 shingles
        (VIEW, VIEW.replace("old", "new"), False),  # 9 of 15
        (SHIRT, SHIRT.replace("portugal", "spain"), True),  # 13 of 15
        (SHIRT, SHIRT.replace("cotton", "linen").replace("round", "low"), False),
        (SHIRT, VIEW, False),
        ("t-shirt, blue", "t-shirt, blue", False),  # too short
        ("one two three four five six seven", "one two three four five six seven", False),
        ("one two three four five six seven eight", "one two three four five six seven eight", True),
        ("", "", False),
        ("... !!!", "... !!!", False),
        ("红色纯棉短袖男士T恤夏季新款", "红色纯棉短袖男士T恤夏季新款上市", True),  # no spaces between words
        ("青いTシャツ", "青いTシャツ", False),  # seven characters
    ],
)
def test_by_hand(one: str, other: str, expected: bool) -> None:
    assert pair(one, other) == pair(other, one) == expected
    assert [expected] == brute_force([one, other], [True, False], 0.7)[1:] or not one.isascii()


def test_the_similarity_is_a_lower_bound() -> None:
    one, other = VIEW, VIEW.replace("old", "new")
    assert pair(one, other, 9 / 15) and not pair(one, other, 9 / 15 + 1e-9)
    assert pair(one, one, 1.0) and not pair(one, other, 1.0)


def test_only_known_texts_count_and_are_not_counted() -> None:
    texts = [VIEW, VIEW + " today", SHIRT, SHIRT]
    assert near(texts, np.array([True, False, False, False]), 0.7).tolist() == [False, True, False, False]
    assert near(texts, np.array([True, True, True, False]), 0.7).tolist() == [False, False, False, True]
    for all_or_none in (True, False):
        assert not near(texts, np.full(4, all_or_none), 0.7).any()
    assert near([], np.zeros(0, bool), 0.7).tolist() == []


@settings(deadline=None)
@given(st.lists(st.tuples(words, st.booleans()), max_size=12), st.sampled_from([0.2, 0.5, 0.7, 1.0]))
def test_as_by_the_definition(drawn: list[tuple[str, bool]], similarity: float) -> None:
    texts, known = [text for text, _ in drawn], [one for _, one in drawn]
    assert near(texts, np.array(known, bool), similarity).tolist() == brute_force(texts, known, similarity)


def grammar(count: int, seed: int) -> list[str]:
    """Texts of one phrase each for beginning, middle and end, some with a word of their own."""
    rng = np.random.default_rng(seed)
    phrases = [[f"{part}{k}a {part}{k}b {part}{k}c {part}{k}d" for k in range(9)] for part in "xyz"]
    chosen = rng.integers(0, 9, (count, 3))
    ends = ["" if number % 3 else f" own{number}" for number in range(count)]
    return [
        " ".join(phrases[p][k] for p, k in enumerate(row)) + end
        for row, end in zip(chosen, ends, strict=True)
    ]


@pytest.mark.parametrize("held", [1, 50, 1 << 16])
@pytest.mark.parametrize("stock", [(10, 100, 1000), (10, 5, 20)])
def test_neither_stock_phrases_nor_blocks_change_what_is_found(
    held: int, stock: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    texts, known = grammar(200, seed=1), np.random.default_rng(2).random(200) < 0.5
    monkeypatch.setattr(near_texts, "HELD", held)
    monkeypatch.setattr(near_texts, "STOCK", stock)
    monkeypatch.setitem(globals(), "STOCK", stock)
    found = near(texts, known, 0.6)
    assert found.tolist() == brute_force(texts, known.tolist(), 0.6)
    assert 3 < found.sum() < (~known).sum()


def test_it_is_symmetric_and_the_order_does_not_matter() -> None:
    texts, rng = grammar(40, seed=3), np.random.default_rng(4)
    alike = np.array([near(texts, np.arange(40) == one, 0.4) for one in range(40)])
    assert (alike == alike.T).all() and alike.any() and not alike.all()
    known, order = rng.random(40) < 0.3, rng.permutation(40)
    shuffled = near([texts[at] for at in order], known[order], 0.4)
    assert shuffled.tolist() == near(texts, known, 0.4)[order].tolist()
    assert (near(texts, known, 0.4) == (alike[known].any(axis=0) & ~known)).all(), "each known text by itself"


@pytest.fixture
def candidates(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by the number of pairs, whenever pairs are compared."""
    counts, jaccard = [], near_texts._jaccard

    def counting(sets: near_texts._Sets, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        counts.append(len(one))
        return jaccard(sets, one, other)

    monkeypatch.setattr(near_texts, "_jaccard", counting)
    return counts


def catalogue(count: int, length: int, seed: int) -> list[str]:
    """Texts of random words, a few of them frequent."""
    rng = np.random.default_rng(seed)
    drawn = (rng.pareto(0.6, (count, length)) * 10).clip(max=10**9).astype(np.int64)
    return [" ".join(f"w{word}" for word in row) for row in drawn]


def test_stock_phrases_of_all_texts_make_no_candidates(candidates: list[int]) -> None:
    own = catalogue(5_000, 20, seed=1)
    own[1000:1100] = [f"{text} twin" for text in own[:100]]
    known = np.arange(5_000) >= 500
    stock = "free delivery within three working days, and thirty days to return what you do not like. " * 2
    plain, wrapped = near(own, ~known, 0.7), near([stock + text for text in own], ~known, 0.7)
    assert wrapped.tolist() == plain.tolist() and np.flatnonzero(plain).tolist() == list(range(1000, 1100))
    assert sum(candidates) < 5 * 5_000


def test_a_phrase_of_many_texts_makes_few_candidates(candidates: list[int]) -> None:
    rng = np.random.default_rng(5)
    phrases = catalogue(100, 10, seed=6)
    texts = [" ".join(phrases[k] for k in row) for row in rng.integers(0, 100, (5_000, 5))]
    near(texts, np.arange(5_000) % 2 == 0, 0.7)
    assert sum(candidates) < 0.05 * 2_500**2


def test_all_texts_equal_or_one_huge(candidates: list[int]) -> None:
    known = np.arange(20_000) % 2 == 0
    assert (near([VIEW] * 20_000, known, 0.7) == ~known).all()
    assert not near([""] * 20_000, known, 0.7).any()
    assert not near(["t-shirt"] * 20_000, known, 0.7).any()
    assert not near([stem := "la " * 20_000, "la " * 7, stem + VIEW], known[:3], 0.7).any()
    huge = " ".join(catalogue(1, 20_000, seed=7))
    texts = [huge, huge + " end", *catalogue(300, 20, seed=8)]
    assert np.flatnonzero(near(texts, np.arange(302) != 1, 0.7)).tolist() == [1]
    assert sum(candidates) < 100
