"""The item side: id, picture, text, numbers and categories as one vector an item."""

from typing import NamedTuple

import torch
from torch import nn

from fusionrec.data.item_inputs import ItemInputs
from fusionrec.errors import UserError
from fusionrec.models import fusions
from fusionrec.models.fusion.attention import Tokens
from fusionrec.models.fusion.layers import Hidden, Linear, draw, drop, keep_rows, table
from fusionrec.models.fusion.options import FusionOptions

TABLE_SPREAD = 0.1  # standard deviation of embeddings at the start


class Encoded(NamedTuple):
    """Item vectors [n, dim], and known: bool [n], whether the item's id was used."""

    vectors: torch.Tensor
    known: torch.Tensor


class Projection(nn.Module):
    """Maps an input to `dim`, linearly or through one hidden layer.

    With `optional`, a learned vector replaces inputs that are absent.
    """

    def __init__(self, width: int, options: FusionOptions, optional: bool):
        super().__init__()
        hidden = options.projection_hidden_dim
        self.options = options
        self.hidden = Hidden(width, hidden, options) if hidden else None
        self.linear = Linear(hidden or width, options.dim, bias=False)
        self.absent = nn.Parameter(torch.zeros(options.dim)) if optional else None

    def forward(
        self,
        x: torch.Tensor,
        present: torch.Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> torch.Tensor:
        """[n, width], bool [n] -> [n, dim]."""
        if self.hidden is not None:
            x = self.hidden(x, generator, present)
        projected = self.linear(x)
        if self.absent is None or present is None:
            return projected
        return torch.where(present[:, None], projected, self.absent)

    def reset(self, generator: torch.Generator) -> None:
        """Draw small weights, so that contents gain influence only as far as they help."""
        if self.hidden is not None:
            self.hidden.reset(generator)
        draw(self.linear.weight, self.options.init, self.options.projection_gain, generator)
        if self.absent is not None:
            nn.init.zeros_(self.absent)


class ItemEncoder(nn.Module):
    """Embeds items: each input that is switched on is projected to `dim`, then the parts are fused.

    The inputs are, in this order, id, vision, language, numbers and categories.

    Raises:
        UserError: if no input is on, or `cross_modal` lacks one of its two.
    """

    def __init__(self, options: FusionOptions, content: ItemInputs, category_values: int):
        super().__init__()
        self.options = options
        dim = options.dim
        vision, language, numbers = (x.shape[1] for x in (content.vision, content.language, content.numbers))
        self.ids = table(len(content.trained), dim) if options.item_id else None
        self.vision = Projection(vision, options, optional=True) if vision else None
        self.language = Projection(language, options, optional=True) if language else None
        self.numbers = Projection(numbers, options, optional=False) if options.numbers and numbers else None
        self.categories = (
            nn.EmbeddingBag(
                category_values,
                dim,
                mode="sum",
                include_last_offset=True,
                _weight=torch.zeros(category_values, dim),
            )
            if options.categories and category_values
            else None
        )
        inputs = {
            "id": self.ids,
            "vision": self.vision,
            "language": self.language,
            "numbers": self.numbers,
            "categories": self.categories,
        }
        names = [name for name, module in inputs.items() if module is not None]
        method = fusions.load(options.method)
        _check(options.method, method, names)
        self.fusion = method(options, names)
        self.vision_tokens = _token_projection(content.vision_tokens, dim) if method.reads_tokens else None
        self.language_tokens = (
            _token_projection(content.language_tokens, dim) if method.reads_tokens else None
        )

    def forward(
        self,
        content: ItemInputs,
        generator: torch.Generator | None = None,
        rows: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """[n, dim]; dropout where a generator is given.

        Args:
            content: inputs of all items.
            generator: for dropout; none at evaluation.
            rows: int64 [n], unique: encode these items only. None: all.
        """
        return self.encode(content, generator, rows).vectors

    def encode(
        self,
        content: ItemInputs,
        generator: torch.Generator | None = None,
        rows: torch.Tensor | None = None,
    ) -> Encoded:
        """See `forward`; also returns which ids were used: those hidden neither by dropout nor for lack of training."""
        some = content if rows is None else content.take(rows)
        known = keep_rows(some.trained, self.options.id_dropout, generator)
        parts, present = self.parts(some, known, generator, rows)
        return Encoded(self.fusion(parts, present, generator, *self._tokens(some, generator)), known)

    def encode_new(self, content: ItemInputs) -> torch.Tensor:
        """Items that are not in the catalogue, from their contents alone -> [n, dim]."""
        unknown = torch.zeros_like(content.trained)
        stand_in = unknown.long()  # an id of the catalogue, which is not used
        parts, present = self.parts(content, unknown, None, stand_in)
        return self.fusion(parts, present, None, *self._tokens(content, None))

    def parts(
        self,
        some: ItemInputs,
        known: torch.Tensor,
        generator: torch.Generator | None = None,
        rows: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The projected inputs.

        Args:
            some: inputs of the n items at `rows`.
            known: bool [n], the items whose id may be used.
            generator: for dropout.
            rows: int64 [n]; None: all items.

        Returns:
            parts [n, m, dim] and present: bool [n, m].
        """
        o, inputs = self.options, []
        if self.ids is not None:
            ids = self.ids.weight if rows is None else self.ids(rows)
            inputs.append((ids * known[:, None], known))
        if self.vision is not None:
            inputs.append((self._see(some, generator), some.vision_present))
        if self.language is not None:
            inputs.append((self._read(some, generator), some.language_present))
        if self.numbers is not None:
            numbers = self.numbers(drop(some.numbers, o.feature_dropout, generator), None, generator)
            inputs.append((numbers, torch.ones_like(known)))
        if self.categories is not None:
            kept = keep_rows(some.category_offsets.diff() > 0, o.feature_dropout, generator)
            bags = self.categories(some.category_values, some.category_offsets)
            inputs.append((bags * kept[:, None], kept))
        parts, present = zip(*inputs, strict=True)
        return torch.stack(parts, 1), torch.stack(present, 1)

    def modalities(
        self,
        content: ItemInputs,
        rows: torch.Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The projected pictures [n, dim] and texts [n, dim], and bool [n]: whether the item has both.

        Raises:
            UserError: if one of both is switched off.
        """
        if self.vision is None or self.language is None:
            raise UserError(
                "model.fusion.losses.contrastive: needs pictures and texts; choose encoders for model.vision and "
                "model.language, or set it to 0"
            )
        some = content if rows is None else content.take(rows)
        both = some.vision_present & some.language_present
        return self._see(some, generator), self._read(some, generator), both

    @torch.no_grad()
    def shares(self, content: ItemInputs, rows: torch.Tensor | None = None) -> dict[str, float]:
        """The share of each part in the fusion, mean over items, by its name; see `fusionrec.models.fusions`."""
        some = content if rows is None else content.take(rows)
        parts, present = self.parts(some, some.trained, None, rows)
        return self.fusion.shares(parts, present, *self._tokens(some, None))

    def _see(self, some: ItemInputs, generator: torch.Generator | None) -> torch.Tensor:
        assert self.vision is not None
        x = drop(some.vision, self.options.content_dropout, generator)
        return self.vision(x, some.vision_present, generator)

    def _read(self, some: ItemInputs, generator: torch.Generator | None) -> torch.Tensor:
        assert self.language is not None
        x = drop(some.language, self.options.content_dropout, generator)
        return self.language(x, some.language_present, generator)

    def _tokens(self, some: ItemInputs, generator: torch.Generator | None) -> tuple[Tokens | None, ...]:
        """Projected token vectors of pictures and texts: what `cross_modal` takes besides the parts."""
        if not self.fusion.reads_tokens:
            return ()

        def project(layer: Linear | None, x: torch.Tensor) -> Tokens | None:
            if layer is None:
                return None
            return Tokens(layer(drop(x, self.options.content_dropout, generator)), x.any(2))

        return (
            project(self.vision_tokens, some.vision_tokens),
            project(self.language_tokens, some.language_tokens),
        )

    def reset(self, generator: torch.Generator) -> None:
        """Draw all weights: `model.fusion.init` for matrices, a small normal for tables."""
        o = self.options
        for embeddings in (self.ids, self.categories):
            if embeddings is not None:
                nn.init.normal_(embeddings.weight, std=TABLE_SPREAD, generator=generator)
        for projection in (self.vision, self.language, self.numbers):
            if projection is not None:
                projection.reset(generator)
        for layer in (self.vision_tokens, self.language_tokens):
            if layer is not None:
                draw(layer.weight, o.init, o.projection_gain, generator)
        self.fusion.reset(generator)


def _token_projection(tokens: torch.Tensor, dim: int) -> Linear | None:
    return Linear(tokens.shape[2], dim, bias=False) if tokens.shape[1] else None


def _check(name: str, method: type[fusions.Fusion], parts: list[str]) -> None:
    if not parts:
        raise UserError(
            "model.fusion: every input of the items is switched off, or the data has none; switch one on, e.g. item_id"
        )
    missing = sorted(method.requires - {*parts})
    if missing:
        raise UserError(
            f"model.fusion.method: {name} needs {' and '.join(sorted(method.requires))}; choose encoders for "
            f"model.{' and model.'.join(missing)}, or another method"
        )
