"""The item side: id, picture, text, categories and numbers fused into one vector an item."""

import torch
from torch import nn

from fusionrec import params
from fusionrec.data.content import Content
from fusionrec.models.layers import drop, drop_rows


class Projection(nn.Module):
    """A linear map of encoder vectors, with a learned vector in the place of absent ones."""

    def __init__(self, width: int, dim: int):
        super().__init__()
        self.linear = nn.Linear(width, dim, bias=False)
        self.absent = nn.Parameter(torch.zeros(dim))

    def forward(self, x: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
        """[items, width], bool [items] -> [items, dim]."""
        return torch.where(present[:, None], self.linear(x), self.absent)


class ItemEncoder(nn.Module):
    """Embeds every item of the catalogue.

    Each input that is switched on is projected to `dim`; then the parts are fused:

    - `concatenate`: concatenation followed by one linear layer. That is the sum of one linear projection
      per part, and computed as such.
    - `gated`: the same sum after a gate per part and item, 2 * sigmoid of a linear function of all parts
      (a gated multimodal unit, Arevalo et al. 2017, arXiv:1702.01992). Gates start at 1, so that training
      starts from `concatenate`.
    """

    def __init__(self, options: params.Model, content: Content, category_values: int):
        super().__init__()
        self.options = options
        items, dim = len(content.trained), options.dim
        self.ids = nn.Embedding(items, dim) if options.item_id else None
        self.vision = Projection(content.vision.shape[1], dim) if content.vision.shape[1] else None
        self.language = Projection(content.language.shape[1], dim) if content.language.shape[1] else None
        self.numbers = (
            nn.Linear(content.numbers.shape[1], dim, bias=False)
            if options.numbers and content.numbers.shape[1]
            else None
        )
        self.categories = (
            nn.EmbeddingBag(category_values, dim, mode="sum", include_last_offset=True)
            if options.categories and category_values
            else None
        )
        inputs = (self.ids, self.vision, self.language, self.numbers, self.categories)
        count = sum(module is not None for module in inputs)
        self.gate = nn.Linear(count * dim, count) if options.fusion == "gated" else None

    def parts(self, content: Content, generator: torch.Generator | None = None) -> list[torch.Tensor]:
        """The projected inputs that are switched on, each [items, dim]; dropout where a generator is given."""
        o, parts = self.options, []
        if self.ids is not None:
            # An id that training never sees is noise: such items live on their content.
            ids = self.ids.weight * content.trained[:, None]
            parts.append(drop_rows(ids, o.id_dropout, generator))
        if self.vision is not None:
            x = drop(content.vision, o.content_dropout, generator)
            parts.append(self.vision(x, content.vision_present))
        if self.language is not None:
            x = drop(content.language, o.content_dropout, generator)
            parts.append(self.language(x, content.language_present))
        if self.numbers is not None:
            parts.append(self.numbers(drop(content.numbers, o.feature_dropout, generator)))
        if self.categories is not None:
            bags = self.categories(content.category_values, content.category_offsets)
            parts.append(drop_rows(bags, o.feature_dropout, generator))
        return parts

    def forward(self, content: Content, generator: torch.Generator | None = None) -> torch.Tensor:
        """[items, dim]."""
        parts = torch.stack(self.parts(content, generator), 1)
        if self.gate is not None:
            parts = parts * 2 * torch.sigmoid(self.gate(parts.flatten(1)))[:, :, None]
        return parts.sum(1)
