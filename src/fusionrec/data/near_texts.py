"""Nearly identical texts: an exact search that compares only texts with a rare phrase in common.

A text is the set of its shingles, all runs of `WIDTH` words (Broder, "On the resemblance and containment of
documents", 1997). Two texts are nearly identical if their words are the same, or the Jaccard similarity of their sets
is high enough. Shingles of many texts are stock phrases and do not count: Broder, Glassman, Manasse and Zweig
("Syntactic clustering of the Web", 1997) leave out those of more than 1,000 documents.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import count
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

# characters of Chinese and Japanese are words of their own: no spaces separate words there
SINGLE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
WORD = re.compile(rf"[{SINGLE}]|[^\W{SINGLE}]+")
WIDTH = 3  # words of a shingle
MIN_WORDS = 8  # shorter texts, such as "t-shirt, blue", are often the same by chance
MIN_SHINGLES = MIN_WORDS - WIDTH + 1
STOCK = (
    10,
    100,
    1000,
)  # a stock phrase is in more than a tenth of the texts, but at least 100, or in more than 1,000
HELD = 1 << 16  # shingles that candidates have in common, at a time


def near(texts: Sequence[str], known: np.ndarray, similarity: float) -> np.ndarray:
    """Which of the other texts are nearly identical to a known one.

    Texts of fewer than `MIN_WORDS` words are not compared; unless their words are the same, neither are texts of
    which stock phrases leave fewer than `MIN_SHINGLES`. Case and punctuation do not count.

    Args:
        texts: n texts.
        known: bool [n].
        similarity: smallest Jaccard similarity, above 0.

    Returns:
        bool [n], false for the known ones.
    """
    if known.all() or not known.any():
        return np.zeros(len(texts), bool)
    row, unique = pd.factorize(np.array([_words(text) for text in texts], object))
    distinct: list[str] = unique.tolist()
    base = np.zeros(len(distinct), bool)
    base[row[known]] = True
    found = base & (_lengths(distinct) >= MIN_WORDS)
    sets = _sets(distinct)
    for one, other in _candidates(sets, base, similarity):
        found[one[_jaccard(sets, one, other) >= similarity]] = True
    return ~known & found[row]


def _words(text: str) -> str:
    return " ".join(WORD.findall(text.lower()))


def _lengths(texts: Sequence[str]) -> np.ndarray:
    """int64 [n], numbers of words; 1 for none."""
    return np.array([text.count(" ") for text in texts], np.int64) + 1


class _Sets(NamedTuple):
    """Sets of shingles without stock phrases.

    Attributes:
        shared: int32 [texts, shingles], 1 for each shingle of a text that other texts have too, the rarest first.
        alone: int64 [texts], number of shingles that no other text has.
        sizes: int64 [texts], number of all; 0 if there are fewer than `MIN_SHINGLES`.
    """

    shared: csr_array
    alone: np.ndarray
    sizes: np.ndarray


def _sets(texts: Sequence[str]) -> _Sets:
    """The sets of distinct texts with a space between words."""
    row, shingle = _shingles(texts)
    shape = len(texts), int(shingle.max(initial=-1)) + 1
    sets = csr_array((np.ones(len(row), np.int32), (row, shingle)), shape)
    sets.data[:] = 1
    frequency = np.bincount(sets.indices, minlength=shape[1])
    share, least, most = STOCK
    kept = np.flatnonzero((frequency > 1) & (frequency <= np.clip(len(texts) // share, least, most)))
    shared = sets[:, kept[np.argsort(frequency[kept], kind="stable")]]
    shared.sort_indices()
    alone = sets @ (frequency == 1).astype(np.int64)
    sizes = alone + np.diff(shared.indptr)
    return _Sets(shared, alone, np.where(sizes >= MIN_SHINGLES, sizes, 0))


def _shingles(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """The text and the number of each shingle, int64 [n] each; equal shingles have equal numbers."""
    number: defaultdict[str, int] = defaultdict(count().__next__)
    lengths = _lengths(texts)
    words = np.fromiter((number[word] for text in texts for word in text.split(" ")), np.int64, lengths.sum())
    row, last = np.repeat(np.arange(len(texts)), lengths), WIDTH - 1
    start = np.flatnonzero((row[:-last] == row[last:]) & (lengths[row[:-last]] >= MIN_WORDS))
    shingle = words[start]
    for offset in range(1, WIDTH):
        shingle = pd.factorize(shingle * len(number) + words[start + offset])[0]
    return row[start], shingle


def _candidates(sets: _Sets, base: np.ndarray, similarity: float) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs of a text outside of `base` and one inside, among them all that are similar.

    Two sets with a Jaccard similarity of s share at least s of the larger one, and hence, if both are sorted in the
    same way, one of their first size - ceil(s * size) + 1 elements: prefix filtering (Chaudhuri, Ganti and Kaushik
    2006; Bayardo, Ma and Srikant 2007). Rare shingles come first, so that few texts share one.
    """
    needed = np.ceil(similarity * sets.sizes - 1e-9)  # not more because of rounding
    prefix = np.where(sets.sizes > 0, sets.sizes - needed + 1 - sets.alone, 0)
    firsts = _first_columns(sets.shared, prefix)
    queries, rest = np.flatnonzero(~base & (prefix > 0)), np.flatnonzero(base)
    index = firsts[rest].T.tocsr()
    common = np.cumsum(firsts[queries] @ np.diff(index.indptr))
    for rows in np.split(queries, np.searchsorted(common, np.arange(HELD, common.max(initial=0), HELD))):
        pairs = (firsts[rows] @ index).tocoo()
        one, other = rows[pairs.row], rest[pairs.col]
        smaller, larger = np.sort(sets.sizes[[one, other]], axis=0)
        fitting = smaller / larger >= similarity
        yield one[fitting], other[fitting]


def _first_columns(matrix: csr_array, limits: np.ndarray) -> csr_array:
    """A matrix with only the first `limits` nonzero columns of each row."""
    counts = np.diff(matrix.indptr)
    row = np.repeat(np.arange(matrix.shape[0]), counts)
    kept = np.arange(matrix.nnz) - matrix.indptr[row] < limits[row]
    return csr_array((matrix.data[kept], (row[kept], matrix.indices[kept])), matrix.shape)


def _jaccard(sets: _Sets, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """float64 [n], the similarity of each pair."""
    common = sets.shared[one].multiply(sets.shared[other]).sum(axis=1)
    return common / (sets.sizes[one] + sets.sizes[other] - common)
