"""What training minimises: the weighted sum of the terms of a model's loss."""

import numpy as np
import torch
from torch import nn

from fusionrec.data.histories import Histories
from fusionrec.data.item_inputs import ItemInputs
from fusionrec.errors import UserError
from fusionrec.models.trainable import TrainableModel
from fusionrec.training import losses
from fusionrec.training.batches import Batch
from fusionrec.training.live_items import Encoders
from fusionrec.training.losses import Loss
from fusionrec.training.options import Train
from fusionrec.training.samplers import Sampler
from fusionrec.training.scored_step import ScoredStep
from fusionrec.training.step import Step, Targets, distinct, occurring

ENCODERS = "encoders"  # begins the names of their weights
ORDER = "pairs", "catalogue", "modalities"  # in which losses are computed


class Objective(nn.Module):
    """The losses of a step, by the model's option `losses`; a module, so that it can be distributed and compiled.

    Only the softmax over the catalogue needs the vectors of all items. Without it, the items that occur in
    the step are encoded and no others.
    """

    def __init__(
        self,
        model: TrainableModel,
        content: ItemInputs,
        train: Histories,
        options: Train,
        encoders: Encoders | None = None,
    ) -> None:
        super().__init__()
        self.model, self.content, self.options = model, content, options
        self.weights: dict[str, float] = model.options.losses
        self.losses = switched_on(self.weights, model.ranks_by_own_loss)
        self.encoders = encoders or Encoders()
        reads = {loss.READS for loss in self.losses.values()}
        self.sampled, self.ranks_all = "pairs" in reads, "catalogue" in reads
        self.in_batch = options.negatives.strategy == "in_batch"
        rows = content.trained.nonzero().squeeze(1).cpu().numpy()
        self.sampler = Sampler(train, rows, options.negatives) if self.sampled else None

    def state(self) -> dict[str, torch.Tensor]:
        """All trained weights, without copies: the next step changes them."""
        tuned = self.encoders.named_parameters(ENCODERS)
        weights = self.model.state_dict().items()
        trained = {name: x for name, x in weights if not name.startswith(self.model.completed)}
        return trained | {name: x.detach() for name, x in tuned if x.requires_grad}

    def restore(self, state: dict[str, torch.Tensor]) -> None:
        """Restore a `state`, and encode all items again with the encoders that are trained."""
        tuned = {name: x for name, x in state.items() if name.startswith(f"{ENCODERS}.")}
        weights = {name: x for name, x in state.items() if name not in tuned}
        self.model.load_state_dict(weights, strict=not self.model.completed)
        self.load_state_dict(tuned, strict=False)
        self.renew()

    def renew(self) -> None:
        """Encode all items again, with the encoders that are not frozen as they are now."""
        self.encoders.renew()
        self.content = self.encoders.insert(self.content)

    def prepare(self, batch: Batch, draws: np.random.Generator, rank: int = 0, size: int = 1) -> Step:
        """Draw the negatives of the whole batch and take one process's part.

        Args:
            batch: the examples of the whole step.
            draws: draws negatives, and the items that encoders encode again.
            rank: which part, counted from 0.
            size: number of processes.
        """
        row, column = (batch.targets >= 0).nonzero(as_tuple=True)
        item = batch.targets[row, column]
        pairs = self._pairs(batch, row, item, draws)
        items = distinct(item, len(self.content.trained))[0]
        live = self.encoders.draw(items, draws)
        candidates = history = None
        if not self.ranks_all:
            batch, pairs, candidates, history = occurring(batch, pairs, len(self.content.trained))
        share = 1.0
        if size > 1:
            batch, pairs, share = self._part(batch, pairs, rank, size)
        return Step(batch, pairs, candidates, history, items, share, live)

    def _part(self, batch: Batch, pairs: Targets, rank: int, size: int) -> tuple[Batch, Targets, float]:
        """The `rank`-th of `size` parts, and its share of the targets."""
        rows = batch.part(rank, size)
        mine = (pairs.row >= rows.start) & (pairs.row < rows.stop)
        part = Targets(pairs.row[mine] - rows.start, *(field[mine] for field in pairs[1:]))
        if self.sampler and self.in_batch:
            part = part._replace(valid=part.valid[:, mine])
        return batch.shard(rank, size), part, int(mine.sum()) * size / len(mine)

    def _pairs(
        self, batch: Batch, row: torch.Tensor, item: torch.Tensor, draws: np.random.Generator
    ) -> Targets:
        if self.sampler is None:
            none = torch.empty(len(item), 0)
            return Targets(row, item, none.long(), none.bool(), torch.zeros(len(item)), none)
        users, targets = batch.users[row].numpy(), item.numpy()
        logq = torch.from_numpy(self.sampler.logq(targets))
        if self.in_batch:
            _, valid = self.sampler.in_batch(targets, users)
            return Targets(row, item, item.new_empty(len(item), 0), torch.from_numpy(valid), logq, logq)
        negative, valid = self.sampler.draw(users, draws)
        negative_logq = torch.from_numpy(self.sampler.logq(negative))
        return Targets(row, item, torch.from_numpy(negative), torch.from_numpy(valid), logq, negative_logq)

    def forward(self, step: Step, generator: torch.Generator | None) -> dict[str, torch.Tensor]:
        """The terms of the loss, each [] and unweighted, by name; and `loss`, [], their weighted sum.

        Of an ensemble, terms are means over the members, and `loss` is the sum of theirs.

        Args:
            step: on the device of the model.
            generator: draws dropout; None: no dropout.
        """
        content = self.encoders.enliven(self.content, step.live)
        each = []
        for part in self.model.parts():
            terms = part.loss(ScoredStep(part, content, step, self.losses, self.in_batch, generator))
            weighted = [self.weights.get(name, 1) * value for name, value in terms.items()]
            each.append(terms | {"loss": torch.stack(weighted).sum()})
        if len(each) == 1:
            return each[0]
        together = {name: torch.stack([terms[name] for terms in each]) for name in each[0]}
        return {name: values.sum() if name == "loss" else values.mean() for name, values in together.items()}


def switched_on(weights: dict[str, float], ranked: bool = False) -> dict[str, Loss]:
    """The modules of the losses whose weight is not 0, in the order in which they are computed.

    Args:
        weights: the option `losses` of a model.
        ranked: whether the model ranks items by a loss of its own.

    Raises:
        UserError: if nothing ranks items.
    """
    names = [name for name, weight in weights.items() if weight]
    modules = {name: losses.load(name) for name in names}
    if not ranked and all(loss.READS == "modalities" for loss in modules.values()):
        raise UserError("losses: at least one loss that ranks items must be above 0, such as softmax or bpr")
    return {name: modules[name] for reads in ORDER for name in names if reads == modules[name].READS}
