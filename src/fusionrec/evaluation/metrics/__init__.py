"""Metric families, one per file: each measures one aspect of the quality of a recommender's lists.

A module has a function `measure(ranked)`, or `measure(ranked, options)` if it declares a class `Options`, whose
parameters are in params.yaml at `metrics.<family>`. It returns figures by their names in the reports, such as
`novelty@10`. An array, float64 [users], has a value for each user (NaN where the metric is undefined for a user); its
mean is reported, with an interval. A number is about all lists together, and has no interval. The first figure is the
family's main one, which metrics/eval.json has.
`metrics.families` selects the families that the stage `metrics` computes.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple, cast

import numpy as np

from fusionrec.params import Choosing

PACKAGE = "fusionrec.evaluation.metrics"


class Ranked(NamedTuple):
    """The lists of one recommender, and the data that they are compared with.

    Attributes:
        items: int64 [users, length], ranked lists, best first, -1 where one is short.
        hits: bool [users, length], which entries of the lists are relevant: held out for their user.
        held_out: int64 [n] each, user (row of `items`) and item of all relevant pairs; each user has one or more.
        ks: cut-offs.
        popularity: int64 [catalogue], train users of each item.
        tail: bool [catalogue], items of the long tail of train.
        vectors: float32 [catalogue, width], content vectors of length 1, or 0 where an item has none; width 0 where
            there is no content to compare by.
        train_users: number of users in train.
    """

    items: np.ndarray
    hits: np.ndarray
    held_out: tuple[np.ndarray, np.ndarray]
    ks: list[int]
    popularity: np.ndarray
    tail: np.ndarray
    vectors: np.ndarray
    train_users: int

    @property
    def relevant(self) -> np.ndarray:
        """int64 [users]: how many relevant items each user has."""
        return np.bincount(self.held_out[0], minlength=len(self.items))


Figures = dict[str, np.ndarray | float]
Measure = Callable[[Ranked], Figures]


def load(name: str, section: Choosing) -> Measure:
    """The function of a family, with its parameters if it has any.

    Args:
        name: of the family.
        section: `metrics`, which holds the parameters of the families.
    """
    measure, options = section.module(name).measure, section.own(name)
    return cast(Measure, measure if options is None else partial(measure, options=options))


def at_cut_offs(ks: list[int], **columns: np.ndarray) -> Figures:
    """Name metrics that are computed at all cut-offs at once.

    Args:
        ks: cut-offs.
        columns: float64 [users, len(ks)], by the name of the metric.

    >>> figures = at_cut_offs([5, 10], novelty=np.array([[1.0, 3.0]]), tail_share=np.array([[0.0, 0.5]]))
    >>> list(figures)
    ['novelty@5', 'tail_share@5', 'novelty@10', 'tail_share@10']
    """
    return {f"{name}@{k}": values[:, c] for c, k in enumerate(ks) for name, values in columns.items()}
