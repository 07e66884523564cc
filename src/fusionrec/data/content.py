"""What the model knows of each item besides its id, as tensors."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch

from fusionrec import params
from fusionrec.data import attributes, piecewise
from fusionrec.data.features import Features
from fusionrec.data.principal import principal_axes

FITTED_TOKENS = 2**17
CHUNK = 2**14  # rows that are reduced together


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
        vision_tokens: float32 [items, t, width], vectors of the places of a picture; a token that an item has
            not is zero. t is 0 where the cache holds none.
        language_tokens: float32 [items, t, width], vectors of the words of a text, likewise.
    """

    vision: torch.Tensor
    vision_present: torch.Tensor
    language: torch.Tensor
    language_present: torch.Tensor
    numbers: torch.Tensor
    category_offsets: torch.Tensor
    category_values: torch.Tensor
    trained: torch.Tensor
    vision_tokens: torch.Tensor
    language_tokens: torch.Tensor

    def take(self, rows: torch.Tensor) -> "Content":
        """The inputs of the items `rows`, int64 [n], in that order."""
        start, count = self.category_offsets[rows], self.category_offsets.diff()[rows]
        offsets = torch.cat([count.new_zeros(1), count.cumsum(0)])
        shift = torch.repeat_interleave(start - offsets[:-1], count)
        values = self.category_values[shift + torch.arange(len(shift), device=rows.device)]
        picked = {name: x[rows] for name, x in self._asdict().items() if not name.startswith("category_")}
        return self._replace(category_offsets=offsets, category_values=values, **picked)

    def to(self, device: torch.device) -> "Content":
        """The same tensors on `device`."""
        return Content(*(tensor.to(device) for tensor in self))


def assemble(
    items: pd.DataFrame,
    fitted: dict[str, Any],
    vision: Features,
    language: Features,
    train: pd.DataFrame,
    options: params.Model,
) -> tuple[Content, int]:
    """Put the inputs together.

    Args:
        items: the catalogue.
        fitted: scalers and vocabularies of `attributes.fit`.
        vision: picture vectors of the catalogue.
        language: text vectors of the catalogue.
        train: the train log; it says which items anything may be fitted on.
        options: `pca` and `number_bins`; of the fusions, `cross_modal` alone reads token vectors.

    Returns:
        The content and the number of category values.
    """
    trained = np.zeros(len(items), bool)
    trained[train["item"]] = True
    bags, values = attributes.categories(items, fitted)
    components, tokens = options.pca, options.fusion == "cross_modal"
    numbers = attributes.numbers(items, fitted)
    content = Content(
        torch.from_numpy(reduce(vision, trained, components)),
        torch.from_numpy(vision.present),
        torch.from_numpy(reduce(language, trained, components)),
        torch.from_numpy(language.present),
        torch.from_numpy(bend(numbers, trained, options.number_bins)),
        torch.from_numpy(bags.offsets),
        torch.from_numpy(bags.values),
        torch.from_numpy(trained),
        torch.from_numpy(reduce_tokens(vision, trained, components, tokens)),
        torch.from_numpy(reduce_tokens(language, trained, components, tokens)),
    )
    return content, values


def bend(numbers: np.ndarray, trained: np.ndarray, bins: int) -> np.ndarray:
    """Piecewise linear functions of each number beside its "missing" flag; see `piecewise.encode`.

    Args:
        numbers: float32 [items, 2 * columns] of `attributes.numbers`.
        trained: bool [items].
        bins: pieces; 0 leaves the numbers as they are.
    """
    if not bins or not numbers.shape[1] or not trained.any():
        return numbers
    pairs = np.split(numbers, numbers.shape[1] // 2, 1)
    bent = [
        part
        for value, flag in (pair.T for pair in pairs)
        for part in (piecewise.encode(value, trained, bins), flag[:, None])
    ]
    return np.concatenate(bent, 1)


def reduce(features: Features, trained: np.ndarray, components: int) -> np.ndarray:
    """Centre, project on the first principal components of the train items, scale to unit mean square.

    Args:
        features: [items, width], with zeros for absent items.
        trained: bool [items].
        components: how many; 0, or as many as there are columns or more, only centres and scales.

    Returns:
        float32 [items, min(components, width)], zero for absent items.
    """
    known = np.flatnonzero(features.present & trained)
    return _reduce(features.matrix, features.present, known, components)


def reduce_tokens(
    features: Features, trained: np.ndarray, components: int, wanted: bool = True
) -> np.ndarray:
    """The same for token vectors, [items, t, width], fitted on the tokens of the train items.

    So many tokens say the same: at most `FITTED_TOKENS` of them are looked at, evenly spaced.

    Returns:
        float32 [items, t, min(components, width)], zero for tokens that an item has not; t is 0 where the
        cache holds none, or none are wanted.
    """
    tokens = features.tokens
    if not tokens.size or not wanted:
        return np.zeros((len(trained), 0, 0), np.float32)
    items, count, width = tokens.shape
    flat = tokens.reshape(-1, width)
    present = np.repeat(features.present, count) & flat.any(1)
    known = np.flatnonzero(present & np.repeat(trained, count))
    if not len(known):
        return np.zeros((items, 0, 0), np.float32)
    known = known[:: -(-len(known) // FITTED_TOKENS)]
    return _reduce(flat, present, known, components).reshape(items, count, -1)


class Reduction(NamedTuple):
    """An affine map, fitted on train items: `(x - mean) @ basis / scale`.

    Attributes:
        mean: float64 [width].
        basis: float64 [width, components], principal axes; None: all columns stay.
        scale: float64 [].
    """

    mean: torch.Tensor
    basis: torch.Tensor | None
    scale: torch.Tensor

    def apply(self, x: torch.Tensor) -> torch.Tensor:
        """[n, width] -> float32 [n, components]."""
        centred = x.double() - self.mean
        return ((centred if self.basis is None else centred @ self.basis) / self.scale).float()

    def to(self, device: torch.device) -> "Reduction":
        """The same map on `device`."""
        basis = None if self.basis is None else self.basis.to(device)
        return Reduction(self.mean.to(device), basis, self.scale.to(device))


def fit(seen: np.ndarray, components: int) -> Reduction:
    """The reduction that `seen`, vectors [n, width] of train items, says; see `reduce`."""
    x = torch.from_numpy(seen).double()
    mean, basis = x.mean(0), None
    x = x - mean
    if 0 < components < x.shape[1]:
        _, basis = principal_axes(x, components)
        x = x @ basis
    spread = x.square().mean().sqrt()
    # where all are alike there is nothing to scale
    return Reduction(mean, basis, torch.where(spread > 0, spread, 1))


def _reduce(matrix: np.ndarray, present: np.ndarray, known: np.ndarray, components: int) -> np.ndarray:
    """`matrix` [n, width], fitted on its rows `known` and applied to chunks, since it may not fit in memory."""
    if not len(known):
        return np.zeros((len(matrix), 0), np.float32)
    reduction = fit(matrix[known], components)
    reduced = torch.cat([reduction.apply(chunk) for chunk in torch.from_numpy(matrix).split(CHUNK)])
    return (reduced * torch.from_numpy(present)[:, None]).numpy()
