"""LightGCN: vectors of user and item ids, smoothed over the graph of train interactions (He et al., SIGIR 2020).

In each of `layers` steps a vector becomes the sum of its neighbours' vectors, each divided by the square root of the
product of both degrees; what is scored is the mean over all layers, the first included. The score is the inner
product.
"""

from typing import Annotated

from fusionrec.choices import Choice
from fusionrec.models.graph_vectors import GraphVectors
from fusionrec.params import Count, Natural, Section, Weight


class Options(Section):
    """`dim` is the width of the vectors, `layers` the propagation steps, `l2` the penalty on the initial vectors."""

    dim: Count
    layers: Natural
    l2: Weight
    losses: Annotated[dict[str, Weight], Choice("fusionrec.training.losses", "model.lightgcn.losses")]


class Model(GraphVectors):
    """See the module and `GraphVectors`."""
