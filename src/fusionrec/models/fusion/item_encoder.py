"""The item side: id, modalities, numbers and categories as one vector an item."""

from typing import NamedTuple, cast

import torch
from torch import nn

from fusionrec.data.item_inputs import ItemInputs, Modality
from fusionrec.data.modalities import MODALITIES
from fusionrec.errors import UserError
from fusionrec.models import fusions
from fusionrec.models.fusion.attention import Tokens
from fusionrec.models.fusion.layers import Hidden, Linear, draw, drop, keep_rows, table
from fusionrec.models.fusion.options import FusionOptions
from fusionrec.models.trainable import Projected

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

    The inputs are, in this order, id, the modalities, numbers and categories.

    Attributes:
        modalities: a projection for each modality that is on.
        tokens: likewise for the vectors of its parts, where the fusion method reads them.

    Raises:
        UserError: if no input is on, or the fusion method lacks one.
    """

    def __init__(self, options: FusionOptions, content: ItemInputs, category_values: int):
        super().__init__()
        self.options = options
        dim = options.dim
        numbers = content.numbers.shape[1]
        self.ids = table(len(content.trained), dim) if options.item_id else None
        self.modalities = nn.ModuleDict(
            {
                name: Projection(one.vectors.shape[1], options, optional=True)
                for name, one in content.modalities.items()
            }
        )
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
        method = fusions.load(options.method)
        _check(options.method, method, self.inputs, [*self.modalities])
        self.fusion = method(options, self.inputs)
        self.tokens = nn.ModuleDict(
            {
                name: Linear(one.tokens.shape[2], dim, bias=False)
                for name, one in content.modalities.items()
                if method.reads_tokens and one.tokens.shape[1]
            }
        )

    @property
    def inputs(self) -> list[str]:
        """The inputs that are on, in the order of the parts."""
        before, after = [("id", self.ids)], [("numbers", self.numbers), ("categories", self.categories)]
        return [name for name, part in [*before, *self.modalities.items(), *after] if part is not None]

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
        for name, one in some.modalities.items():
            inputs.append((self._projected(name, one, generator), one.present))
        if self.numbers is not None:
            numbers = self.numbers(drop(some.numbers, o.feature_dropout, generator), None, generator)
            inputs.append((numbers, torch.ones_like(known)))
        if self.categories is not None:
            kept = keep_rows(some.category_offsets.diff() > 0, o.feature_dropout, generator)
            bags = self.categories(some.category_values, some.category_offsets)
            inputs.append((bags * kept[:, None], kept))
        parts, present = zip(*inputs, strict=True)
        return torch.stack(parts, 1), torch.stack(present, 1)

    def projected(
        self,
        content: ItemInputs,
        rows: torch.Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> dict[str, Projected]:
        """The projected vectors of each modality."""
        some = content if rows is None else content.take(rows)
        return {
            name: Projected(self._projected(name, one, generator), one.present)
            for name, one in some.modalities.items()
        }

    @torch.no_grad()
    def shares(self, content: ItemInputs, rows: torch.Tensor | None = None) -> dict[str, float]:
        """The share of each part in the fusion, mean over items, by its name; see `fusionrec.models.fusions`."""
        some = content if rows is None else content.take(rows)
        parts, present = self.parts(some, some.trained, None, rows)
        return self.fusion.shares(parts, present, *self._tokens(some, None))

    def _projected(self, name: str, one: Modality, generator: torch.Generator | None) -> torch.Tensor:
        x = drop(one.vectors, self.options.content_dropout, generator)
        projected: torch.Tensor = self.modalities[name](x, one.present, generator)
        return projected

    def _tokens(self, some: ItemInputs, generator: torch.Generator | None) -> tuple[dict[str, Tokens], ...]:
        """What a fusion that reads tokens takes besides the parts: those of each modality that has some, projected."""
        if not self.fusion.reads_tokens:
            return ()
        tokens = {}
        for name, layer in self.tokens.items():
            x = some.modalities[name].tokens
            tokens[name] = Tokens(layer(drop(x, self.options.content_dropout, generator)), x.any(2))
        return (tokens,)

    def reset(self, generator: torch.Generator) -> None:
        """Draw all weights: `model.fusion.init` for matrices, a small normal for tables."""
        o = self.options
        for embeddings in (self.ids, self.categories):
            if embeddings is not None:
                nn.init.normal_(embeddings.weight, std=TABLE_SPREAD, generator=generator)
        for projection in [*self.modalities.values(), self.numbers]:
            if projection is not None:
                cast(Projection, projection).reset(generator)
        for layer in self.tokens.values():
            draw(cast(Linear, layer).weight, o.init, o.projection_gain, generator)
        self.fusion.reset(generator)


def _check(name: str, method: type[fusions.Fusion], parts: list[str], modalities: list[str]) -> None:
    if not parts:
        raise UserError(
            "model.fusion: every input of the items is switched off, or the data has none; switch one on, e.g. item_id"
        )
    if len(modalities) < method.modalities:
        raise UserError(
            f"model.fusion.method: {name} needs {method.modalities} modalities, and the items have "
            f"{' and '.join(modalities) or 'none'}; choose encoders for more of "
            f"{', '.join(f'model.{m}' for m in MODALITIES)}, or another method"
        )
