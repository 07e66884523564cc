"""The Python API, on a small shop; and an index that is made of its vectors."""

import json
import shutil
from pathlib import Path

import faiss
import numpy as np
import pytest
import torch

import fusionrec.api
from fusionrec import checksums, files
from fusionrec.api import FusionRec
from fusionrec.data.histories import Histories
from fusionrec.errors import UserError
from fusionrec.evaluation import catalogue_ranking
from fusionrec.models.contract import ModelData
from fusionrec.models.trained_model import TrainedModel
from fusionrec.models.zoo import bpr_mf
from fusionrec.models.zoo.fusion import FusionModel
from fusionrec.recommend import vectors

from .catalogue import contents
from .recommend import shop


def test_known_users_are_answered_as_evaluation_does(open_shop: FusionRec) -> None:
    table = open_shop.recommend(["u3", "u0", "u3"], 4)
    assert table.columns.tolist() == ["user_id", "rank", "item_id", "title", "score", "basis"]
    assert table["user_id"].tolist() == ["u3"] * 4 + ["u0"] * 4 and set(table["basis"]) == {"history"}
    engine = open_shop.engine
    best = catalogue_ranking.top_k(engine.model, np.array([3, 0]), engine.split.past, 4)
    assert table["item_id"].tolist() == [f"i{item:02}" for item in best.items.ravel()]
    np.testing.assert_array_equal(table["score"], best.scores.ravel())


def test_strangers_are_answered_by_their_history_or_by_popularity(open_shop: FusionRec) -> None:
    given = {"twin": ["i06", "i07"], "lost": ["nothing"], "u0": ["i11"]}
    table = open_shop.recommend(["twin", "lost", "nobody", "u0"], 5, histories=given)
    basis = table.groupby("user_id", sort=False)["basis"].first()
    assert basis.to_dict() == {
        "twin": "history",
        "lost": "popularity",
        "nobody": "popularity",
        "u0": "history",
    }
    lists = {str(user): rows["item_id"].tolist() for user, rows in table.groupby("user_id")}
    known = open_shop.recommend(["u3"], 5)
    assert lists["twin"] == known["item_id"].tolist(), "u3 has that history"
    assert lists["lost"] == lists["nobody"] == ["i00", "i01", "i02", "i03", "i04"], "all were chosen once"
    assert "i11" not in lists["u0"]


def test_filters(open_shop: FusionRec) -> None:
    with_seen = open_shop.recommend(["u0"], shop.ITEMS, filter_seen=False)
    assert len(with_seen) == shop.ITEMS and {"i00", "i01"} <= set(with_seen["item_id"])
    without = open_shop.recommend(["u0"], shop.ITEMS, exclude=["i05", "unheard of"])
    assert set(with_seen["item_id"]) - set(without["item_id"]) == {"i00", "i01", "i05"}
    limited = open_shop.recommend(["u0"], shop.ITEMS, category_limits={"genres": 1})
    genres = [
        genre
        for item in limited["item_id"]
        for genre in shop.items(shop.parameters())["category_genres"][int(item[1:])]
    ]
    assert len(genres) == len(set(genres)) == 2
    with pytest.raises(UserError, match="director; known: genres"):
        open_shop.recommend(["u0"], category_limits={"director": 1})


def test_similar_items(open_shop: FusionRec) -> None:
    for by, width in (("model", 8), ("vision", 4), ("language", 4)):
        table = open_shop.similar_items(["i05", "i00"], 3, by=by)
        x = (
            open_shop.engine.model.towers.candidates
            if by == "model"
            else open_shop.engine.model.content.modalities[by].vectors
        )
        assert x.shape[1] == width
        cosine = torch.nn.functional.cosine_similarity(x[5][None], x).numpy()
        cosine[5] = -2
        if by == "vision":
            cosine[shop.WITHOUT_PICTURE] = -2
        assert table["similar_item_id"][:3].tolist() == [f"i{item:02}" for item in np.argsort(-cosine)[:3]]
        np.testing.assert_allclose(table["cosine"][:3], np.sort(-cosine)[:3] * -1, atol=1e-6)
    assert open_shop.similar_items([f"i{shop.WITHOUT_PICTURE:02}"], by="vision").empty
    with pytest.raises(UserError, match="xyz"):
        open_shop.similar_items(["xyz"])


def test_a_new_item_is_scored_and_placed(open_shop: FusionRec) -> None:
    table = open_shop.score_new_item(shop.picture(0), "a red boat", users=["u1", "nobody"])
    assert table.columns.tolist() == ["user_id", "score", "rank", "basis"]
    assert table["basis"].tolist() == ["history", "popularity"] and table["rank"].isna().tolist() == [
        False,
        True,
    ]
    others = open_shop.recommend(["u1"], shop.ITEMS)["score"]
    assert table["rank"][0] == (others > table["score"][0]).sum() + 1
    assert open_shop.score_new_item(text="a red boat")["user_id"].tolist() == [
        f"u{u}" for u in range(shop.USERS)
    ]
    given = {"nobody": ["i02", "i03"]}
    twin = open_shop.score_new_item(text="a red boat", users=["nobody", "u1"], histories=given)
    assert twin["score"][0] == twin["score"][1], "u1 has that history"


def test_what_was_exported_gives_the_scores(open_shop: FusionRec, tmp_path: Path) -> None:
    open_shop.export(tmp_path / "vectors")
    items, users = (files.read_array(tmp_path / f"vectors/{name}_vectors.npy") for name in ("item", "user"))
    assert files.read_json(tmp_path / "vectors/item_ids.json") == open_shop.engine.item_ids
    assert files.read_json(tmp_path / "vectors/user_ids.json") == [f"u{user}" for user in range(shop.USERS)]
    scores = open_shop.engine.model.score(np.arange(shop.USERS), open_shop.engine.split.past)
    np.testing.assert_allclose(users @ items.T, scores, rtol=0, atol=1e-5)


def test_a_head_that_is_no_inner_product_is_refused(tmp_path: Path) -> None:
    folder = shop.build(tmp_path, vision="none", language="none", head="mlp")
    with pytest.raises(UserError, match=r"model\.fusion\.head=dot"):
        fusionrec.api.load(folder / "model", folder / "splits").export(tmp_path / "vectors")


def test_an_index_finds_the_best(options) -> None:  # type: ignore[no-untyped-def]
    n, users, k = 3000, 200, 10
    draw, rng = torch.Generator().manual_seed(0), np.random.default_rng(0)
    content = contents(n, vision=torch.randn(n, 16, generator=draw))
    model = FusionModel(options, ModelData(content, users, 0))
    model.reset(draw)
    assert model.item_bias is not None
    torch.nn.init.normal_(model.item_bias, generator=draw)
    trained = TrainedModel(model, content)
    past = Histories(np.arange(users + 1) * 8, rng.integers(0, n, users * 8))
    exact = torch.topk(trained.score(np.arange(users), past), k).indices.numpy()
    items, asked = vectors.item_vectors(trained), vectors.user_vectors(trained, np.arange(users), past)
    flat, graph = (
        faiss.IndexFlatIP(items.shape[1]),
        faiss.IndexHNSWFlat(items.shape[1], 32, faiss.METRIC_INNER_PRODUCT),
    )
    for index, least in ((flat, 0.999), (graph, 0.9)):
        index.add(items)
        found = index.search(asked, k)[1]
        recall = np.mean([len({*a} & {*b}) / k for a, b in zip(found, exact, strict=True)])
        assert recall >= least, f"{index}: {recall}"


@pytest.fixture
def options():  # type: ignore[no-untyped-def]
    return shop.parameters(dim=16, numbers=False, categories=False).model.own("fusion")


def test_vectors_of_a_model_of_ids_give_the_scores() -> None:
    n, users = 6, 3
    content = contents(n)
    model = bpr_mf.Model(bpr_mf.Options(dim=4, l2=0, losses={"bpr": 1}), ModelData(content, users, 0))
    draw = torch.Generator().manual_seed(0)
    model.reset(draw)
    torch.nn.init.normal_(model.item_bias, generator=draw)
    trained = TrainedModel(model, content)
    past = Histories(np.zeros(users + 1, np.int64), np.zeros(0, np.int64))
    items, asked = vectors.item_vectors(trained), vectors.user_vectors(trained, np.arange(users), past)
    np.testing.assert_allclose(asked @ items.T, trained.score(np.arange(users), past), atol=1e-6)
    nearest = vectors.similar(trained.towers.candidates, np.arange(n), 2)
    assert nearest.items.shape == (n, 2) and (nearest.items >= 0).all()


def test_an_index_has_no_items_that_the_model_cannot_rank(tmp_path: Path) -> None:
    """Items 1 and 4 have no train interaction: their vectors are initial ones."""
    content = contents(6)._replace(trained=torch.tensor([True, False, True, True, False, True]))
    model = bpr_mf.Model(bpr_mf.Options(dim=4, l2=0, losses={"bpr": 1}), ModelData(content, 3, 0))
    model.reset(torch.Generator().manual_seed(0))
    trained = TrainedModel(model, content, [f"i{item}" for item in range(6)])
    past = Histories(np.zeros(4, np.int64), np.zeros(0, np.int64))
    vectors.export(tmp_path / "vectors", trained, ["a", "b", "c"], past)
    assert files.read_json(tmp_path / "vectors/item_ids.json") == ["i0", "i2", "i3", "i5"]
    items, users = (files.read_array(tmp_path / f"vectors/{name}_vectors.npy") for name in ("item", "user"))
    np.testing.assert_allclose(users @ items.T, trained.score(np.arange(3), past)[:, [0, 2, 3, 5]], atol=1e-6)
    assert vectors.similar(trained.similarity_vectors(), np.array([0, 1]), 5).items.tolist()[1] == [-1] * 5


def test_a_folder_without_a_split(built: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="dvc repro splits"):
        fusionrec.api.load(built / "model", tmp_path)


def test_a_model_whose_users_are_in_another_order_is_refused(built: Path, tmp_path: Path) -> None:
    shutil.copytree(built / "model", tmp_path / "model")
    users = files.read_json(built / "model/user_ids.json")
    (tmp_path / "model/user_ids.json").write_text(json.dumps(users[::-1]), encoding="utf-8")
    checksums.write(tmp_path / "model")  # as a whole folder of another split has it
    with pytest.raises(UserError, match="its users are not those of"):
        fusionrec.api.load(tmp_path / "model", built / "splits")
