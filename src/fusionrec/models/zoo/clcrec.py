"""CLCRec: vectors of ids, and of contents that agree with them, by two contrastive losses (Wei et al., MM 2021).

An item's content vector f is a network on its contents; z is its id vector, u that of a user. Two losses:

- user and item, the loss `sampled_softmax`: -log exp(u·h / t) / sum of exp(u·hⱼ / t) over the item and its negatives,
  where h is z, and in training f for a random share `replaced` of the items;
- `alignment`, between the two vectors of an item: -log exp(cos(z, f) / t) / sum of exp(cos(z, fⱼ) / t) over the step's
  distinct targets j.

The score is u·z for items with a train interaction, u·f for all others. It differs from the authors' code: the
negatives of the alignment are the other targets of the step, not drawn ones; the penalty is on squared norms; numbers
and categories are contents too.
"""

from typing import Annotated, Any, ClassVar

import torch
import torch.nn.functional as F
from torch import nn

from fusionrec.choices import Choice
from fusionrec.data.item_inputs import ItemInputs
from fusionrec.models.content_layer import ContentLayer
from fusionrec.models.contract import ModelData, Need, Towers
from fusionrec.models.fusion.layers import Linear, keep_rows
from fusionrec.models.id_vectors import IdVectors
from fusionrec.models.trainable import Step
from fusionrec.params import Count, Fraction, Positive, Probability, Section, Weight


class Options(Section):
    """`dim` is the width of the vectors, `hidden` that of the content network, `alignment` the weight of that loss."""

    dim: Count
    hidden: Count
    temperature: Positive
    replaced: Probability
    alignment: Weight
    content_dropout: Fraction
    l2: Weight
    losses: Annotated[dict[str, Weight], Choice("fusionrec.training.losses", "model.clcrec.losses")]


class Model(IdVectors):
    """See the module and `IdVectors`."""

    needs: ClassVar[frozenset[Need]] = frozenset({"ids", "contents"})
    scores_new_items = True

    def __init__(self, options: Any, data: ModelData):
        super().__init__(options, data)
        self.contents = ContentLayer(data.content, data.category_values, options.hidden, "clcrec")
        self.out = Linear(options.hidden, options.dim)

    def reset(self, generator: torch.Generator) -> None:
        """Draw all weights: Xavier; biases are 0."""
        super().reset(generator)
        self.contents.reset(generator)
        nn.init.xavier_uniform_(self.out.weight, generator=generator)
        nn.init.zeros_(self.out.bias)

    def features(self, content: ItemInputs, generator: torch.Generator | None = None) -> torch.Tensor:
        """[n, dim]: the content vectors of n items; dropout where a generator is given."""
        hidden = self.contents(content, self.options.content_dropout, generator)
        vectors: torch.Tensor = self.out(F.leaky_relu(hidden))
        return vectors

    def towers(
        self,
        content: ItemInputs,
        generator: torch.Generator | None = None,
        candidates: torch.Tensor | None = None,
        history: torch.Tensor | None = None,
    ) -> Towers:
        """See `TrainableModel.towers`; items without a train interaction are known by their contents."""
        some = content if candidates is None else content.take(candidates)
        ids = self.items if candidates is None else self.items[candidates]
        own = keep_rows(some.trained, self.options.replaced, generator)
        return self._scored(torch.where(own[:, None], ids, self.features(some, generator)))

    def new_towers(self, content: ItemInputs) -> Towers:
        """See `TrainableModel.new_towers`."""
        return self._scored(self.features(content))

    def _scored(self, vectors: torch.Tensor) -> Towers:
        return Towers(vectors, vectors.new_zeros(len(vectors)), self.users / self.options.temperature)

    def loss(self, step: Step) -> dict[str, torch.Tensor]:
        """See the module and `IdVectors.loss`."""
        items = torch.unique(step.targets)
        features = self.features(step.content.take(items), step.generator)
        aligned = alignment(self.items[items], features, self.options.temperature)
        return super().loss(step) | {"alignment": step.share * self.options.alignment * aligned}

    def inputs(self) -> list[str]:
        """See `TrainableModel.inputs`."""
        return [*self.contents.inputs(), "id"]


def alignment(ids: torch.Tensor, features: torch.Tensor, temperature: float) -> torch.Tensor:
    """Cross-entropy of each item's content vector among those of all items, given its id vector; the mean.

    Args:
        ids: [n, dim], of n different items.
        features: [n, dim].
        temperature: of the cosines.
    """
    cosines = F.normalize(ids, dim=1) @ F.normalize(features, dim=1).T
    return F.cross_entropy(cosines / temperature, torch.arange(len(ids), device=ids.device))
