"""Items that the catalogue lacks, from their picture, text and attributes, by the way that its own items went."""

import io
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
from fusionrec.data.separator import SEPARATOR
from fusionrec.encoders import cache, weights
from fusionrec.encoders.options import EncoderEntry
from fusionrec.encoders.recipe import Encoder, Recipe
from fusionrec.errors import UserError
from fusionrec.models.preparation import Preparation


class NewItem(NamedTuple):
    """What is known of an item; all of it may be missing.

    Attributes:
        image: a file's path, its bytes, or a picture.
        text: what the language encoder reads, as it is. None: composed of the rest, as `clean.text` says.
        title: raw.
        description: raw.
        categories: by the bare name of the column: values, or one string with separators.
        numbers: by the bare name; a date is its decimal year.
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
        folder: the model's, where encoders lie that were trained with it.
        preparation: what it remembers.
        device: where encoders run.
    """

    def __init__(self, folder: Path, preparation: Preparation, device: torch.device):
        self.folder, self.device = folder, device
        self.options, self.fitted = preparation

    def content(self, items: Sequence[NewItem]) -> ItemInputs:
        """Inputs of n items, in their order.

        Raises:
            UserError: if a picture cannot be used, an attribute is not one of the catalogue's, or the weights
                of an encoder are not to be had.
        """
        rows = [self._row(item) for item in items]
        table = pd.DataFrame(rows)
        pictures = [self._picture(item.image) if self.vision is not None else None for item in items]
        texts = [row["text"] or None for row in rows]
        return item_inputs.assemble(
            table,
            self._features(self.vision, pictures),
            self._features(self.language, texts),
            np.zeros(len(items), bool),
            self.fitted,
        )

    @cached_property
    def vision(self) -> Encoder | None:
        """Of pictures; None where they are switched off."""
        return self._encoder("vision")

    @cached_property
    def language(self) -> Encoder | None:
        """Of texts."""
        return self._encoder("language")

    def _encoder(self, modality: str) -> Encoder | None:
        registry: dict[str, EncoderEntry | None] = getattr(self.options.encoders, modality)
        ((name, entry),) = registry.items()
        if entry is None or getattr(self.fitted, modality) is None:
            return None
        options = self.options.cache.model_copy(update={"compile": False})
        folder, source = self.folder / modality, {}
        if folder.is_dir():  # trained with the model, where views and tokens have no meaning
            options = options.model_copy(update={"views": 0, "tokens": 0})
        else:
            folder = weights.locate(name, entry, self.options.encoders)
            source = weights.source(folder, entry, self.options.encoders)
        recipe = Recipe(modality, entry, folder, source, options, str(self.device), self.options.reproducible)
        return recipe.load()

    def _features(self, encoder: Encoder | None, values: list[Any]) -> EncoderVectors:
        """Vectors of pictures or texts, None where there is none; each batch is as long as the cache's."""
        present = np.array([value is not None for value in values])
        if encoder is None:
            return EncoderVectors(np.zeros((len(values), 0), np.float32), np.zeros(len(values), bool))
        tokens = (self.options.cache.tokens if encoder.token_width else 0), encoder.token_width
        vectors = np.zeros((len(values), encoder.width + tokens[0] * tokens[1]), np.float32)
        rows = ((row, (values[row],)) for row in np.flatnonzero(present).tolist())
        length = self.options.cache.batch
        for batch in cache.batches(rows, length, lambda row: encoder.padded(row[0])):
            places = [place for place, _ in batch]
            inputs = [value for _, (value,) in batch]
            inputs += inputs[-1:] * (length - len(inputs))
            vectors[places] = encoder.encode(inputs)[: len(places)].numpy()
        own, rest = vectors[:, : encoder.width], vectors[:, encoder.width :]
        return EncoderVectors(own, present, rest.reshape(len(values), *tokens))

    def _picture(self, image: Path | str | bytes | Image.Image | None) -> bytes | None:
        if image is None:
            return None
        where = "image"
        if isinstance(image, Image.Image):
            buffer = io.BytesIO()
            image.save(buffer, "PNG")
            image = buffer.getvalue()
        elif not isinstance(image, bytes):
            where = str(image)
            try:
                image = Path(image).read_bytes()
            except OSError as error:
                raise UserError(f"{where}: cannot be read ({error.strerror}); name a picture") from None
        picture = images.prepare(image, self.options.images)
        if picture.blob is None:
            raise UserError(f"{where}: {picture.reason}; give another picture, or none")
        return picture.blob

    def _row(self, item: NewItem) -> dict[str, Any]:
        """The item's row of the catalogue's table."""
        options = self.options.clean
        fitted = self.fitted.attributes
        _refuse("categories", item.categories, fitted["categories"], CATEGORY)
        _refuse("numbers", item.numbers, fitted["numbers"], NUMBER)
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
        read = catalogue.compose(texts, tags, options)
        if item.text is not None:
            read = text.clean(item.text, options)
            read = read.lower() if options.lowercase else read
        return {**tags, **numbers, "text": read}


def _values(values: Sequence[str] | str | None, options: Clean) -> list[str]:
    joined = values if isinstance(values, str) or values is None else SEPARATOR.join(values)
    return text.split(joined, options)


def _refuse(what: str, given: Mapping[str, Any], known: Mapping[str, Any], prefix: str) -> None:
    names = [name.removeprefix(prefix) for name in known]
    unknown = [name for name in given if name not in names]
    if unknown:
        raise UserError(
            f"{what}: {', '.join(unknown)} is not of the catalogue; known: {', '.join(names) or 'none'}"
        )
