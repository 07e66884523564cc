"""Each modality attends to the tokens of each other one, such as the picture to those of the text.

Queries are the parts of the modalities; keys and values the token vectors of another one, where the cache holds them
(see `ItemInputs`). Where it does not, the only key is the other part itself. The softmax over one key is always 1, so
that a second linear map of each part is added, for items that have both. A modality attends to all others with the same
weights.

Where the item lacks one of the two, there is no attention. `shares` are those of the norms; what attention adds counts
as parts of its own, such as `vision_from_language`.
"""

from itertools import permutations

import torch
from torch import nn

from fusionrec.data.modalities import MODALITIES
from fusionrec.models.fusion.attention import Attention, Tokens
from fusionrec.models.fusion.options import FusionOptions
from fusionrec.models.fusions import Fusion, norm_shares


class Method(Fusion):
    """See the module; `forward` is that of `Fusion`."""

    modalities = 2
    reads_tokens = True

    def __init__(self, options: FusionOptions, names: list[str]):
        super().__init__(options, names)
        known = [name for name in MODALITIES if name in names]
        self.attention = nn.ModuleDict({name: Attention(options) for name in known})
        self.pairs = list(permutations(known, 2))

    def _attend(
        self,
        parts: torch.Tensor,
        present: torch.Tensor,
        generator: torch.Generator | None,
        tokens: dict[str, Tokens] | None,
    ) -> torch.Tensor:
        """[n, pairs, dim]: what the first of each pair receives from the second."""
        attended = []
        for name, other in self.pairs:
            place, there = (slice(i, i + 1) for i in map(self.names.index, (name, other)))
            keys = (tokens or {}).get(other) or Tokens(parts[:, there], present[:, there])
            both = present[:, place] & present[:, there]
            keys = keys._replace(present=keys.present & both)
            attended.append(self.attention[name](parts[:, place], keys, generator))
        return self.strength * torch.cat(attended, 1)

    def forward(
        self,
        parts: torch.Tensor,
        present: torch.Tensor,
        generator: torch.Generator | None = None,
        tokens: dict[str, Tokens] | None = None,
    ) -> torch.Tensor:
        """See `Fusion.forward`; `tokens` are the token vectors by modality, of those that have some."""
        return parts.sum(1) + self._attend(parts, present, generator, tokens).sum(1)

    def shares(
        self, parts: torch.Tensor, present: torch.Tensor, tokens: dict[str, Tokens] | None = None
    ) -> dict[str, float]:
        """See `Fusion.shares`; they add up to 1."""
        terms = torch.cat([parts, self._attend(parts, present, None, tokens)], 1)
        return norm_shares([*self.names, *(f"{name}_from_{other}" for name, other in self.pairs)], terms)

    def reset(self, generator: torch.Generator) -> None:
        """See `Fusion.reset`."""
        for attention in self.attention.values():
            attention.reset(generator)  # type: ignore[operator]
