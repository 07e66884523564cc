"""The inputs of items besides their ids, as tensors, and the fitted preprocessing that computes them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch

from fusionrec.data import attributes, piecewise
from fusionrec.data.encoder_vectors import EncoderVectors
from fusionrec.data.modalities import MODALITIES
from fusionrec.data.piecewise import Bins
from fusionrec.data.reduction import Reduction, fit_reduction

FITTED_TOKENS = 2**17
FITTED_VECTORS = 2**16
SUFFIXES = {"vectors": "", "present": "_present", "tokens": "_tokens"}  # of the names of saved tensors
CHUNK = 2**14  # rows that are reduced together


class Modality(NamedTuple):
    """What one modality says about n items.

    Attributes:
        vectors: float32 [n, width], such as those of pictures; zeros for items that have none.
        present: bool [n], which items have one.
        tokens: float32 [n, t, width], vectors of their parts, such as patches or words; zero for parts that an item
            does not have. t is 0 if the cache has none.
    """

    vectors: torch.Tensor
    present: torch.Tensor
    tokens: torch.Tensor

    @classmethod
    def absent(cls, items: int, device: torch.device) -> "Modality":
        """That of a modality that no item has: vectors of width 0."""
        present = torch.zeros(items, dtype=torch.bool, device=device)
        return cls(torch.zeros(items, 0, device=device), present, torch.zeros(items, 0, 0, device=device))

    def take(self, rows: torch.Tensor) -> "Modality":
        """Those of the items `rows`, int64 [n], in that order."""
        return Modality(*(x.index_select(0, rows) for x in self))


class ItemInputs(NamedTuple):
    """Inputs of all items; row i is item i.

    Attributes:
        modalities: what each modality says about the items, by name; only those that are switched on.
        numbers: float32 [items, width], scaled numbers and their "missing" flags.
        category_offsets: int64 [items + 1], ragged category values: see `attributes.Bags`.
        category_values: int64 [values].
        trained: bool [items], whether the item has a train interaction.
    """

    modalities: dict[str, Modality]
    numbers: torch.Tensor
    category_offsets: torch.Tensor
    category_values: torch.Tensor
    trained: torch.Tensor

    def take(self, rows: torch.Tensor) -> "ItemInputs":
        """The inputs of the items `rows`, int64 [n], in that order."""
        start, count = self.category_offsets[rows], self.category_offsets.diff()[rows]
        offsets = torch.cat([count.new_zeros(1), count.cumsum(0)])
        shift = torch.repeat_interleave(start - offsets[:-1], count)
        values = self.category_values[shift + torch.arange(len(shift), device=rows.device)]
        modalities = {name: one.take(rows) for name, one in self.modalities.items()}
        numbers, trained = self.numbers.index_select(0, rows), self.trained.index_select(0, rows)
        return ItemInputs(modalities, numbers, offsets, values, trained)

    def to(self, device: torch.device) -> "ItemInputs":
        """The same tensors on `device`."""
        modalities = {name: Modality(*(x.to(device) for x in one)) for name, one in self.modalities.items()}
        return ItemInputs(modalities, *(x.to(device) for x in self[1:]))

    def with_modality(self, name: str, **changes: torch.Tensor) -> "ItemInputs":
        """The same inputs with other fields of a modality, which may be switched off so far."""
        one = self.modalities.get(name) or Modality.absent(len(self.trained), self.trained.device)
        modalities = self.modalities | {name: one._replace(**changes)}
        return self._replace(modalities={m: modalities[m] for m in MODALITIES if m in modalities})

    def tensors(self) -> dict[str, torch.Tensor]:
        """All tensors by name, as files hold them: `vision`, `vision_present`, `vision_tokens`, ..., `numbers`, ..."""
        named = {
            f"{name}{SUFFIXES[field]}": x
            for name, one in self.modalities.items()
            for field, x in one._asdict().items()
        }
        return named | {name: x for name, x in self._asdict().items() if name != "modalities"}

    @classmethod
    def of_tensors(cls, tensors: dict[str, torch.Tensor]) -> "ItemInputs":
        """The inputs of which `tensors` made the tensors; a modality without a width is off.

        Raises:
            KeyError: if a tensor is missing.
        """
        modalities = {
            name: Modality(*(tensors[f"{name}{SUFFIXES[field]}"] for field in Modality._fields))
            for name in MODALITIES
            if name in tensors and tensors[name].shape[1:].numel()
        }
        return cls(modalities, *(tensors[name] for name in cls._fields[1:]))


def joined(parts: Sequence[ItemInputs]) -> ItemInputs:
    """The inputs of the items of one or more parts, one part after the other; all have the same modalities."""
    modalities = {
        name: Modality(*map(torch.cat, zip(*(part.modalities[name] for part in parts), strict=True)))
        for name in parts[0].modalities
    }
    numbers, _, values, trained = (
        torch.cat(of_parts) for of_parts in zip(*(part[1:] for part in parts), strict=True)
    )
    counts = torch.cat([part.category_offsets.diff() for part in parts])
    offsets = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
    return ItemInputs(modalities, numbers, offsets, values, trained)


class Fitted(NamedTuple):
    """Fitted preprocessing: scalers, vocabularies, reductions, fitted on train items.

    Attributes:
        attributes: scalers and vocabularies of `attributes.fit`.
        vectors: maps the vectors of each modality to inputs of the model; only of those that the model has.
        tokens: likewise, for the vectors of parts, such as patches and words.
        bins: the pieces of each number, in the order of `attributes.numbers`. None: numbers stay as they are.
    """

    attributes: dict[str, Any]
    vectors: dict[str, Reduction]
    tokens: dict[str, Reduction]
    bins: list[Bins] | None

    @property
    def category_values(self) -> int:
        """Number of category values; the first of each column means any value that is not in the vocabulary."""
        return sum(1 + len(vocabulary) for vocabulary in self.attributes["categories"].values())


def fit(
    items: pd.DataFrame,
    scalers: dict[str, Any],
    vectors: dict[str, EncoderVectors],
    trained: np.ndarray,
    pca: int,
    number_bins: int,
    with_tokens: bool,
) -> Fitted:
    """Fit the preprocessing on the train items.

    Args:
        items: the catalogue.
        scalers: scalers and vocabularies of `attributes.fit`.
        vectors: the vectors of the catalogue by modality.
        trained: bool [items], which are train items.
        pca: principal components that vectors are reduced to; 0: all are kept.
        number_bins: pieces of a number's function; 0: numbers stay as they are.
        with_tokens: whether the model reads token vectors.
    """
    reductions = {name: fit_vectors(one, trained, pca) for name, one in vectors.items()}
    with_parts = vectors if with_tokens else {}
    tokens = {name: fit_tokens(one, trained, pca) for name, one in with_parts.items()}
    bins = None
    if number_bins and trained.any():
        values = attributes.numbers(items, scalers)[trained, ::2]
        bins = [piecewise.fit(column, number_bins) for column in values.T]
    return Fitted(scalers, _some(reductions), _some(tokens), bins)


def _some(reductions: dict[str, Reduction | None]) -> dict[str, Reduction]:
    return {name: one for name, one in reductions.items() if one is not None}


def assemble(
    items: pd.DataFrame, vectors: dict[str, EncoderVectors], trained: np.ndarray, fitted: Fitted
) -> ItemInputs:
    """Inputs of any items, of the catalogue or new.

    Args:
        items: with the columns that were fitted on.
        vectors: their vectors by modality; at least of those that were fitted on.
        trained: bool [items], which are train items.
        fitted: of `fit`.
    """
    bags, _ = attributes.categories(items, fitted.attributes)
    modalities = {
        name: Modality(
            torch.from_numpy(reduce(vectors[name], reduction)),
            torch.from_numpy(vectors[name].present),
            torch.from_numpy(reduce_tokens(vectors[name], fitted.tokens.get(name))),
        )
        for name, reduction in fitted.vectors.items()
    }
    return ItemInputs(
        modalities,
        torch.from_numpy(piecewise_numbers(attributes.numbers(items, fitted.attributes), fitted.bins)),
        torch.from_numpy(bags.offsets),
        torch.from_numpy(bags.values),
        torch.from_numpy(trained),
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


def fit_vectors(features: EncoderVectors, trained: np.ndarray, components: int) -> Reduction | None:
    """Centre, project on the first principal components of the train items, scale to unit mean square.

    At most `FITTED_VECTORS` of them are used, evenly spaced: more would change little, and take memory in float64.

    Args:
        features: [items, width], with zeros for absent items.
        trained: bool [items].
        components: how many; 0, or as many as there are columns or more, only centres and scales.

    Returns:
        None if no train item has a vector.
    """
    known = np.flatnonzero(features.present & trained)
    seen = features.matrix[known[:: -(-len(known) // FITTED_VECTORS) or 1]]
    return fit_reduction(seen, components) if seen.size else None


def fit_tokens(features: EncoderVectors, trained: np.ndarray, components: int) -> Reduction | None:
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


def reduce(features: EncoderVectors, reduction: Reduction) -> np.ndarray:
    """float32 [items, components], zero for absent items."""
    return _reduce(features.matrix, features.present, reduction)


def reduce_tokens(features: EncoderVectors, reduction: Reduction | None) -> np.ndarray:
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


def _reduce(matrix: np.ndarray, present: np.ndarray, reduction: Reduction) -> np.ndarray:
    """`matrix` [n, width] in chunks, since it may not fit in memory."""
    reduced = torch.cat([reduction.apply(chunk) for chunk in torch.from_numpy(matrix).split(CHUNK)])
    return (reduced * torch.from_numpy(present)[:, None]).numpy()
