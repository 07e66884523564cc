"""Fusions: how the parts of an item become one vector.

A part is what an input that is switched on (id, vision, language, numbers, categories) says about the item, a
vector of `dim`. A part is not present where the item has none: no picture, an id that training never saw or
that dropout took, no category. Such a part enters the plain sum, as the learned vector that stands for
"absent" or as zero, but neither moves a gate nor is attended to.

All fusions start from the plain sum and add to it, `fusion_weight` strong, what they learn. Each says through
`shares` what it makes of the parts, for tracking.
"""

from typing import NamedTuple

import torch
from torch import nn

from fusionrec import params
from fusionrec.models.layers import Linear, draw, drop


class Tokens(NamedTuple):
    """Vectors that an item has several of: vectors [n, t, dim], present bool [n, t]."""

    vectors: torch.Tensor
    present: torch.Tensor


class Attention(nn.Module):
    """Multi-head attention of some vectors to others (Vaswani et al., "Attention Is All You Need", 2017).

    Its output layer starts at zero, and without keys there is nothing to attend to: both give zeros.
    """

    def __init__(self, options: params.Model):
        super().__init__()
        dim = options.dim
        self.heads, self.rate, self.scheme = (
            options.num_attention_heads,
            options.attention_dropout,
            options.init,
        )
        self.query, self.key, self.value, self.out = (Linear(dim, dim, bias=False) for _ in range(4))

    def weights(self, queries: torch.Tensor, keys: Tokens) -> torch.Tensor:
        """[n, q, dim], t keys -> [n, heads, q, t], which sum to 1 over the keys that are present."""
        query, key = self._split(self.query(queries)), self._split(self.key(keys.vectors))
        logits = query @ key.transpose(2, 3) * query.shape[-1] ** -0.5
        present = keys.present[:, None, None]
        return logits.masked_fill(~present, torch.finfo(logits.dtype).min).softmax(-1) * present

    def forward(
        self, queries: torch.Tensor, keys: Tokens, generator: torch.Generator | None = None
    ) -> torch.Tensor:
        """[n, q, dim], t keys -> [n, q, dim]; dropout of weights where a generator is given."""
        weights = drop(self.weights(queries, keys), self.rate, generator)
        attended = weights @ self._split(self.value(keys.vectors))
        return self.out(attended.transpose(1, 2).flatten(2))

    def _split(self, x: torch.Tensor) -> torch.Tensor:
        """[n, t, dim] -> [n, heads, t, dim / heads]."""
        return x.unflatten(2, (self.heads, -1)).transpose(1, 2)

    def reset(self, generator: torch.Generator) -> None:
        """Draw the weights."""
        for layer in (self.query, self.key, self.value):
            draw(layer.weight, self.scheme, 1, generator)
        nn.init.zeros_(self.out.weight)


class Fusion(nn.Module):
    """What all fusions have in common."""

    def __init__(self, options: params.Model, names: list[str]):
        super().__init__()
        self.names, self.strength = names, options.fusion_weight

    def forward(
        self, parts: torch.Tensor, present: torch.Tensor, generator: torch.Generator | None = None
    ) -> torch.Tensor:
        """Fuse.

        Args:
            parts: [n, m, dim], in the order of `names`.
            present: bool [n, m].
            generator: for dropout; none at evaluation.

        Returns:
            [n, dim].
        """
        raise NotImplementedError

    def shares(self, parts: torch.Tensor, present: torch.Tensor) -> dict[str, float]:
        """What each part has in the result, mean over items, by its name."""
        raise NotImplementedError

    def reset(self, generator: torch.Generator) -> None:
        """Draw the weights, so that the result is the plain sum."""


class Concatenate(Fusion):
    """Concatenation followed by one linear layer.

    That layer falls into one matrix for each part, whose product with the part's own projection is again one
    linear projection: so the sum of the projected parts is the same model, and computed instead.
    `shares` are those of the norms.
    """

    def forward(
        self, parts: torch.Tensor, present: torch.Tensor, generator: torch.Generator | None = None
    ) -> torch.Tensor:
        """See `Fusion.forward`."""
        return parts.sum(1)

    def shares(self, parts: torch.Tensor, present: torch.Tensor) -> dict[str, float]:
        """See `Fusion.shares`; they add up to 1."""
        return _norm_shares(self.names, parts)


class Gated(Fusion):
    """A gate for each part, 1 + fusion_weight (2 sigmoid(g) - 1), where g is linear in all present parts.

    After the gated multimodal unit (Arevalo et al. 2017, arXiv:1702.01992); gates start at 1. `shares` are
    the gates of the items that have the part.
    """

    def __init__(self, options: params.Model, names: list[str]):
        super().__init__(options, names)
        self.gate = Linear(len(names) * options.dim, len(names))

    def gates(self, parts: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
        """[n, m, dim], bool [n, m] -> [n, m]; 1 where a part is absent."""
        known = parts * present[:, :, None]
        return 1 + self.strength * (2 * torch.sigmoid(self.gate(known.flatten(1))) - 1) * present

    def forward(
        self, parts: torch.Tensor, present: torch.Tensor, generator: torch.Generator | None = None
    ) -> torch.Tensor:
        """See `Fusion.forward`."""
        return (parts * self.gates(parts, present)[:, :, None]).sum(1)

    def shares(self, parts: torch.Tensor, present: torch.Tensor) -> dict[str, float]:
        """See `Fusion.shares`."""
        total = (self.gates(parts, present) * present).sum(0) / present.sum(0).clamp(min=1)
        return dict(zip(self.names, total.tolist(), strict=True))

    def reset(self, generator: torch.Generator) -> None:
        """See `Fusion.reset`."""
        nn.init.zeros_(self.gate.weight)
        nn.init.zeros_(self.gate.bias)


class SelfAttention(Fusion):
    """Each present part attends to all present parts; what they attend to is added to the plain sum.

    Parts carry no place, so that their order does not matter. `shares` are the attention that each part
    receives, mean over heads and over the parts that attend.
    """

    def __init__(self, options: params.Model, names: list[str]):
        super().__init__(options, names)
        self.attention = Attention(options)

    def forward(
        self, parts: torch.Tensor, present: torch.Tensor, generator: torch.Generator | None = None
    ) -> torch.Tensor:
        """See `Fusion.forward`."""
        attended = self.attention(parts, Tokens(parts, present), generator)
        return parts.sum(1) + self.strength * (attended * present[:, :, None]).sum(1)

    def shares(self, parts: torch.Tensor, present: torch.Tensor) -> dict[str, float]:
        """See `Fusion.shares`; they add up to 1."""
        weights = self.attention.weights(parts, Tokens(parts, present)).mean(1)
        received = (weights * present[:, :, None]).sum((0, 1)) / present.sum().clamp(min=1)
        return dict(zip(self.names, received.tolist(), strict=True))

    def reset(self, generator: torch.Generator) -> None:
        """See `Fusion.reset`."""
        self.attention.reset(generator)


class CrossModal(Fusion):
    """The picture attends to the tokens of the text and the text to those of the picture.

    Queries are the parts `vision` and `language`; keys and values the token vectors of the other encoder,
    where the cache holds them (see `Content`). Where it does not, the only key is the other part itself: the
    softmax over one key is always 1, and what is added is a second linear map of each of both parts, for the
    items that have both. That can say "with a text beside it a picture means something else", no more.

    Where the item lacks picture or text, nothing is attended to. `shares` are those of the norms; what
    attention adds counts as parts of its own, `vision_from_language` and `language_from_vision`.
    """

    def __init__(self, options: params.Model, names: list[str]):
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
        """[n, 2, dim]: what the picture took from the text, and the text from the picture."""
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
        return _norm_shares([*self.names, "vision_from_language", "language_from_vision"], terms)

    def reset(self, generator: torch.Generator) -> None:
        """See `Fusion.reset`."""
        self.vision.reset(generator)
        self.language.reset(generator)


FUSIONS: dict[str, type[Fusion]] = {
    "concatenate": Concatenate,
    "gated": Gated,
    "attention": SelfAttention,
    "cross_modal": CrossModal,
}


def _norm_shares(names: list[str], terms: torch.Tensor) -> dict[str, float]:
    """Of each of the terms [n, m, dim] of a sum: its norm over the sum of the norms, mean over items."""
    norms = terms.double().square().sum(2).sqrt()
    shares = norms / norms.sum(1, keepdim=True).clamp(min=1e-12)
    return dict(zip(names, shares.float().mean(0).tolist(), strict=True))
