"""The inputs of items besides their ids, as tensors, and the fitted preprocessing that computes them."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch

from fusionrec.data import attributes, piecewise
from fusionrec.data.encoder_vectors import EncoderVectors
from fusionrec.data.pca import principal_axes
from fusionrec.data.piecewise import Bins

FITTED_TOKENS = 2**17
CHUNK = 2**14  # rows that are reduced together


class Modality(NamedTuple):
    """What one modality says about n items.

    Attributes:
        vectors: float32 [n, width], of pictures or texts; zeros for items that have none.
        present: bool [n], which items have one.
        tokens: float32 [n, t, width], vectors of their parts, such as patches or words; zero for parts that an item
            does not have. t is 0 if the cache has none.
    """

    vectors: torch.Tensor
    present: torch.Tensor
    tokens: torch.Tensor


class ItemInputs(NamedTuple):
    """Inputs of all items; row i is item i. A modality that is switched off has width 0.

    Attributes:
        vision: float32 [items, width], picture vectors.
        vision_present: bool [items], false if there is no picture.
        language: float32 [items, width], text vectors.
        language_present: bool [items].
        numbers: float32 [items, width], scaled numbers and their "missing" flags.
        category_offsets: int64 [items + 1], ragged category values: see `attributes.Bags`.
        category_values: int64 [values].
        trained: bool [items], whether the item has a train interaction.
        vision_tokens: float32 [items, t, width], vectors of the patches of a picture; zero for tokens that an item
            does not have. t is 0 if the cache has none.
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

    @property
    def modalities(self) -> dict[str, Modality]:
        """The modalities that are switched on, by name."""
        all_of_them = {
            "vision": Modality(self.vision, self.vision_present, self.vision_tokens),
            "language": Modality(self.language, self.language_present, self.language_tokens),
        }
        return {name: one for name, one in all_of_them.items() if one.vectors.shape[1]}

    def take(self, rows: torch.Tensor) -> "ItemInputs":
        """The inputs of the items `rows`, int64 [n], in that order."""
        start, count = self.category_offsets[rows], self.category_offsets.diff()[rows]
        offsets = torch.cat([count.new_zeros(1), count.cumsum(0)])
        shift = torch.repeat_interleave(start - offsets[:-1], count)
        values = self.category_values[shift + torch.arange(len(shift), device=rows.device)]
        picked = {
            name: x.index_select(0, rows)
            for name, x in self._asdict().items()
            if not name.startswith("category_")
        }
        return self._replace(category_offsets=offsets, category_values=values, **picked)

    def to(self, device: torch.device) -> "ItemInputs":
        """The same tensors on `device`."""
        return ItemInputs(*(tensor.to(device) for tensor in self))


class Fitted(NamedTuple):
    """Fitted preprocessing: scalers, vocabularies, reductions, fitted on train items.

    Attributes:
        attributes: scalers and vocabularies of `attributes.fit`.
        vision: maps picture vectors to inputs of the model. None: the model has no such input.
        language: likewise, for text vectors.
        vision_tokens: likewise, for vectors of patches.
        language_tokens: likewise, for vectors of words.
        bins: the pieces of each number, in the order of `attributes.numbers`. None: numbers stay as they are.
    """

    attributes: dict[str, Any]
    vision: "Reduction | None"
    language: "Reduction | None"
    vision_tokens: "Reduction | None"
    language_tokens: "Reduction | None"
    bins: list[Bins] | None

    @property
    def category_values(self) -> int:
        """Number of category values; the first of each column means any value that is not in the vocabulary."""
        return sum(1 + len(vocabulary) for vocabulary in self.attributes["categories"].values())


def fit(
    items: pd.DataFrame,
    scalers: dict[str, Any],
    vision: EncoderVectors,
    language: EncoderVectors,
    trained: np.ndarray,
    pca: int,
    number_bins: int,
    with_tokens: bool,
) -> Fitted:
    """Fit the preprocessing on the train items.

    Args:
        items: the catalogue.
        scalers: scalers and vocabularies of `attributes.fit`.
        vision: picture vectors of the catalogue.
        language: text vectors of the catalogue.
        trained: bool [items], which are train items.
        pca: principal components that picture and text vectors are reduced to; 0: all are kept.
        number_bins: pieces of a number's function; 0: numbers stay as they are.
        with_tokens: whether the model reads token vectors.
    """
    some = {"vision": vision, "language": language}
    reductions = {name: fit_vectors(vectors, trained, pca) for name, vectors in some.items()}
    tokens = dict.fromkeys(some, None)
    if with_tokens:
        tokens = {name: fit_tokens(vectors, trained, pca) for name, vectors in some.items()}
    bins = None
    if number_bins and trained.any():
        values = attributes.numbers(items, scalers)[trained, ::2]
        bins = [piecewise.fit(column, number_bins) for column in values.T]
    return Fitted(
        scalers, reductions["vision"], reductions["language"], tokens["vision"], tokens["language"], bins
    )


def assemble(
    items: pd.DataFrame, vision: EncoderVectors, language: EncoderVectors, trained: np.ndarray, fitted: Fitted
) -> ItemInputs:
    """Inputs of any items, of the catalogue or new.

    Args:
        items: with the columns that were fitted on.
        vision: their picture vectors.
        language: their text vectors.
        trained: bool [items], which are train items.
        fitted: of `fit`.
    """
    bags, _ = attributes.categories(items, fitted.attributes)
    return ItemInputs(
        torch.from_numpy(reduce(vision, fitted.vision)),
        torch.from_numpy(vision.present),
        torch.from_numpy(reduce(language, fitted.language)),
        torch.from_numpy(language.present),
        torch.from_numpy(piecewise_numbers(attributes.numbers(items, fitted.attributes), fitted.bins)),
        torch.from_numpy(bags.offsets),
        torch.from_numpy(bags.values),
        torch.from_numpy(trained),
        torch.from_numpy(reduce_tokens(vision, fitted.vision_tokens)),
        torch.from_numpy(reduce_tokens(language, fitted.language_tokens)),
    )


def piecewise_numbers(numbers: np.ndarray, bins: list[Bins] | None) -> np.ndarray:
    """Piecewise linear functions of each number, and its "missing" flag; see `piecewise.encode`.

    Args:
        numbers: float32 [items, 2 * columns] of `attributes.numbers`.
        bins: one per column; None: the numbers are returned as they are.

    Returns:
        float32 [items, sum of bins + columns].
    """
    if not bins:
        return numbers
    pairs = zip(numbers.T[::2], numbers.T[1::2], bins, strict=True)
    columns = [
        part for value, flag, pieces in pairs for part in (piecewise.encode(value, pieces), flag[:, None])
    ]
    return np.concatenate(columns, 1)


def fit_vectors(features: EncoderVectors, trained: np.ndarray, components: int) -> "Reduction | None":
    """Centre, project on the first principal components of the train items, scale to unit mean square.

    Args:
        features: [items, width], with zeros for absent items.
        trained: bool [items].
        components: how many; 0, or as many as there are columns or more, only centres and scales.

    Returns:
        None if no train item has a vector.
    """
    known = np.flatnonzero(features.present & trained)
    seen = features.matrix[known]
    return fit_reduction(seen, components) if seen.size else None


def fit_tokens(features: EncoderVectors, trained: np.ndarray, components: int) -> "Reduction | None":
    """The same for the tokens of the train items.

    At most `FITTED_TOKENS` of them are used, evenly spaced, because more would change little.

    Args:
        features: tokens [items, t, width], with zeros for absent ones.
        trained: bool [items].
        components: see `fit_vectors`.

    Returns:
        None if no train item has a token.
    """
    flat, present = _tokens(features)
    known = np.flatnonzero(present & np.repeat(trained, features.tokens.shape[1]))
    return fit_reduction(flat[known[:: -(-len(known) // FITTED_TOKENS)]], components) if len(known) else None


def reduce(features: EncoderVectors, reduction: "Reduction | None") -> np.ndarray:
    """float32 [items, components], zero for absent items; width 0 without a reduction."""
    if reduction is None:
        return np.zeros((len(features.present), 0), np.float32)
    return _reduce(features.matrix, features.present, reduction)


def reduce_tokens(features: EncoderVectors, reduction: "Reduction | None") -> np.ndarray:
    """float32 [items, t, components], zero for tokens that an item does not have; t is 0 without a reduction."""
    if reduction is None:
        return np.zeros((len(features.present), 0, 0), np.float32)
    flat, present = _tokens(features)
    return _reduce(flat, present, reduction).reshape(*features.tokens.shape[:2], -1)


def _tokens(features: EncoderVectors) -> tuple[np.ndarray, np.ndarray]:
    """All tokens of all items [items * t, width], and bool [items * t]: which of them exist."""
    items, count, width = features.tokens.shape
    flat = features.tokens.reshape(items * count, width)
    return flat, np.repeat(features.present, count) & flat.any(1)


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


def fit_reduction(seen: np.ndarray, components: int) -> Reduction:
    """The reduction fitted on `seen`, vectors [n, width] of train items; see `fit_vectors`."""
    x = torch.from_numpy(seen).double()
    mean, basis = x.mean(0), None
    x = x - mean
    if 0 < components < x.shape[1]:
        _, basis = principal_axes(x, components)
        x = x @ basis
    spread = x.square().mean().sqrt()
    # if all vectors are equal there is nothing to scale
    return Reduction(mean, basis, torch.where(spread > 0, spread, 1))


def _reduce(matrix: np.ndarray, present: np.ndarray, reduction: Reduction) -> np.ndarray:
    """`matrix` [n, width] in chunks, since it may not fit in memory."""
    reduced = torch.cat([reduction.apply(chunk) for chunk in torch.from_numpy(matrix).split(CHUNK)])
    return (reduced * torch.from_numpy(present)[:, None]).numpy()
