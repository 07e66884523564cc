"""A step with the model's scores: the input of a model's `loss` and of the losses in `fusionrec.training.losses`."""

from functools import cached_property
from itertools import combinations

import torch

from fusionrec.data.item_inputs import ItemInputs
from fusionrec.errors import UserError
from fusionrec.models.contract import Towers
from fusionrec.models.trainable import TrainableModel
from fusionrec.training.losses import Catalogue, Loss, Modalities, Pairs
from fusionrec.training.step import Step

LOGITS = 2**26  # numbers in memory at once in the softmax over the catalogue: 256 MB


class ScoredStep:
    """See `fusionrec.models.trainable.Step` and `fusionrec.training.losses.LossStep`.

    Args:
        model: scores.
        content: inputs of all items.
        step: what was prepared, on the model's device.
        losses: the modules of the losses that are switched on, by name, in the order in which they are computed.
        in_batch: whether the targets of a step are negatives of each other.
        generator: draws dropout; None at evaluation.
    """

    def __init__(
        self,
        model: TrainableModel,
        content: ItemInputs,
        step: Step,
        losses: dict[str, Loss],
        in_batch: bool,
        generator: torch.Generator | None,
    ):
        self.model, self.content, self.step, self.losses = model, content, step, losses
        self.in_batch, self.generator, self.share = in_batch, generator, step.share
        self.candidates = step.candidates
        batch = step.batch
        self.towers: Towers = model.towers(content, generator, step.candidates, step.history)
        if batch.moments == 1:
            self.vectors = model.user_vectors(self.towers, batch.users, batch.latest, batch.timed)
        else:
            self.vectors = model.moment_vectors(self.towers, batch.latest).flatten(0, 1)

    @property
    def users(self) -> torch.Tensor:
        """int64 [n], the user of each of `vectors`: rows of the user table."""
        return self.step.batch.users

    @property
    def owners(self) -> torch.Tensor:
        """int64 [p], the user of each target: rows of the user table."""
        return self.step.batch.users[self.step.pairs.row]

    @property
    def targets(self) -> torch.Tensor:
        """int64 [p], the targets: rows of the catalogue."""
        return self._rows(self.step.pairs.item)

    @property
    def negatives(self) -> torch.Tensor:
        """int64 [p, m], the negatives of each target: rows of the catalogue; m may be 0."""
        return self._rows(self.step.pairs.negative)

    @property
    def places(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Targets, int64 [p], and their negatives, int64 [p, m]: rows of `towers.candidates`."""
        return self.step.pairs.item, self.step.pairs.negative

    def terms(self) -> dict[str, torch.Tensor]:
        """The losses that are switched on, unweighted, by name.

        The mean of those of several processes is the loss of the whole batch.
        """
        values = {name: loss.loss(self) for name, loss in self.losses.items()}
        shared = {name for name, loss in self.losses.items() if loss.READS != "modalities"}
        return {name: self.share * value if name in shared else value for name, value in values.items()}

    def pairs(self) -> Pairs:
        """See `LossStep.pairs`."""
        return self._pairs

    @cached_property
    def _pairs(self) -> Pairs:
        pairs, towers = self.step.pairs, self.towers
        owners, generator = self.vectors[pairs.row], seeded(seed_of(self.generator), 0, self.vectors.device)
        if self.in_batch:
            among = Towers(towers.candidates[pairs.item], towers.bias[pairs.item], towers.history)
            negative = self.model.logits(owners, among, generator=generator)
            positive = negative.diagonal()
        else:
            columns = torch.cat([pairs.item[:, None], pairs.negative], 1)
            logits = self.model.logits(owners, towers, columns, generator)
            positive, negative = logits[:, 0], logits[:, 1:]
        return Pairs(positive, negative, pairs.valid, pairs.item_logq, pairs.negative_logq)

    def catalogue(self) -> Catalogue:
        """See `LossStep.catalogue`; items without train interactions and the user's past are no candidates."""
        towers, users, batch = self.towers, self.vectors, self.step.batch
        among = towers._replace(bias=towers.bias.masked_fill(~self.content.trained, -torch.inf))
        owner, item = batch.past
        seed = seed_of(self.generator)

        def score(rows: slice) -> torch.Tensor:
            logits = self.model.logits(users[rows], among, generator=seeded(seed, rows.start, users.device))
            mine = (owner >= rows.start) & (owner < rows.stop)
            nothing = torch.tensor(-torch.inf, dtype=logits.dtype, device=logits.device)
            return logits.index_put_((owner[mine] - rows.start, item[mine]), nothing)

        chunk = max(1, LOGITS // (len(towers.candidates) * max(1, self.model.pair_width)))
        return Catalogue(score, len(users), batch.targets, chunk)

    def modalities(self) -> Modalities:
        """See `LossStep.modalities`."""
        each, temperature = self.model.modalities(self.content, self.step.items, self.generator)
        pairs = []
        for one, other in combinations(each.values(), 2):
            both = one.present & other.present
            pairs.append((one.vectors[both], other.vectors[both]))
        if not pairs:
            raise UserError(
                "losses.contrastive: needs two modalities; switch them on, such as model.vision and model.language, or "
                "set it to 0"
            )
        return Modalities(pairs, temperature)

    def probability(self, logits: torch.Tensor) -> tuple[torch.Tensor, str]:
        """See `TrainableModel.probability`."""
        return self.model.probability(logits)

    def _rows(self, places: torch.Tensor) -> torch.Tensor:
        return places if self.candidates is None else self.candidates[places]


def seed_of(generator: torch.Generator | None) -> int | None:
    """A seed for draws of one process or one chunk of rows, which must not shift the draws of the others."""
    if generator is None:
        return None
    return int(torch.randint(2**62, (), generator=generator, device=generator.device))


def seeded(seed: int | None, start: int, device: torch.device) -> torch.Generator | None:
    """A generator for the rows that begin at `start`; None without a seed."""
    return None if seed is None else torch.Generator(device).manual_seed(seed + start)
