"""Inputs of items that are not in the catalogue, from their picture, text and attributes.

They are cleaned, checked and encoded exactly as the items of the catalogue were.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from PIL import Image

from fusionrec.data import images, item_inputs, text
from fusionrec.data import items as catalogue
from fusionrec.data.attributes import CATEGORY, NUMBER
from fusionrec.data.clean_options import Clean
from fusionrec.data.encoder_vectors import EncoderVectors
from fusionrec.data.item_inputs import ItemInputs
from fusionrec.data.reduction import Reduction
from fusionrec.data.separator import SEPARATOR
from fusionrec.encoders import cache, weights
from fusionrec.encoders.encoder import Encoder
from fusionrec.encoders.options import EncoderEntry
from fusionrec.encoders.recipe import Recipe
from fusionrec.errors import UserError
from fusionrec.models.checkpoint import misfit
from fusionrec.models.preparation import Preparation
from fusionrec.recommend import arguments


class NewItem(NamedTuple):
    """What is known about a new item. Everything may be missing.

    Attributes:
        image: a file's path, its bytes, or a picture.
        text: the text that the language encoder reads. None: it is composed of title, description and categories,
            as `clean.text` says.
        title: uncleaned text.
        description: uncleaned text.
        categories: values, or one string with separators, by column name without its prefix.
        numbers: values by column name without its prefix; a date is a decimal year.
    """

    image: Path | str | bytes | Image.Image | None = None
    text: str | None = None
    title: str = ""
    description: str = ""
    categories: Mapping[str, Sequence[str] | str] = {}
    numbers: Mapping[str, float] = {}


class Preparer:
    """Makes inputs of new items.

    Args:
        folder: the model's folder; it holds the encoders that were trained with the model.
        preparation: options and fitted preprocessing of the model.
        device: the device that encoders run on.

    Raises:
        UserError: if the template of texts does not fit the categories.
    """

    def __init__(self, folder: Path, preparation: Preparation, device: torch.device):
        self.folder, self.device = folder, device
        self.options, self.fitted = preparation
        tags = [name.removeprefix(CATEGORY) for name in self.fitted.attributes["categories"]]
        try:
            text.check_template(self.options.clean.text, ["title", "description", "tags", *tags])
        except UserError as error:
            raise misfit(folder, str(error)) from None

    def content(self, items: Sequence[NewItem]) -> ItemInputs:
        """Inputs of n items, in their order.

        Raises:
            UserError: if a picture cannot be used, the catalogue does not have an attribute, or the weights of an
                encoder are not available.
        """
        table = self.table(items)
        pictures = [self.picture(item) if self.vision is not None else None for item in items]
        texts = [text or None for text in table["text"]]
        given: dict[str, tuple[Encoder | None, list[Any]]] = {
            "vision": (self.vision, pictures),
            "language": (self.language, texts),
        }
        vectors = {
            name: self._features(*given.get(name, (None, [None] * len(items))), reduction)
            for name, reduction in self.fitted.vectors.items()
        }
        return item_inputs.assemble(table, vectors, np.zeros(len(items), bool), self.fitted)

    def table(self, items: Sequence[NewItem]) -> pd.DataFrame:
        """The items as rows of the item table: title, text, and all columns of numbers and categories.

        Raises:
            UserError: if a value is not what it must be, or the catalogue does not have an attribute.
        """
        return pd.DataFrame([self._row(item) for item in items])

    def picture(self, item: NewItem) -> bytes | None:
        """The picture of an item as its encoder reads it, a PNG or JPEG; None without one.

        Raises:
            UserError: if it cannot be used.
        """
        given = arguments.picture(item.image)
        if given is None:
            return None
        source, blob = given
        picture = images.prepare(blob, self.options.images)
        if picture.blob is None:
            raise UserError(f"{source}: {picture.reason}; give another picture or none")
        return picture.blob

    @cached_property
    def vision(self) -> Encoder | None:
        """The encoder of pictures; None if pictures are switched off."""
        return self._encoder("vision")

    @cached_property
    def language(self) -> Encoder | None:
        """The encoder of texts; None if texts are switched off."""
        return self._encoder("language")

    def _encoder(self, modality: str) -> Encoder | None:
        registry: dict[str, EncoderEntry | None] = getattr(self.options.encoders, modality)
        ((name, entry),) = registry.items()
        if entry is None or modality not in self.fitted.vectors:
            return None
        options = self.options.cache.model_copy(update={"compile": False})
        folder, source = self.folder / modality, {}
        if folder.is_dir():  # the encoder was trained with the model: views and tokens do not apply
            options = options.model_copy(update={"views": 0, "tokens": 0})
        else:
            folder = weights.locate(name, entry, self.options.encoders)
            source = weights.source(folder, entry, self.options.encoders)
        recipe = Recipe(modality, entry, folder, source, options, str(self.device), self.options.reproducible)
        return recipe.load()

    def _features(self, encoder: Encoder | None, values: list[Any], reduction: Reduction) -> EncoderVectors:
        """Vectors of one modality; None stands for a missing one. Batches are at most as large as those of the cache.

        Without an encoder all are missing: the modality is off, or its vectors came with the data.
        """
        present = np.array([value is not None for value in values])
        if encoder is None:
            nothing = np.zeros((len(values), len(reduction.mean)), np.float32)
            return EncoderVectors(nothing, np.zeros(len(values), bool))
        if encoder.width != len(reduction.mean):
            raise UserError(
                f"{self.folder}: made for vectors of width {len(reduction.mean)}, the encoder's have {encoder.width}; "
                "run `dvc repro model`"
            )
        tokens = (self.options.cache.tokens if encoder.token_width else 0), encoder.token_width
        vectors = np.zeros((len(values), encoder.width + tokens[0] * tokens[1]), np.float32)
        rows = ((row, (values[row],)) for row in np.flatnonzero(present).tolist())
        length = min(self.options.cache.batch, max(1, int(present.sum())))
        for batch in cache.batches(rows, length, lambda row: encoder.padded(row[0])):
            positions = [position for position, _ in batch]
            vectors[positions] = encoder.encode([value for _, (value,) in batch]).numpy()
        pooled, rest = vectors[:, : encoder.width], vectors[:, encoder.width :]
        return EncoderVectors(pooled, present, rest.reshape(len(values), *tokens))

    def _row(self, item: NewItem) -> dict[str, Any]:
        options = self.options.clean
        fitted = self.fitted.attributes
        item = _checked(item)
        _check_known("categories", item.categories, fitted["categories"], CATEGORY)
        _check_known("numbers", item.numbers, fitted["numbers"], NUMBER)
        tags = {
            name: _values(item.categories.get(name.removeprefix(CATEGORY)), options)
            for name in fitted["categories"]
        }
        numbers = {
            name: float(item.numbers.get(name.removeprefix(NUMBER), np.nan)) for name in fitted["numbers"]
        }
        texts = {
            "title": text.clean(item.title, options),
            "description": text.clean(item.description, options),
        }
        encoded_text = catalogue.compose(texts, tags, options)
        if item.text is not None:
            encoded_text = text.clean(item.text, options)
            encoded_text = encoded_text.lower() if options.lowercase else encoded_text
        return {**tags, **numbers, "title": texts["title"], "text": encoded_text}


def _checked(item: NewItem) -> NewItem:
    """The same, once everything but the picture is what it must be.

    Raises:
        UserError: if it is not.
    """
    return item._replace(
        text=None if item.text is None else arguments.text("text", item.text),
        title=arguments.text("title", item.title),
        description=arguments.text("description", item.description),
        categories=arguments.categories(item.categories),
        numbers=arguments.numbers(item.numbers),
    )


def _values(values: Sequence[str] | str | None, options: Clean) -> list[str]:
    joined = values if isinstance(values, str) or values is None else SEPARATOR.join(values)
    return text.split(joined, options)


def _check_known(kind: str, given: Mapping[str, Any], known: Mapping[str, Any], prefix: str) -> None:
    names = [name.removeprefix(prefix) for name in known]
    unknown = [name for name in given if name not in names]
    if unknown:
        raise UserError(
            f"{kind}: the catalogue has no {', '.join(unknown)}; known: {', '.join(names) or 'none'}"
        )
