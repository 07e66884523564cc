"""An epoch of training at the size of Amazon Baby against two loops of the same run.

`python tests/benchmarks/training.py [--epochs 3] [--device cuda]` compares, at one batch and on the same inputs:

- ours: one epoch of `fusionrec.training.loop`, with sampling, tracking of losses and the kept state;
- peer: VBPR as its public code has it: all items are projected in each step, Adam over everything; negatives are
  drawn for a whole batch at once;
- floor: the matrix products of ours alone, forward and backward, on batches that are ready.

And, at 1x, 2x and 4x the interactions, time and memory of an epoch; and the share of an epoch that
validation takes.
"""

import argparse
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import nn

from fusionrec import sections
from fusionrec.data.histories import Histories
from fusionrec.data.item_inputs import ItemInputs, Modality
from fusionrec.encoders.frozen import DTYPES
from fusionrec.evaluation.validation import validator
from fusionrec.models.contract import ModelData
from fusionrec.models.fusion.options import FusionOptions
from fusionrec.models.zoo.fusion import FusionModel
from fusionrec.training import loop
from fusionrec.training.distributed import ALONE
from fusionrec.training.options import Train

USERS, ITEMS, INTERACTIONS = 19_445, 7_050, 160_792
WIDTHS = 1_280, 384
P = sections.load(Path(__file__).resolve().parents[2] / "params.yaml")
MODEL: FusionOptions = P.model.own("fusion")

DEVICE = torch.device("cpu")


def generate(interactions: int, users: int) -> Histories:
    """Zipf-like items, at least five for each user."""
    draw = np.random.default_rng(1)
    counts = 5 + draw.multinomial(interactions - 5 * users, draw.dirichlet(np.ones(users)))
    user = np.repeat(np.arange(users), counts)
    item = np.minimum(ITEMS * draw.random(len(user)) ** 2, ITEMS - 1).astype(np.int64)
    table = pd.DataFrame({"user": user, "item": item, "timestamp": np.arange(len(user))})
    return Histories.of(table.drop_duplicates(["user", "item"]), users)


def content(widths: tuple[int, int]) -> ItemInputs:
    draw, everything = torch.Generator().manual_seed(0), torch.ones(ITEMS, dtype=torch.bool)
    vision, language = (torch.randn(ITEMS, width, generator=draw) for width in widths)
    bags, none = torch.zeros(ITEMS + 1, dtype=torch.int64), torch.zeros(ITEMS, 0, 0)
    modalities = {
        "vision": Modality(vision, everything, none),
        "language": Modality(language, everything, none),
    }
    return ItemInputs(modalities, none.flatten(1), bags, bags[:0], everything).to(DEVICE)


def options(precision: str, loss: str, dropout: bool = True) -> tuple[FusionOptions, Train]:
    """The pairwise setting of the frameworks: ids of users and items, BPR, one negative, batch 2,048."""
    weights = dict.fromkeys(MODEL.losses, 0.0) | {loss: 1.0}
    model = MODEL.model_copy(
        update={"user": "id", "dim": 64, "categories": False, "numbers": False, "losses": weights}
    )
    if not dropout:
        model = model.model_copy(update={name: 0.0 for name in type(model).model_fields if "dropout" in name})
    negatives = P.train.negatives.model_copy(update={"ratio": 1})
    changes = {"negatives": negatives, "batch": 2048, "targets": 1, "precision": precision, "masked": 0.0}
    return model, P.train.model_copy(update=changes)


def ours(
    train: Histories, inputs: ItemInputs, precision: str, loss: str, dropout: bool = True
) -> Callable[[], None]:
    chosen, how = options(precision, loss, dropout)
    model = FusionModel(chosen, ModelData(inputs, len(train), 0))
    model.reset(torch.Generator().manual_seed(0))
    run = loop.Training(model.to(DEVICE), inputs, train, how, ALONE)

    def epoch() -> None:
        run._steps()
        run.state()

    return epoch


class Vbpr(nn.Module):
    """VBPR (He and McAuley, AAAI 2016) as its public code has it: constant features, all items projected in each step.

    An item is its id's vector beside the projection of its features; users have vectors of both widths together.
    """

    def __init__(self, inputs: ItemInputs, users: int):
        super().__init__()
        self.users, self.items = nn.Embedding(users, 128), nn.Embedding(ITEMS, 64)
        self.features = torch.cat([one.vectors for one in inputs.modalities.values()], 1)
        self.project = nn.Linear(self.features.shape[1], 64)

    def forward(self, user: torch.Tensor, positive: torch.Tensor, negative: torch.Tensor) -> torch.Tensor:
        items = torch.cat([self.items.weight, self.project(self.features)], 1)
        u, chosen, other = self.users(user), items[positive], items[negative]
        penalty = (u.square().sum() + chosen.square().sum() + other.square().sum()) / len(user)
        return F.softplus((u * other).sum(1) - (u * chosen).sum(1)).mean() + 1e-4 * penalty


def peer(train: Histories, inputs: ItemInputs) -> Callable[[], None]:
    """Adam over everything; negatives are drawn for a whole batch at once, again where the user chose them."""
    model = Vbpr(inputs, len(train)).to(DEVICE)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    user = np.repeat(np.arange(len(train)), train.counts)
    pairs, draws = np.sort(user * ITEMS + train.items), np.random.default_rng(0)

    def epoch() -> None:
        order = draws.permutation(len(user))
        for rows in np.array_split(order, round(len(order) / 2048)):
            batch = (user[rows], train.items[rows], negatives(user[rows], pairs, draws))
            loss = model(*(torch.from_numpy(x).to(DEVICE) for x in batch))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return epoch


def negatives(of: np.ndarray, pairs: np.ndarray, draws: np.random.Generator) -> np.ndarray:
    """An item for each user of `of`, int64 [n], that is not in the sorted `pairs`, user * ITEMS + item."""
    drawn = draws.integers(0, ITEMS, len(of))
    again = np.arange(len(of))
    while len(again):
        key = of[again] * ITEMS + drawn[again]
        again = again[pairs[np.minimum(np.searchsorted(pairs, key), len(pairs) - 1)] == key]
        drawn[again] = draws.integers(0, ITEMS, len(again))
    return drawn


def floor(train: Histories, inputs: ItemInputs, precision: str, loss: str) -> Callable[[], None]:
    """Projections of the items that occur and the scores, from batches that are ready."""
    draw, steps = np.random.default_rng(0), round(len(train.items) / 2048)
    weights = [torch.randn(width, 64, device=DEVICE, requires_grad=True) for width in WIDTHS]
    users = torch.randn(2048, 64, device=DEVICE, requires_grad=True)
    ready, (seen, read) = [], (inputs.modalities[name].vectors for name in ("vision", "language"))
    for _ in range(steps):
        pairs = torch.from_numpy(draw.choice(train.items, (2048, 1)))
        pairs = torch.cat([pairs, torch.from_numpy(draw.integers(0, ITEMS, (2048, 1)))], 1)
        rows, place = torch.unique(pairs.to(DEVICE), return_inverse=True)
        ready.append((seen[rows], read[rows], place))
    dtype = DTYPES[precision]

    def epoch() -> None:
        for vision, language, place in ready:
            with torch.autocast(DEVICE.type, dtype, precision != "fp32"):
                if loss == "softmax":
                    items = seen @ weights[0] + read @ weights[1]
                    (users @ items.T).sum().backward()
                else:
                    items = vision @ weights[0] + language @ weights[1]
                    pairs = items.index_select(0, place.flatten()).view(len(place), 2, 64)
                    (pairs * users[:, None]).sum(2).sum().backward()

    return epoch


def seconds(epoch: Callable[[], object], epochs: int) -> float:
    """The fastest of some epochs, after one that warms up."""
    clock = time.process_time if DEVICE.type == "cpu" else time.perf_counter
    epoch()
    found = []
    for _ in range(epochs):
        start = clock()
        epoch()
        if DEVICE.type == "cuda":
            torch.cuda.synchronize()
        found.append(clock() - start)
    return min(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    global DEVICE
    DEVICE = torch.device(args.device)
    torch.set_num_threads(1)
    train, inputs = generate(INTERACTIONS, USERS), content(WIDTHS)
    plain = seconds(peer(train, inputs), args.epochs)
    print(f"VBPR: {plain:.2f} seconds an epoch; bpr, batch 2,048, one negative")
    for loss in ("bpr", "softmax"):
        for precision in ("fp32", "bf16"):
            time_ours = seconds(ours(train, inputs, precision, loss), args.epochs)
            time_floor = seconds(floor(train, inputs, precision, loss), args.epochs)
            print(
                f"{loss} {precision}: {time_ours:.2f}; VBPR / ours {plain / time_ours:.2f}, "
                f"ours / floor {time_ours / time_floor:.2f}"
            )
    narrow = content((P.model.pca, P.model.pca))
    took = seconds(ours(train, narrow, "fp32", "bpr"), args.epochs)
    print(f"bpr fp32 on {P.model.pca} principal components: VBPR / ours {plain / took:.1f}")
    validate(train, inputs)
    for times in (1, 2, 4):
        more = generate(times * INTERACTIONS, times * USERS)
        took = seconds(ours(more, narrow, "fp32", "softmax"), 1)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(
            f"{len(more.items):,} interactions: {took:.2f} s an epoch, peak memory of the process {peak:.2f} GB"
        )


def validate(train: Histories, inputs: ItemInputs) -> None:
    """Validation against an epoch, with the default model."""
    held_out = Histories(np.arange(len(train) + 1), train.items[train.offsets[1:] - 1])
    known = Histories(train.offsets, train.items)
    chosen = MODEL.model_copy(update={"categories": False, "numbers": False})
    model = FusionModel(chosen, ModelData(inputs, len(train), 0))
    model.reset(torch.Generator().manual_seed(0))
    run = loop.Training(model.to(DEVICE), inputs, train, P.train, ALONE)
    epoch = seconds(run._steps, 1)
    check = validator(known, held_out, train, ITEMS, P.train.monitor)
    took = seconds(lambda: check(loop.TrainedModel(model.eval(), inputs)), 1)
    print(f"default model: an epoch {epoch:.2f} s, validation {took:.2f} s, {took / epoch:.2f} of it")


if __name__ == "__main__":
    main()
