"""Ways to break good labels of `common.LOG`, for several strategies."""

import numpy as np

from fusionrec.data.split_labels import FOLD_IN, TEST, TRAIN, VAL

from .common import LOG


def newest_to_train(split: np.ndarray) -> None:
    """The newest interaction of user 0 and the oldest one change places."""
    split[[0, 19]] = split[[19, 0]]


def swap_train_and_test(split: np.ndarray) -> None:
    split[:] = np.array([TEST, VAL, TRAIN, FOLD_IN], np.int8)[split]


def whole_user_to_test(split: np.ndarray) -> None:
    split[LOG.user == 0] = TEST
