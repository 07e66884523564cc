"""Counts of codes in arrays of hundreds of millions, a piece at a time: numpy would convert them to 64 bits at once."""

import numpy as np

PIECE = 1 << 22


def tally(codes: np.ndarray, length: int, counted: np.ndarray | None = None) -> np.ndarray:
    """int64 [length]: how often each code occurs.

    Args:
        codes: integers [n] from 0 to below `length`.
        length: number of codes.
        counted: bool [n], which of them count. None: all.

    >>> tally(np.array([2, 0, 2], np.int32), 4).tolist()
    [1, 0, 2, 0]
    """
    counts = np.zeros(length, np.int64)
    for start in range(0, len(codes), PIECE):
        piece = codes[start : start + PIECE]
        if counted is not None:
            piece = piece[counted[start : start + PIECE]]
        counts += np.bincount(piece, minlength=length)
    return counts
