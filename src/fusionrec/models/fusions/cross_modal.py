"""The picture attends to the tokens of the text, and the text to those of the picture.

Queries are the parts `vision` and `language`; keys and values the token vectors of the other encoder,
where the cache holds them (see `ItemInputs`). Where it does not, the only key is the other part itself. The
softmax over one key is always 1, so that a second linear map of each part is added, for items that have
both.

Where the item lacks picture or text, there is no attention. `shares` are those of the norms; what
attention adds counts as parts of its own, `vision_from_language` and `language_from_vision`.
"""

import torch

from fusionrec.models.fusion.attention import Attention, Tokens
from fusionrec.models.fusion.options import FusionOptions
from fusionrec.models.fusions import Fusion, norm_shares


class Method(Fusion):
    """See the module; `forward` is that of `Fusion`."""

    requires = frozenset({"vision", "language"})
    reads_tokens = True

    def __init__(self, options: FusionOptions, names: list[str]):
        super().__init__(options, names)
        self.vision, self.language = Attention(options), Attention(options)
        self.place = names.index("vision"), names.index("language")

    def _attend(
        self,
        parts: torch.Tensor,
        present: torch.Tensor,
        generator: torch.Generator | None,
        vision: Tokens | None,
        language: Tokens | None,
    ) -> torch.Tensor:
        """[n, 2, dim]: what the picture receives from the text, and the text from the picture."""
        v, t = (slice(place, place + 1) for place in self.place)
        vision = vision or Tokens(parts[:, v], present[:, v])
        language = language or Tokens(parts[:, t], present[:, t])
        both = present[:, v] & present[:, t]
        from_language = language._replace(present=language.present & both)
        from_vision = vision._replace(present=vision.present & both)
        attended = (
            self.vision(parts[:, v], from_language, generator),
            self.language(parts[:, t], from_vision, generator),
        )
        return self.strength * torch.cat(attended, 1)

    def forward(
        self,
        parts: torch.Tensor,
        present: torch.Tensor,
        generator: torch.Generator | None = None,
        vision: Tokens | None = None,
        language: Tokens | None = None,
    ) -> torch.Tensor:
        """See `Fusion.forward`; `vision` and `language` are the token vectors, None where there are none."""
        return parts.sum(1) + self._attend(parts, present, generator, vision, language).sum(1)

    def shares(
        self,
        parts: torch.Tensor,
        present: torch.Tensor,
        vision: Tokens | None = None,
        language: Tokens | None = None,
    ) -> dict[str, float]:
        """See `Fusion.shares`; they add up to 1."""
        terms = torch.cat([parts, self._attend(parts, present, None, vision, language)], 1)
        return norm_shares([*self.names, "vision_from_language", "language_from_vision"], terms)

    def reset(self, generator: torch.Generator) -> None:
        """See `Fusion.reset`."""
        self.vision.reset(generator)
        self.language.reset(generator)
