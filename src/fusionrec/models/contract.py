"""The contract of models: everything that training, ranking, recommendation and review use of a model.

A `Model` scores the catalogue for users. Most score a user and an item from a vector of each: `towers` encodes items,
`user_vectors` computes users from encoded items and histories, and `logits` scores pairs of them. It declares what it
needs, whether it can score new items, and whether it ranks by an inner product.

There are two kinds: training minimises the `loss` of a `TrainableModel` (see `fusionrec.models.trainable`) step by
step; a `ClosedForm` (see `fusionrec.models.closed_form`) is computed from the train interactions at once.
"""

from copy import deepcopy
from typing import Any, ClassVar, Literal, NamedTuple, Self

import numpy as np
import torch
from torch import nn

from fusionrec.data.histories import Histories
from fusionrec.data.item_inputs import ItemInputs
from fusionrec.errors import UserError

Need = Literal["ids", "contents", "graph", "sequence"]
PAIR_VALUES = 2**19  # in memory at once when a pairwise head ranks: 2 MB, which fit into a CPU's cache


class ModelData(NamedTuple):
    """Everything that a model is built from, besides its parameters.

    Attributes:
        content: inputs of all items; models without `contents` use their number only.
        users: rows of the user table.
        category_values: how many values the categories of the items have together.
        known_users: bool [users], users with a train interaction. None: all.
        graph: train interactions, each user's items; None unless the model needs `graph`.
    """

    content: ItemInputs
    users: int
    category_values: int
    known_users: torch.Tensor | None = None
    graph: Histories | None = None

    @property
    def items(self) -> int:
        """Rows of the catalogue."""
        return len(self.content.trained)


class Towers(NamedTuple):
    """Encoded items, ready for scoring.

    Attributes:
        candidates: [n, dim], vectors of the items to score.
        bias: [n], added to each item's score.
        history: [m, dim], the vectors that user vectors are computed from: items of histories, or users if they are
            known by ids.
        own: whatever else of the encoding the model itself reads, in `user_vectors` or `loss`; nobody else does.
    """

    candidates: torch.Tensor
    bias: torch.Tensor
    history: torch.Tensor
    own: Any = None


class Model(nn.Module):
    """What ranking, recommendation and review use of any model.

    Attributes:
        Options: the model's own parameters, `model.<name>`.
        needs: what it is built and trained from; with `sequence`, scores depend on the order of the history.
        scores_new_items: whether it can score items that are not in the catalogue.
        ranks_untrained_items: whether it can rank items of the catalogue without a train interaction; otherwise they
            are never recommended. None: if it scores new items.
        ranks_by_inner_product: whether a score is the product of two vectors plus the item's bias, so that
            vectors can be exported to an index.
        history_length: number of latest interactions that a user vector is computed from; 0: users are ids.
        pair_width: values that a pair takes in memory besides its score; 0 for an inner product.
    """

    needs: ClassVar[frozenset[Need]]
    ranks_untrained_items: ClassVar[bool | None] = None
    options: Any
    scores_new_items: bool = False
    ranks_by_inner_product: bool = True
    history_length: int = 0
    pair_width: int = 0

    def __init__(self, options: Any, data: ModelData):
        super().__init__()
        self.options = options

    @property
    def settings(self) -> dict[str, Any]:
        """Hyper-parameters that were chosen on validation while the model was made, by name."""
        return {}

    @property
    def weight_count(self) -> int:
        """How many numbers were learned."""
        return sum(weight.numel() for weight in self.parameters())

    @classmethod
    def reads_tokens(cls, options: Any) -> bool:
        """Whether it reads the vectors of an item's patches and words, with these parameters."""
        return False

    def towers(
        self,
        content: ItemInputs,
        generator: torch.Generator | None = None,
        candidates: torch.Tensor | None = None,
        history: torch.Tensor | None = None,
    ) -> Towers:
        """Encode items.

        Args:
            content: inputs of all items.
            generator: for dropout; None at evaluation.
            candidates: int64 [n], unique: encode only these items as candidates. None: all.
            history: int64 [m], unique: likewise for the items of histories.
        """
        raise NotImplementedError

    def new_towers(self, content: ItemInputs) -> Towers:
        """Encode items that are not in the catalogue, from their contents.

        Raises:
            UserError: if the model cannot.
        """
        raise UserError(
            "this model knows items by their interactions only and cannot score new ones; "
            "train with model.name=fusion"
        )

    def user_vectors(
        self, towers: Towers, users: torch.Tensor, latest: torch.Tensor, timed: bool = True
    ) -> torch.Tensor:
        """Embed users.

        Args:
            towers: encoded items.
            users: int64 [n], rows of the user table; rows beyond it are users without an id.
            latest: int64 [n, history_length], rows of `towers.history`, the newest first, padded
                anywhere with -1.
            timed: whether the order of `latest` is the order in time.

        Returns:
            [n, dim]; zeros for users about whom nothing is known.
        """
        raise NotImplementedError

    def moment_vectors(self, towers: Towers, latest: torch.Tensor) -> torch.Tensor:
        """Embed users as they were after each item of their histories, for `train.moments: all`.

        Args:
            towers: encoded items.
            latest: int64 [n, history_length], see `user_vectors`; the order is the order in time.

        Returns:
            [n, history_length, dim]: column j is computed from columns j, j + 1, ... of `latest`; anything where
            column j is padding.

        Raises:
            UserError: if the model does not read histories in order.
        """
        raise UserError(
            "train.moments: all is for models that read a history in order, such as model.name=sasrec; set it to one"
        )

    def logits(
        self,
        vectors: torch.Tensor,
        towers: Towers,
        columns: torch.Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> torch.Tensor:
        """Scores before any final activation; inner products plus the bias, unless a model says otherwise.

        Args:
            vectors: [n, dim], of users.
            towers: encoded items.
            columns: int64 [n, m], rows of `towers.candidates` to score for each user. None: all.
            generator: for dropout; None at evaluation.

        Returns:
            [n, rows of towers.candidates], or [n, m] for `columns`.
        """
        if columns is None:
            return torch.addmm(towers.bias, vectors, towers.candidates.T)
        items = nn.functional.embedding(columns, towers.candidates)
        return (items @ vectors[:, :, None]).squeeze(2) + towers.bias[columns]

    def user_vectors_of(self, towers: Towers, users: np.ndarray, past: Histories) -> torch.Tensor:
        """[n, dim]: `user_vectors` of `users`, int64 [n], from the histories of all users."""
        device = towers.history.device
        latest = torch.from_numpy(past.latest(users, self.history_length)).to(device)
        return self.user_vectors(towers, torch.from_numpy(users).to(device), latest)

    def scores(self, towers: Towers, users: np.ndarray, past: Histories) -> torch.Tensor:
        """Score all items of `towers` for some users; higher is better.

        Scores are logits: the final activation keeps their order, but would produce ties where it saturates float32.
        A pairwise head scores the catalogue in chunks, so that memory is bounded.

        Args:
            towers: encoded items.
            users: int64 [n], rows of the user table or beyond it.
            past: histories of all users.

        Returns:
            [n, rows of towers.candidates].
        """
        vectors = self.user_vectors_of(towers, users, past)
        items, bias = towers.candidates, towers.bias
        values = len(users) * self.pair_width
        chunk = max(1, PAIR_VALUES // values) if values else max(1, len(items))
        parts = [
            self.logits(vectors, Towers(items[s : s + chunk], bias[s : s + chunk], towers.history))
            for s in range(0, len(items), chunk)
        ]
        return torch.cat(parts, 1) if len(parts) > 1 else parts[0]

    def probability(self, logits: torch.Tensor) -> tuple[torch.Tensor, str]:
        """Scores after the final activation, in the shape of `logits`; and its name: none, sigmoid or tanh."""
        return logits, "none"

    def knows(self, users: np.ndarray, past: Histories) -> np.ndarray:
        """bool [n]: users about whom the model knows something, so that their scores are personal.

        Args:
            users: int64 [n], rows of the user table or beyond it.
            past: histories of all users.
        """
        raise NotImplementedError

    def similarity_vectors(self, towers: Towers) -> torch.Tensor:
        """[n, any width]: vectors of the encoded items whose cosine says how similar they are."""
        return towers.candidates

    def inputs(self) -> list[str]:
        """The inputs of the items that it uses: some modalities, numbers, categories and id."""
        return []

    def id_tensors(self) -> list[torch.Tensor]:
        """What the model learned about the ids of items: tensors with a row for each item."""
        return []

    def with_ids(self, order: torch.Tensor) -> Self:
        """A copy in which item i has the id embeddings and the bias of item order[i], int64 [items]."""
        model = deepcopy(self)
        with torch.no_grad():
            for tensor in model.id_tensors():
                tensor.copy_(tensor[order])
        return model


def ranks_untrained(model: Model | type[Model]) -> bool:
    """Whether a model, or all of its kind, can rank items without a train interaction."""
    ranks = model.ranks_untrained_items
    return model.scores_new_items if ranks is None else ranks
