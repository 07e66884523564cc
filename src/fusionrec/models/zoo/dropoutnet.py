"""DropoutNet: preferences and contents as inputs of a deep network, preferences dropped (Volkovs et al., NeurIPS 2017).

ALS gives factors u of users and v of items, their preferences. A network maps [u, contents of the user] to x, another
one [v, contents of the item] to y; the contents of a user are the mean of those of the history. They learn to
reproduce the scores of ALS: the mean of (u·v - x·y)² over, for each user of a step, the `sampled` items that ALS ranks
first and as many random ones. A random share `dropout` of users and items in a step have no preferences, as new ones
have not: zeros, the mean of the standardised preferences.

The score is x·y. It differs from the authors' code: users and items are dropped, not pairs of them; there is no batch
norm; numbers and categories are contents too.
"""

from itertools import pairwise
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import nn

from fusionrec.choices import Choice
from fusionrec.data.histories import Histories
from fusionrec.data.item_inputs import ItemInputs
from fusionrec.models.content_layer import ContentLayer
from fusionrec.models.contract import ModelData, Need, Towers
from fusionrec.models.fusion.layers import Linear, keep_rows
from fusionrec.models.implicit_als import AlsOptions, factorise
from fusionrec.models.known_users import KnownUsers
from fusionrec.models.trainable import Step
from fusionrec.params import Count, Fraction, Probability, Section, Weight

LARGEST = 5.0  # standard deviations, beyond which preferences are clipped, as the authors do


class Options(Section):
    """`dim` factors, and as many values of the vectors that are scored; `hidden` are widths of hidden layers.

    `preferences` is ALS.
    """

    dim: Count
    preferences: AlsOptions
    hidden: Annotated[list[Count], Field(min_length=1)]
    max_history: Count
    dropout: Probability
    content_dropout: Fraction
    sampled: Count
    losses: Annotated[dict[str, Weight], Choice("fusionrec.training.losses", "model.dropoutnet.losses")]


class Tower(nn.Module):
    """Preferences and a first layer of contents -> vectors; tanh after each hidden layer."""

    def __init__(self, options: Options):
        super().__init__()
        self.preferences = Linear(options.dim, options.hidden[0], bias=False)
        widths = [*options.hidden, options.dim]
        self.layers = nn.ModuleList(Linear(*sizes) for sizes in pairwise(widths))

    def forward(self, preferences: torch.Tensor, contents: torch.Tensor) -> torch.Tensor:
        """[n, factors], [n, hidden] -> [n, dim]."""
        x = self.preferences(preferences) + contents
        for layer in self.layers:
            x = layer(torch.tanh(x))
        return x

    def reset(self, generator: torch.Generator) -> None:
        """Draw the weights: Xavier, uniform."""
        for layer in self.modules():
            if isinstance(layer, Linear):
                nn.init.xavier_uniform_(layer.weight, generator=generator)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)


class Model(KnownUsers):
    """See the module and `TrainableModel`.

    Raises:
        ValueError: if `data` has no graph.
        UserError: if the items have no contents.
    """

    needs: ClassVar[frozenset[Need]] = frozenset({"ids", "contents", "graph"})
    ranks_by_own_loss: ClassVar[bool] = True
    scores_new_items = True
    users: torch.Tensor
    items: torch.Tensor

    def __init__(self, options: Any, data: ModelData):
        super().__init__(options, data)
        if data.graph is None:
            raise ValueError("dropoutnet needs the graph of train interactions")
        self.chosen, self.history_length = data.graph, options.max_history
        self.register_buffer("users", torch.zeros(data.users, options.dim))
        self.register_buffer("items", torch.zeros(data.items, options.dim))
        self.user_tower, self.item_tower = Tower(options), Tower(options)
        sizes = data.content, data.category_values, options.hidden[0], "dropoutnet"
        self.user_contents, self.item_contents = ContentLayer(*sizes), ContentLayer(*sizes)

    @torch.no_grad()
    def reset(self, generator: torch.Generator) -> None:
        """Compute the preferences, and draw the weights of both networks."""
        factors = factorise(
            self.chosen, len(self.items), self.options.dim, self.options.preferences, generator
        )
        self.users.copy_(factors.users)
        self.items.copy_(factors.items)
        for part in (self.user_tower, self.user_contents, self.item_tower, self.item_contents):
            part.reset(generator)

    def item_vectors(
        self, content: ItemInputs, rows: torch.Tensor | None, generator: torch.Generator | None = None
    ) -> torch.Tensor:
        """[n, dim]: y of the items `rows` of the catalogue, int64 [n]; None: of all."""
        some = content if rows is None else content.take(rows)
        inputs = standardised(self.items, self.items.any(1))
        known = keep_rows(some.trained, self.options.dropout, generator)
        contents = self.item_contents(some, self.options.content_dropout, generator)
        mine = inputs if rows is None else inputs[rows]
        vectors: torch.Tensor = self.item_tower(mine * known[:, None], contents)
        return vectors

    def towers(
        self,
        content: ItemInputs,
        generator: torch.Generator | None = None,
        candidates: torch.Tensor | None = None,
        history: torch.Tensor | None = None,
    ) -> Towers:
        """See `TrainableModel.towers`; `own`: bool [users], who has preferences."""
        vectors = self.item_vectors(content, candidates, generator)
        past = content if history is None else content.take(history)
        read = self.user_contents(past, self.options.content_dropout, generator)
        known = keep_rows(self.known_users, self.options.dropout, generator)
        return Towers(vectors, vectors.new_zeros(len(vectors)), read, known)

    def new_towers(self, content: ItemInputs) -> Towers:
        """See `TrainableModel.new_towers`."""
        contents = self.item_contents(content)
        vectors = self.item_tower(contents.new_zeros(len(contents), self.items.shape[1]), contents)
        return Towers(vectors, vectors.new_zeros(len(vectors)), self.user_contents(content), self.known_users)

    def user_vectors(
        self, towers: Towers, users: torch.Tensor, latest: torch.Tensor, timed: bool = True
    ) -> torch.Tensor:
        """See `TrainableModel.user_vectors`."""
        row = users.clamp(max=len(self.known_users) - 1)
        within = row == users
        # sorted, so that sums do not depend on the order of the history, not even in the last bit
        rows = latest.sort(1, descending=True).values
        present = rows >= 0
        weights = present / present.sum(1, keepdim=True).clamp(min=1)
        contents = F.embedding_bag(
            rows.clamp(min=0), towers.history, mode="sum", per_sample_weights=weights.to(towers.history.dtype)
        )
        inputs = standardised(self.users, self.users.any(1))[row] * (towers.own[row] & within)[:, None]
        anything = present.any(1) | (self.known_users[row] & within)
        vectors: torch.Tensor = self.user_tower(inputs, contents) * anything[:, None]
        return vectors

    def loss(self, step: Step) -> dict[str, torch.Tensor]:
        """The mean squared error of the scores of ALS; see the module."""
        trained = step.content.trained.nonzero().squeeze(1)
        scores = self.users[step.users] @ self.items[trained].T
        count = min(self.options.sampled, len(trained))
        drawn = torch.randint(
            len(trained), (len(scores), count), generator=step.generator, device=scores.device
        )
        columns = torch.cat([scores.topk(count, dim=1).indices, drawn], 1)
        places, place = torch.unique(columns, return_inverse=True)
        vectors = self.item_vectors(step.content, trained[places], step.generator)
        made = (step.vectors @ vectors.T).gather(1, place)
        return step.terms() | {"error": step.share * F.mse_loss(made, scores.gather(1, columns))}

    def knows(self, users: np.ndarray, past: Histories) -> np.ndarray:
        """See `TrainableModel.knows`: users with a train interaction or a history."""
        known: np.ndarray = (past.count(users) > 0) | super().knows(users, past)
        return known

    def inputs(self) -> list[str]:
        """See `TrainableModel.inputs`."""
        return [*self.item_contents.inputs(), "id"]

    def id_tensors(self) -> list[torch.Tensor]:
        """See `Model.id_tensors`."""
        return [self.items]


def standardised(factors: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """[n, dim]: each column with mean 0 and variance 1 over the rows `known` (bool [n]), clipped at `LARGEST`."""
    some = factors[known]
    mean, deviation = some.mean(0), some.std(0, correction=0)
    return ((factors - mean) / deviation.clamp(min=1e-6)).clamp(-LARGEST, LARGEST)
