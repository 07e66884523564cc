"""A quarter of an epoch of the rivals at the size of Amazon Baby against loops as public code has them; and evaluation.

`python tests/benchmarks/rivals.py [--epochs 3]` compares CPU seconds at one batch, on the same inputs. The peers are
minimal loops in plain torch, with negatives drawn for a whole batch at once, Adam over everything, and torch.sparse.mm
for graphs:

- vbpr holds its features constant, and projects all items in each step;
- lightgcn propagates the vectors of all users and items in each step;
- bm3 and freedom train a copy of the features, and project all items in each step;
- evaluation writes -inf over what is known in a batch of scores, calls topk, looks up each listed item among the held
  out ones of its user, and has the mean recall and NDCG of the resulting table.

The bare product is a part of evaluation that is the same for both.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import torch
import torch.nn.functional as F
from tests.benchmarks import training as bench
from torch import nn

from fusionrec.data.histories import Histories
from fusionrec.data.item_inputs import ItemInputs
from fusionrec.evaluation import catalogue_ranking, validation
from fusionrec.models import zoo
from fusionrec.models.contract import ModelData
from fusionrec.models.trainable import TrainableModel
from fusionrec.models.trained_model import TrainedModel
from fusionrec.training import loop
from fusionrec.training.distributed import ALONE

BATCH, DIM, K = 2048, 64, 20
Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


def quarter(train: Histories) -> Histories:
    """The interactions of every fourth user: the steps of a quarter of an epoch, with the graph and tables of all."""
    counts = np.where(np.arange(len(train)) % 4 == 0, train.counts, 0)
    items = train.items[np.repeat(counts > 0, train.counts)]
    return Histories(np.concatenate([[0], np.cumsum(counts)]), items)


def ours(name: str, train: Histories, inputs: ItemInputs) -> Callable[[], object]:
    """A model of the zoo, with the parameters of params.yaml and one negative."""
    kind = zoo.load(name)
    assert issubclass(kind, TrainableModel)
    graph = train if "graph" in kind.needs else None
    model = kind(bench.P.model.own(name), ModelData(inputs, len(train), 0, graph=graph))
    model.reset(torch.Generator().manual_seed(0))
    negatives = bench.P.train.negatives.model_copy(update={"ratio": 1})
    changes = {
        "negatives": negatives,
        "batch": BATCH,
        "targets": 1,
        "masked": 0.0,
        "optimizer": "adam",
        "ema": 0.0,
    }
    run = loop.Training(model, inputs, quarter(train), bench.P.train.model_copy(update=changes), ALONE)
    return run._steps


def adjacency(user: torch.Tensor, item: torch.Tensor, users: int) -> torch.Tensor:
    """The symmetric matrix of interactions, normalised by degrees: sparse [users + items, users + items]."""
    weight = (
        (user.bincount(minlength=users)[user] * item.bincount(minlength=bench.ITEMS)[item]).float().rsqrt()
    )
    rows, columns = torch.cat([user, item + users]), torch.cat([item + users, user])
    size = (users + bench.ITEMS,) * 2
    return torch.sparse_coo_tensor(torch.stack([rows, columns]), weight.repeat(2), size).coalesce()


class LightGcn(nn.Module):
    """LightGCN (He et al., SIGIR 2020), and what the peers of bm3 and freedom have in common with it."""

    layers = 3

    def __init__(self, train: Histories, inputs: ItemInputs):
        super().__init__()
        self.users, self.items = nn.Embedding(len(train), DIM), nn.Embedding(bench.ITEMS, DIM)
        user, item = (torch.from_numpy(x) for x in train.pairs(np.arange(len(train))))
        self.edges, self.graph = (user, item), adjacency(user, item, len(train))

    def start_epoch(self) -> None:
        """Prepare an epoch."""

    def smoothed(self) -> tuple[torch.Tensor, torch.Tensor]:
        vectors = torch.cat([self.users.weight, self.items.weight])
        each = [vectors]
        for _ in range(self.layers):
            each.append(torch.sparse.mm(self.graph, each[-1]))
        users, items = torch.stack(each, 1).mean(1).split([len(self.users.weight), bench.ITEMS])
        return users, items

    def forward(self, user: torch.Tensor, positive: torch.Tensor, negative: torch.Tensor) -> torch.Tensor:
        users, items = self.smoothed()
        ids = self.users(user), self.items(positive), self.items(negative)
        penalty = torch.stack([x.square().sum() for x in ids]).sum() / len(user)
        return bpr(users[user], items[positive], items[negative]) + 1e-4 / 2 * penalty


def bpr(user: torch.Tensor, positive: torch.Tensor, negative: torch.Tensor) -> torch.Tensor:
    return F.softplus((user * negative).sum(1) - (user * positive).sum(1)).mean()


class WithFeatures(LightGcn):
    """A trained copy of the features of each modality, and a projection of each."""

    def __init__(self, train: Histories, inputs: ItemInputs):
        super().__init__(train, inputs)
        matrices = [one.vectors for one in inputs.modalities.values()]
        self.features = nn.ModuleList([nn.Embedding.from_pretrained(x, freeze=False) for x in matrices])
        self.projections = nn.ModuleList([nn.Linear(x.shape[1], DIM) for x in matrices])

    def projected(self) -> list[torch.Tensor]:
        pairs = zip(self.projections, self.features, strict=True)
        return [project(table.weight) for project, table in pairs]


class Bm3(WithFeatures):
    """BM3 (Zhou et al., WWW 2023)."""

    layers = 1

    def __init__(self, train: Histories, inputs: ItemInputs):
        super().__init__(train, inputs)
        self.predict = nn.Linear(DIM, DIM)

    def forward(self, user: torch.Tensor, positive: torch.Tensor, negative: torch.Tensor) -> torch.Tensor:
        users, smoothed = self.smoothed()
        items, latent = smoothed + self.items.weight, self.projected()
        with torch.no_grad():
            targets = [F.dropout(x, 0.5) for x in (users, items, *latent)]
        asked, answered = self.predict(users)[user], self.predict(items)[positive]
        item = targets[1][positive]
        loss = apart(asked, item) + apart(answered, targets[0][user])
        for vectors, target in zip(latent, targets[2:], strict=True):
            said = self.predict(vectors)[positive]
            loss = loss + 2 * (apart(said, item) + apart(said, target[positive]))
        return loss + 0.1 * (users.norm() + items.norm()) / bench.ITEMS


def apart(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    return 1 - F.cosine_similarity(one, other).mean()


class Freedom(WithFeatures):
    """FREEDOM (Zhou and Shen, MM 2023)."""

    layers = 2

    def __init__(self, train: Histories, inputs: ItemInputs):
        super().__init__(train, inputs)
        pictures, texts = (self._nearest(one.vectors) for one in inputs.modalities.values())
        self.similar = (0.1 * pictures + 0.9 * texts).coalesce()

    def _nearest(self, vectors: torch.Tensor) -> torch.Tensor:
        unit = F.normalize(vectors)
        columns = (unit @ unit.T).topk(10).indices.flatten()
        rows = torch.arange(bench.ITEMS).repeat_interleave(10)
        return torch.sparse_coo_tensor(
            torch.stack([rows, columns]), torch.full((len(rows),), 0.1), (bench.ITEMS,) * 2
        )

    def start_epoch(self) -> None:
        """Prune the graph by degrees."""
        user, item = self.edges
        weight = (user.bincount()[user] * item.bincount(minlength=bench.ITEMS)[item]).float().rsqrt()
        kept = torch.multinomial(weight, int(0.2 * len(user)))
        self.graph = adjacency(user[kept], item[kept], len(self.users.weight))

    def forward(self, user: torch.Tensor, positive: torch.Tensor, negative: torch.Tensor) -> torch.Tensor:
        users, smoothed = self.smoothed()
        items = smoothed + torch.sparse.mm(self.similar, self.items.weight)
        u = users[user]
        others = [bpr(u, x[positive], x[negative]) for x in self.projected()]
        return bpr(u, items[positive], items[negative]) + 1e-3 * torch.stack(others).sum()


def peer(kind: type[LightGcn], train: Histories, inputs: ItemInputs) -> Callable[[], None]:
    """A loop with Adam over all weights."""
    model = kind(train, inputs)
    for table in (model.users, model.items):
        nn.init.xavier_uniform_(table.weight)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    part = quarter(train)
    batches = drawn(part)

    def epoch() -> None:
        model.start_epoch()
        for _ in range(round(len(part.items) / BATCH)):
            loss = model(*next(batches))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return epoch


def drawn(train: Histories) -> Iterator[Batch]:
    """Batches of users, their items and negatives, without end."""
    user, draws = np.repeat(np.arange(len(train)), train.counts), np.random.default_rng(0)
    pairs = np.sort(user * bench.ITEMS + train.items)
    while True:
        order = draws.permutation(len(user))
        for rows in np.array_split(order, round(len(order) / BATCH)):
            batch = user[rows], train.items[rows], bench.negatives(user[rows], pairs, draws)
            users, chosen, others = map(torch.from_numpy, batch)
            yield users, chosen, others


def evaluation(train: Histories, inputs: ItemInputs) -> dict[str, Callable[[], object]]:
    """Recall and NDCG at `K` of all users, who have two held-out items each, ranked without what they know."""
    kind = zoo.load("bpr_mf")
    assert issubclass(kind, TrainableModel)
    model = kind(bench.P.model.own("bpr_mf"), ModelData(inputs, len(train), 0))
    model.reset(torch.Generator().manual_seed(0))
    recommender = TrainedModel(model, inputs)
    users, items = (torch.randn(count, DIM) for count in (len(train), bench.ITEMS))
    wanted = np.random.default_rng(1).integers(0, bench.ITEMS, (len(train), 2))
    held_out = Histories(np.arange(0, wanted.size + 1, 2), wanted.ravel())
    validate = validation.validator(train, held_out, train, bench.ITEMS, f"recall@{K}")

    def ranked() -> torch.Tensor:
        lists = []
        for rows in torch.arange(len(train)).split(4096):
            scores = users[rows] @ items.T
            row, item = (torch.from_numpy(x) for x in train.pairs(rows.numpy()))
            scores[row, item] = -torch.inf
            lists.append(scores.topk(K).indices)
        return torch.cat(lists)

    def looped() -> tuple[float, float]:
        found = np.array(
            [[item in own for item in shown] for own, shown in zip(wanted, ranked().numpy(), strict=True)]
        )
        discounts = 1 / np.log2(np.arange(2, K + 2))
        return float((found.sum(1) / 2).mean()), float(
            ((found * discounts).sum(1) / discounts[:2].sum()).mean()
        )

    def product() -> None:
        for rows in torch.arange(len(train)).split(512):
            users[rows] @ items.T

    everybody, name = np.arange(len(train)), f"of {len(train):,} users"
    return {
        f"the bare product {name}": product,
        f"ranking {name}: FusionRec": lambda: catalogue_ranking.top_k(recommender, everybody, train, K),
        f"ranking {name}: as public code has it": ranked,
        f"evaluation {name}: FusionRec": lambda: validate(recommender),
        f"evaluation {name}: as public code has it": looped,
    }


PEERS: dict[str, type[LightGcn]] = {"lightgcn": LightGcn, "bm3": Bm3, "freedom": Freedom}


def ways() -> dict[str, Callable[[], object]]:
    """What is compared, by name."""
    train, inputs = bench.generate(bench.INTERACTIONS, bench.USERS), bench.content(bench.WIDTHS)
    found: dict[str, Callable[[], object]] = {}
    for name in ("vbpr", *PEERS):
        epoch = bench.peer(quarter(train), inputs) if name == "vbpr" else peer(PEERS[name], train, inputs)
        found[f"a quarter of an epoch of {name}: as public code has it"] = epoch
        found[f"a quarter of an epoch of {name}: FusionRec"] = ours(name, train, inputs)
    return found | evaluation(train, inputs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--epochs", type=int, default=3)
    args = parser.parse_args()
    torch.set_num_threads(1)
    for name, way in ways().items():
        print(f"{name}: {bench.seconds(way, args.epochs):.2f} seconds", flush=True)


if __name__ == "__main__":
    main()
