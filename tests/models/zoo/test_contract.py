"""What every model must do; a new file in `fusionrec.models.zoo` is tested here without being named."""

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from fusionrec import choices, code
from fusionrec.data.histories import Histories
from fusionrec.data.item_inputs import ItemInputs
from fusionrec.data.modalities import MODALITIES
from fusionrec.errors import UserError
from fusionrec.evaluation import catalogue_ranking
from fusionrec.models import checkpoint, zoo
from fusionrec.models.closed_form import ClosedForm, Scores, TrainData
from fusionrec.models.contract import Model, ModelData
from fusionrec.models.recommender import Recommender
from fusionrec.models.trainable import TrainableModel
from fusionrec.models.trained_model import TrainedModel
from fusionrec.models.uniform_scores import UniformScores
from fusionrec.training import fitting, loop
from fusionrec.training.loop import Epoch
from fusionrec.training.resume import Interrupted

from ...training import conftest
from ...training.conftest import ITEMS, PARAMS, TRAIN, USERS, updated

NAMES = choices.names(zoo.PACKAGE)
ALL = np.arange(USERS)
CPU = torch.device("cpu")
OPTIONS = updated(TRAIN, masked=0.5, patience=10)
ITEM_IDS, USER_IDS = ([f"{kind}{row}" for row in range(rows)] for kind, rows in (("i", ITEMS), ("u", USERS)))
TRAINED = [name for name in NAMES if issubclass(zoo.load(name), TrainableModel)]
every_model = pytest.mark.parametrize("name", NAMES)
every_trained_model = pytest.mark.parametrize("name", TRAINED)


def world() -> ItemInputs:
    """The small world; its pictures and texts show the parity of an item, for models that know contents only."""
    items = conftest.world()
    parity = torch.arange(ITEMS)[:, None] % 2 * 2.0 - 1
    for name, one in items.modalities.items():
        items = items.with_modality(name, vectors=one.vectors + parity * one.present[:, None])
    return items


def held_out() -> np.ndarray:
    """int64 [users]: the item of the user's own parity that the user did not choose yet."""
    return ALL % 2 + 2 * (ALL // 2 % (ITEMS // 2))


def log() -> pd.DataFrame:
    """Users choose the items of their own parity, all but one."""
    rows = [
        (user, item, item) for user in ALL for item in range(user % 2, ITEMS, 2) if item != held_out()[user]
    ]
    return pd.DataFrame(rows, columns=["user", "item", "timestamp"])


def train() -> Histories:
    return Histories.of(log(), USERS)


def finds_the_held_out(model: Recommender) -> dict[str, float]:
    best = catalogue_ranking.top_k(model, ALL, train(), 1)
    return {"ndcg@10": float((best.items[:, 0] == held_out()).mean())}


def data(name: str, known_users: torch.Tensor | None = None, content: ItemInputs | None = None) -> ModelData:
    graph = train() if "graph" in zoo.load(name).needs else None
    return ModelData(content or world(), USERS, 0, known_users, graph)


def build(
    name: str, known_users: torch.Tensor | None = None, content: ItemInputs | None = None
) -> TrainableModel:
    kind = zoo.load(name)
    assert issubclass(kind, TrainableModel)
    model = kind(updated(PARAMS.model.own(name), dim=16), data(name, known_users, content))
    model.reset(torch.Generator().manual_seed(1))
    return model


def computed(name: str, table: pd.DataFrame, track: Callable[[Epoch], None] = lambda epoch: None) -> Model:
    """A model in closed form, fitted on `table`."""
    kind, histories = zoo.load(name), Histories.of(table, USERS)
    assert issubclass(kind, ClosedForm)
    options, inputs = PARAMS.model.own(name), data(name)
    inputs = inputs._replace(graph=histories if inputs.graph is not None else None)
    interactions = TrainData(table, histories, 1)
    fitted = fitting.fit(kind, options, inputs, interactions, finds_the_held_out, "ndcg@10", "max", track)
    return fitted.model


def fit(
    name: str,
    epochs: int,
    track: Callable[[Epoch], None],
    interrupted: Interrupted | None = None,
    content: ItemInputs | None = None,
) -> tuple[TrainableModel, Epoch]:
    model, content = build(name, None, content), content or world()
    options = updated(OPTIONS, epochs=epochs)
    best = loop.fit(model, content, train(), finds_the_held_out, options, track, interrupted, every=0)
    return model, best


@cache
def learned(name: str) -> tuple[TrainedModel, list[Epoch]]:
    epochs: list[Epoch] = []
    model = fit(name, 40, epochs.append)[0] if name in TRAINED else computed(name, log(), epochs.append)
    return TrainedModel(model, world(), ITEM_IDS, USER_IDS), epochs


def is_personal(name: str) -> bool:
    return name != "random" and bool(learned(name)[0].knows(ALL, train()).any())


def saved(folder: Path, name: str, model: Model) -> dict[str, str]:
    """Hashes of the files of the model's folder."""
    checkpoint.save(folder, name, model, data(name), ITEM_IDS, USER_IDS, {"epoch": 1})
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


@every_model
def test_its_module_is_documented_and_has_parameters(name: str) -> None:
    assert choices.summaries(zoo.PACKAGE)[name].endswith(".")
    losses = getattr(PARAMS.model.own(name), "losses", {})
    assert (name in TRAINED) == bool(losses) and {*losses} <= {*choices.names("fusionrec.training.losses")}


@every_model
def test_it_learns_a_held_out_pattern(name: str) -> None:
    model, epochs = learned(name)
    assert finds_the_held_out(UniformScores(1, ITEMS))["ndcg@10"] < 0.4, "it is not found by chance"
    if is_personal(name):
        assert finds_the_held_out(model) == {"ndcg@10": 1.0}
    if name in TRAINED:
        first, *later = (epoch.metrics["train/loss"] for epoch in epochs)
        assert min(later) < 0.95 * first
    else:
        assert len(epochs) == fitting.combinations(PARAMS.model.own(name))
        assert epochs[0].metrics.keys() == {"val/ndcg@10"}


@every_model
def test_what_is_held_out_moves_no_weight(name: str) -> None:
    """Other held-out items of a user change nothing of what a closed form fits: it sees train alone."""
    if name in TRAINED:
        pytest.skip("training reads histories that it is given; see tests/training")
    again = TrainedModel(computed(name, log().sample(frac=1, random_state=1)), world())
    assert torch.equal(again.score(ALL, train()), learned(name)[0].score(ALL, train()))


@every_model
def test_it_never_returns_a_masked_item(name: str) -> None:
    model, _ = learned(name)
    lists = catalogue_ranking.top_k(model, ALL, train(), ITEMS)
    for user, items in enumerate(lists.items.tolist()):
        listed = [item for item in items if item >= 0]
        assert sorted([*listed, *train()[user].tolist()]) == list(range(ITEMS))


@every_model
def test_saved_and_loaded_it_scores_the_same(name: str, tmp_path: Path) -> None:
    model, _ = learned(name)
    first = saved(tmp_path / "model", name, model.model)
    loaded = checkpoint.load(tmp_path / "model", CPU, ITEM_IDS)
    assert torch.equal(loaded.score(ALL, train()), model.score(ALL, train()))
    assert (loaded.item_ids, loaded.user_ids) == (ITEM_IDS, USER_IDS)
    assert saved(tmp_path / "again", name, loaded.model) == first


class Killed(Exception):
    """Stands for a kill between two epochs."""


@every_trained_model
def test_an_interrupted_training_ends_with_the_same_bytes(name: str, tmp_path: Path) -> None:
    def kill(epoch: Epoch) -> None:
        if epoch.number == 2:
            raise Killed

    whole, best = fit(name, 4, lambda epoch: None)
    interrupted = Interrupted(tmp_path / "state")
    with pytest.raises(Killed):
        fit(name, 4, kill, interrupted)
    epochs: list[Epoch] = []
    resumed, again = fit(name, 4, epochs.append, interrupted)
    assert again == best and [epoch.number for epoch in epochs] == [1, 2, 3, 4]
    assert saved(tmp_path / "resumed", name, resumed) == saved(tmp_path / "whole", name, whole)


@every_model
def test_it_scores_new_items_or_says_that_it_cannot(name: str) -> None:
    model, _ = learned(name)
    new = world().take(torch.tensor([2, 5, 7]))
    if model.model.scores_new_items:
        scores = model.among(new).score(ALL, train())
        assert scores.shape == (USERS, 3) and scores.isfinite().all()
        assert "contents" in model.model.needs, "a new item is known by its contents only"
    else:
        with pytest.raises(UserError, match=r"cannot score new (ones|items).*model\.name"):
            model.among(new)


def same_scores(one: TrainedModel, two: TrainedModel) -> bool:
    """Whether both score the catalogue equally, and, where they can, their items as new ones."""
    pairs = [(one, two)]
    if one.model.scores_new_items:
        pairs.append((one.among(one.content), two.among(two.content)))
    return all(torch.equal(first.score(ALL, train()), second.score(ALL, train())) for first, second in pairs)


@every_model
def test_it_ranks_items_without_a_train_interaction_or_never_lists_them(name: str) -> None:
    model, _ = learned(name)
    trained = world().trained.clone()
    trained[3] = False
    cold = TrainedModel(model.model, world()._replace(trained=trained))
    scores = cold.score(ALL, train())
    assert scores[:, 3].isneginf().tolist() == [not cold.ranks_untrained_items] * USERS
    assert scores[:, trained].isfinite().all()


@every_model
def test_it_reads_what_it_needs_only(name: str) -> None:
    model, _ = learned(name)
    other = world()
    for modality, one in world().modalities.items():
        other = other.with_modality(modality, vectors=one.vectors.flip(0))
    if name in TRAINED:
        trained = [fit(name, 1, lambda epoch: None, content=content)[0] for content in (world(), other)]
        assert same_scores(*(TrainedModel(one, world()) for one in trained)) == (
            "contents" not in model.model.needs
        )
    same = same_scores(TrainedModel(model.model, other), model)
    assert same == (not {*model.model.inputs()} - {"id"}), "inputs are what scores are computed from"
    backward = Histories(train().offsets, np.concatenate([train()[user][::-1] for user in range(USERS)]))
    same = torch.equal(model.score(ALL, backward), model.score(ALL, train()))
    assert same == ("sequence" not in model.model.needs)
    assert {*model.model.inputs()} <= {*MODALITIES, "numbers", "categories", "id"}


@every_model
def test_users_without_train_interactions(name: str) -> None:
    """All those of whom nothing is known get the same finite scores, and the model says who they are."""
    known = torch.arange(USERS) != 3
    model = TrainedModel(build(name, known), world()) if name in TRAINED else learned(name)[0]
    empty = np.where(ALL == 3, 0, train().counts)
    offsets = np.concatenate([[0], np.cumsum(empty), [empty.sum()]])
    items = np.concatenate([train()[user] for user in range(USERS) if user != 3])
    past = Histories(offsets, items)
    users = np.array([3, USERS, 0])
    scores = model.score(users, past)
    assert scores.isfinite().all()
    if is_personal(name):
        assert model.knows(users, past).tolist() == [False, False, True]
        assert torch.equal(scores[0], scores[1]) and not torch.equal(scores[0], scores[2])


@every_model
def test_some_items_are_scored_as_all_are(name: str) -> None:
    model = learned(name)[0].model
    if isinstance(model, Scores):
        pytest.skip("it has no vectors")
    whole = model.towers(world())
    vectors = model.user_vectors_of(whole, ALL, train())
    scores = model.logits(vectors, whole)
    candidates = torch.tensor([1, 4, 9])
    some = model.towers(world(), None, candidates)
    torch.testing.assert_close(model.logits(vectors, some), scores[:, candidates])
    columns = torch.tensor([[2, 0]] * USERS)
    torch.testing.assert_close(model.logits(vectors, some, columns), scores[:, [9, 1]])
    if model.ranks_by_inner_product:
        torch.testing.assert_close(vectors @ whole.candidates.T + whole.bias, scores)


@every_trained_model
def test_torchs_global_generator_is_never_used(name: str) -> None:
    state = torch.random.get_rng_state()
    fit(name, 1, lambda epoch: None)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_nothing_but_the_models_knows_a_model() -> None:
    """Training, ranking, recommendation and review import the contract."""
    source = Path(code.ROOT) / "src" / "fusionrec"
    own = (
        "fusionrec.models.fusion",
        "fusionrec.models.id_vectors",
        *(f"{zoo.PACKAGE}.{n}" for n in NAMES),
    )
    for path in source.rglob("*.py"):
        if not path.is_relative_to(source / "models"):
            imported = code.parse(path.read_text(encoding="utf-8")).imports
            assert not [name for name in imported if name.startswith(own)], path
