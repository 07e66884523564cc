"""ALDI: item vectors made of contents, which imitate those of a collaborative teacher (Huang et al., SIGIR 2023).

The teacher has factors u of users and v of items, and scores t = u·v. The student maps u and the contents c of an item
by networks f and g, and scores s = f(u)·g(c). It learns from the choices (the option `losses`: bpr), and from three
terms for a target i and its negatives j, where BCE is the binary cross-entropy:

- `rating`: |tᵢ - sᵢ| + |tⱼ - sⱼ|;
- `ranking`: BCE of sigmoid(sᵢ - sⱼ) to sigmoid(tᵢ - tⱼ);
- `identification`: BCE of sigmoid(gᵢ·gᵢ - gᵢ·m) to the same of the teacher, v in the place of g, where m is the mean
  over all negatives of the step.

Items with a train interaction are scored by the teacher, all others by the student. It differs from the authors' code:
the teacher is ALS, computed when training starts, and `scale` makes logits of its scores, which lie between 0 and 1;
there is no batch norm; items are not weighted by their frequency, as is their default; numbers and categories are
contents too.
"""

from typing import Annotated, Any, ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from fusionrec.choices import Choice
from fusionrec.data.item_inputs import ItemInputs
from fusionrec.errors import UserError
from fusionrec.models.content_layer import ContentLayer
from fusionrec.models.contract import ModelData, Need, Towers
from fusionrec.models.fusion.layers import Linear
from fusionrec.models.implicit_als import AlsOptions, factorise
from fusionrec.models.known_users import KnownUsers
from fusionrec.models.trainable import Step
from fusionrec.params import Count, Fraction, Positive, Section, Weight


class Options(Section):
    """`dim` factors; `teacher` is ALS; `hidden` is the width of the hidden layers.

    `rating`, `ranking` and `identification` are the weights of the terms.
    """

    dim: Count
    teacher: AlsOptions
    scale: Positive
    hidden: Count
    content_dropout: Fraction
    rating: Weight
    ranking: Weight
    identification: Weight
    losses: Annotated[dict[str, Weight], Choice("fusionrec.training.losses", "model.aldi.losses")]


class Pairs(NamedTuple):
    """Vectors of p targets and of their m negatives: `user`, `target` [p, dim]; `negative` [p, m, dim]."""

    user: torch.Tensor
    target: torch.Tensor
    negative: torch.Tensor


class Model(KnownUsers):
    """See the module and `TrainableModel`.

    Raises:
        ValueError: if `data` has no graph.
        UserError: if the items have no contents.
    """

    needs: ClassVar[frozenset[Need]] = frozenset({"ids", "contents", "graph"})
    scores_new_items = True
    users: torch.Tensor
    items: torch.Tensor

    def __init__(self, options: Any, data: ModelData):
        super().__init__(options, data)
        if data.graph is None:
            raise ValueError("aldi needs the graph of train interactions")
        self.chosen, dim = data.graph, options.dim
        self.register_buffer("users", torch.zeros(data.users, dim))
        self.register_buffer("items", torch.zeros(data.items, dim))
        self.contents = ContentLayer(data.content, data.category_values, options.hidden, "aldi")
        self.item_out = Linear(options.hidden, dim)
        self.user_in, self.user_out = Linear(dim, options.hidden), Linear(options.hidden, dim)

    @torch.no_grad()
    def reset(self, generator: torch.Generator) -> None:
        """Compute the teacher, and draw the weights of the student."""
        for buffer, factors in zip(
            (self.users, self.items),
            factorise(self.chosen, len(self.items), self.options.dim, self.options.teacher, generator),
            strict=True,
        ):
            buffer.copy_(factors * self.options.scale**0.5)
        self.contents.reset(generator)
        for layer in (self.item_out, self.user_in, self.user_out):
            nn.init.xavier_uniform_(layer.weight, generator=generator)
            nn.init.zeros_(layer.bias)

    def student_items(self, content: ItemInputs, generator: torch.Generator | None = None) -> torch.Tensor:
        """[n, dim]: g of n items; dropout where a generator is given."""
        hidden = self.contents(content, self.options.content_dropout, generator)
        vectors: torch.Tensor = self.item_out(torch.tanh(hidden))
        return vectors

    def student_users(self, users: torch.Tensor) -> torch.Tensor:
        """[n, dim]: f of the teacher's factors [n, dim]."""
        vectors: torch.Tensor = self.user_out(torch.tanh(self.user_in(users)))
        return vectors

    def towers(
        self,
        content: ItemInputs,
        generator: torch.Generator | None = None,
        candidates: torch.Tensor | None = None,
        history: torch.Tensor | None = None,
    ) -> Towers:
        """See `TrainableModel.towers`; vectors are those of the teacher and of the student side by side.

        One of both is zero: that of the teacher in training and for items without a train interaction.
        """
        some, factors = content, self.items
        if candidates is not None:
            some, factors = content.take(candidates), self.items[candidates]
        warm = some.trained[:, None] & (not self.training)
        return self._scored(factors * warm, self.student_items(some, generator) * ~warm)

    def new_towers(self, content: ItemInputs) -> Towers:
        """See `TrainableModel.new_towers`."""
        student = self.student_items(content)
        return self._scored(torch.zeros_like(student), student)

    def _scored(self, teacher: torch.Tensor, student: torch.Tensor) -> Towers:
        return Towers(torch.cat([teacher, student], 1), teacher.new_zeros(len(teacher)), self.users)

    def user_vectors(
        self, towers: Towers, users: torch.Tensor, latest: torch.Tensor, timed: bool = True
    ) -> torch.Tensor:
        """See `TrainableModel.user_vectors`."""
        row, known = self.places(users)
        factors = towers.history[row]
        return torch.cat([factors, self.student_users(factors)], 1) * known[:, None]

    def loss(self, step: Step) -> dict[str, torch.Tensor]:
        """See the module.

        Raises:
            UserError: if no negatives are sampled.
        """
        if not step.negatives.shape[1]:
            raise UserError(
                "model.aldi: learns from sampled negatives, and there are none; set model.aldi.losses.bpr above 0, "
                "and train.negatives.strategy to uniform"
            )
        rows, place = torch.unique(torch.cat([step.targets[:, None], step.negatives], 1), return_inverse=True)
        users, factors = self.users[step.owners], self.items[rows]
        made = self.student_items(step.content.take(rows), step.generator)
        teacher = Pairs(users, factors[place[:, 0]], factors[place[:, 1:]])
        student = Pairs(self.student_users(users), made[place[:, 0]], made[place[:, 1:]])
        terms = distillation(teacher, student)
        weights = self.options
        return step.terms() | {
            name: step.share * getattr(weights, name) * term for name, term in terms.items()
        }

    def inputs(self) -> list[str]:
        """See `TrainableModel.inputs`."""
        return [*self.contents.inputs(), "id"]

    def id_tensors(self) -> list[torch.Tensor]:
        """See `Model.id_tensors`."""
        return [self.items]


def distillation(teacher: Pairs, student: Pairs) -> dict[str, torch.Tensor]:
    """The three terms that align the student with the teacher, unweighted, each [], the mean over targets."""
    (high, low, apart), (s_high, s_low, s_apart) = map(_scores, (teacher, student))
    rating = (high - s_high).abs().mean() + (low - s_low).abs().mean()
    ranking = F.binary_cross_entropy_with_logits(s_high[:, None] - s_low, torch.sigmoid(high[:, None] - low))
    identification = F.binary_cross_entropy_with_logits(s_apart, torch.sigmoid(apart))
    return {"rating": rating, "ranking": ranking, "identification": identification}


def _scores(pairs: Pairs) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Scores of the targets [p] and of the negatives [p, m]; [p], how far each target is from the step's negatives."""
    high = (pairs.user * pairs.target).sum(1)
    low = (pairs.negative @ pairs.user[:, :, None]).squeeze(2)
    apart = pairs.target.square().sum(1) - pairs.target @ pairs.negative.flatten(0, 1).mean(0)
    return high, low, apart
