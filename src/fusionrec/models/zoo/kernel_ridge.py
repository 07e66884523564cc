"""Kernel ridge regression from all contents of an item to ALS vectors or EASE (Saunders et al., ICML 1998).

The kernel of two items at the distance d is exp(-d² / (2 b²)), where b is `bandwidth` times the median distance of
train items. φ of an item are its kernels with the train items, and A = (K + l2 I)⁻¹; see
`fusionrec.models.content_regression` for targets and users. Distances are between vectors of modalities, numbers and
categories side by side, each input centred and scaled to unit mean square, times its weight. All items are scored by
the prediction, new ones like the others.
"""

import numpy as np
import torch
from scipy.linalg import inv

from fusionrec.data.item_inputs import ItemInputs
from fusionrec.models.content_regression import ContentRegression, RegressionOptions
from fusionrec.models.contract import ModelData
from fusionrec.models.kernel import gaussian, median_distance
from fusionrec.params import Positive


class Options(RegressionOptions):
    """See `RegressionOptions`; `bandwidth` is relative to the median distance."""

    bandwidth: Positive


class Model(ContentRegression):
    """φ are kernels.

    Attributes:
        anchors: float32 [train items, width], features of the train items.
        bandwidth: float64 [], b.
    """

    name = "kernel_ridge"
    anchors: torch.Tensor
    bandwidth: torch.Tensor

    def __init__(self, options: Options, data: ModelData):
        super().__init__(options, data)
        self.register_buffer("anchors", torch.zeros(self.design_width(data), self.features.width))
        self.register_buffer("bandwidth", torch.ones((), dtype=torch.float64))

    def design_width(self, data: ModelData) -> int:
        """See `ContentRegression.design_width`."""
        return int(data.content.trained.sum())

    def prepare(self, content: ItemInputs) -> None:
        """See `ContentRegression.prepare`: also the anchors and the bandwidth."""
        super().prepare(content)
        self.anchors.copy_(self.features(content)[content.trained])
        median = median_distance(self.anchors)
        self.bandwidth.fill_(self.options.bandwidth * median if median > 0 else 1.0)

    def design(self, content: ItemInputs) -> torch.Tensor:
        """See `ContentRegression.design`."""
        return gaussian(self.features(content), self.anchors, self.bandwidth).float()

    def operator(self, design: np.ndarray, l2: float) -> np.ndarray:
        """See `ContentRegression.operator`."""
        kernel = design.copy()
        kernel[np.diag_indices_from(kernel)] += l2
        inverse: np.ndarray = inv(kernel, overwrite_a=True, assume_a="pos")
        return inverse
