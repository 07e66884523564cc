"""The training loop."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch

from fusionrec import params
from fusionrec.data.content import Content
from fusionrec.data.histories import Histories
from fusionrec.errors import UserError
from fusionrec.models.two_towers import FusionModel, Towers, TrainedModel
from fusionrec.training.batches import Batch, batches
from fusionrec.training.losses import bpr_loss, softmax_loss
from fusionrec.training.samplers import UniformNegatives
from fusionrec.training.schedules import warmup_cosine

Loss = Callable[[Batch, Towers, torch.Tensor], torch.Tensor]


class Epoch(NamedTuple):
    """What one epoch showed. `score` is the validation metric, higher is better."""

    number: int
    loss: float
    score: float
    learning_rate: float


def fit(
    model: FusionModel,
    content: Content,
    train: Histories,
    validate: Callable[[TrainedModel], float],
    options: params.Train,
    track: Callable[[Epoch], None],
) -> Epoch:
    """Train `model` in place and leave it with the weights of its best epoch.

    Args:
        model: on the device where training runs; its weights are drawn anew from `options.seed`.
        content: inputs of all items, on the same device.
        train: the train histories.
        validate: the score of the model as it stands.
        options: see params.yaml.
        track: is told of each epoch.

    Returns:
        The best epoch. Training ends after `patience` epochs without a better one.

    Raises:
        UserError: if the loss is no longer finite.
    """
    draws = np.random.default_rng(options.seed)
    model.reset(torch.Generator().manual_seed(options.seed))
    model.to(content.trained.device)
    generator = torch.Generator(content.trained.device).manual_seed(options.seed)
    optimizer = _optimizer(model, options)
    steps = options.epochs * sum(1 for _ in batches(train, *_shape(model, options), np.random.default_rng(0)))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: warmup_cosine(step, steps, options.warmup)
    )
    loss = _loss(content, train, options, draws)

    best, weights = None, model.state_dict()
    for number in range(1, options.epochs + 1):
        losses = []
        model.train()
        for batch in batches(train, *_shape(model, options), draws):
            batch = batch.to(content.trained.device)
            towers = model.towers(content, generator)
            value = loss(batch, towers, model.user_vectors(towers, batch.users, batch.latest, generator))
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            schedule.step()
            losses.append(value.detach())
        rate = optimizer.param_groups[0]["lr"]
        mean = torch.stack(losses).mean().item()
        if not math.isfinite(mean):
            raise UserError(f"training diverged in epoch {number}: the loss is {mean}; lower train.lr")
        epoch = Epoch(number, mean, validate(TrainedModel(model, content)), rate)
        track(epoch)
        if best is None or epoch.score > best.score:
            best, weights = epoch, {name: tensor.clone() for name, tensor in model.state_dict().items()}
        elif number - best.number >= options.patience:
            break
    assert best is not None
    model.load_state_dict(weights)
    return best


def _shape(model: FusionModel, options: params.Train) -> tuple[int, int, int]:
    return options.batch, options.targets, model.options.max_history


def _optimizer(model: FusionModel, options: params.Train) -> torch.optim.AdamW:
    """Matrices decay; biases, absent vectors and recency weights do not. Fused: it is deterministic."""
    weights = list(model.parameters())
    groups = [
        {"params": [w for w in weights if w.ndim > 1], "weight_decay": options.weight_decay},
        {"params": [w for w in weights if w.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=options.lr, fused=True)


def _loss(content: Content, train: Histories, options: params.Train, draws: np.random.Generator) -> Loss:
    """The loss that `train.loss` names, as a function of a batch, the item vectors and the user vectors."""

    def softmax(batch: Batch, towers: Towers, users: torch.Tensor) -> torch.Tensor:
        logits = torch.addmm(towers.bias, users, towers.candidates.T)
        # no candidates: items without train interactions, and what the user had before
        hidden = (~content.trained).repeat(len(users), 1)
        hidden[batch.past] = True
        return softmax_loss(logits.masked_fill(hidden, -torch.inf), batch.targets)

    if options.loss == "softmax":
        return softmax
    sampler = UniformNegatives(train, content.trained.nonzero().squeeze(1).cpu().numpy())

    def bpr(batch: Batch, towers: Towers, users: torch.Tensor) -> torch.Tensor:
        row, column = (batch.targets >= 0).nonzero(as_tuple=True)
        item = batch.targets[row, column]
        drawn = sampler.draw(batch.users[row].cpu().numpy(), options.negatives, draws)
        negative = torch.from_numpy(drawn).to(item.device)
        positive_score = (users[row] * towers.candidates[item]).sum(1) + towers.bias[item]
        negative_score = (users[row, None] * towers.candidates[negative]).sum(2) + towers.bias[negative]
        return bpr_loss(positive_score, negative_score)

    return bpr
