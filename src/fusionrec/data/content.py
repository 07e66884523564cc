"""What the model knows of each item besides its id, as tensors."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch

from fusionrec.data import attributes
from fusionrec.data.features import Features
from fusionrec.data.principal import principal_axes


class Content(NamedTuple):
    """Inputs of all items; row i is item i. A modality that is switched off has width 0.

    Attributes:
        vision: float32 [items, width], picture vectors.
        vision_present: bool [items], false where there is no picture.
        language: float32 [items, width], text vectors.
        language_present: bool [items].
        numbers: float32 [items, width], scaled numbers and their "missing" flags.
        category_offsets: int64 [items + 1], ragged category values: see `attributes.Bags`.
        category_values: int64 [values].
        trained: bool [items], whether the item has a train interaction.
    """

    vision: torch.Tensor
    vision_present: torch.Tensor
    language: torch.Tensor
    language_present: torch.Tensor
    numbers: torch.Tensor
    category_offsets: torch.Tensor
    category_values: torch.Tensor
    trained: torch.Tensor

    def to(self, device: torch.device) -> "Content":
        """The same tensors on `device`."""
        return Content(*(tensor.to(device) for tensor in self))


def assemble(
    items: pd.DataFrame,
    fitted: dict[str, Any],
    vision: Features,
    language: Features,
    train: pd.DataFrame,
    components: int,
) -> tuple[Content, int]:
    """Put the inputs together.

    Args:
        items: the catalogue.
        fitted: scalers and vocabularies of `attributes.fit`.
        vision: picture vectors of the catalogue.
        language: text vectors of the catalogue.
        train: the train log; it says which items PCA may see.
        components: width to which PCA cuts picture and text vectors; 0 keeps them whole.

    Returns:
        The content and the number of category values.
    """
    trained = np.zeros(len(items), bool)
    trained[train["item"]] = True
    bags, values = attributes.categories(items, fitted)
    content = Content(
        torch.from_numpy(reduce(vision, trained, components)),
        torch.from_numpy(vision.present),
        torch.from_numpy(reduce(language, trained, components)),
        torch.from_numpy(language.present),
        torch.from_numpy(attributes.numbers(items, fitted)),
        torch.from_numpy(bags.offsets),
        torch.from_numpy(bags.values),
        torch.from_numpy(trained),
    )
    return content, values


def reduce(features: Features, trained: np.ndarray, components: int) -> np.ndarray:
    """Centre, project on the first principal components of the train items, scale to unit mean square.

    Args:
        features: [items, width], with zeros for absent items.
        trained: bool [items].
        components: how many; 0, or as many as there are columns or more, only centres and scales.

    Returns:
        float32 [items, min(components, width)], zero for absent items.
    """
    known = features.present & trained
    if not known.any():
        return np.zeros((len(trained), 0), np.float32)
    x = torch.from_numpy(features.matrix).double()
    x = x - x[torch.from_numpy(known)].mean(0)
    seen = x[torch.from_numpy(known)]
    if 0 < components < x.shape[1]:
        _, basis = principal_axes(seen, components)
        x, seen = x @ basis, seen @ basis
    x = x / seen.square().mean().sqrt()
    return (x * torch.from_numpy(features.present)[:, None]).float().numpy()
