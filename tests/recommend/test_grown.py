"""New items in the catalogue: they are scored as `score_new_item` does, and the lists of all others stay."""

from pathlib import Path

import numpy as np
import pytest

from fusionrec.api import FusionRec
from fusionrec.errors import UserError
from fusionrec.recommend import packing, vectors
from fusionrec.recommend.new_items import NewItem
from fusionrec.recommend.rerank_options import Rerank
from fusionrec.serve.answers import Served

from . import shop

NEW = {
    "n1": NewItem(shop.picture(40), title="An amber boat", categories={"genres": ["comedy"]}),
    "n0": NewItem(title="A boat of wood", numbers={"year": 1995.0}),
}
EVERYTHING = shop.ITEMS + len(NEW)


@pytest.fixture(scope="module")
def grown(open_shop: FusionRec) -> FusionRec:
    return open_shop.with_items(NEW)


def test_scores_are_those_of_both_catalogues(open_shop: FusionRec, grown: FusionRec) -> None:
    users = ["u0", "u3"]
    before = open_shop.recommend(users, shop.ITEMS).set_index(["user_id", "item_id"])["score"]
    now = grown.recommend(users, EVERYTHING).set_index(["user_id", "item_id"])
    assert len(now) == len(before) + len(users) * len(NEW)
    assert np.allclose(now.loc[before.index, "score"], before, atol=1e-6)
    for item_id, item in NEW.items():
        alone = open_shop.score_new_items([item], users).set_index("user_id")
        for user in users:
            assert now.loc[(user, item_id), "score"] == pytest.approx(alone.loc[user, "score"], abs=1e-6)
    assert open_shop.recommend(["u0"], shop.ITEMS)["item_id"].isin(NEW).sum() == 0, (
        "the first one is as it was"
    )


def test_their_choice_keeps_them_out_and_says_nothing_else(grown: FusionRec) -> None:
    lists = grown.recommend(["u0", "b"], EVERYTHING, histories={"u0": ["n1"], "b": ["n0"]})
    of_known, of_basket = (lists[lists["user_id"] == user] for user in ("u0", "b"))
    assert "n1" not in set(of_known["item_id"]) and "n0" in set(of_known["item_id"])
    without = grown.recommend(["u0"], EVERYTHING, exclude=["n1"])
    assert of_known["score"].tolist() == pytest.approx(without["score"].tolist(), abs=1e-6)
    assert set(of_basket["basis"]) == {"popularity"} and "n0" not in set(of_basket["item_id"])


def test_rules_hold_for_them(grown: FusionRec) -> None:
    limited = grown.recommend(["u3"], EVERYTHING, filter_seen=False, category_limits={"genres": 1})
    comedies = {"n1", *(f"i{i:02}" for i in range(shop.ITEMS) if i % 4 in (0, 1))}
    assert len(comedies & set(limited["item_id"])) == 1
    diverse = grown.recommend(
        ["u3"], EVERYTHING, rerank=Rerank(method="mmr", max_candidates=100, strength=0.9, novelty=0)
    )
    assert set(NEW) <= set(diverse["item_id"])


def test_they_are_similar_to_items(open_shop: FusionRec, grown: FusionRec) -> None:
    same = open_shop.with_items({"again": NewItem(shop.picture(1))}).similar_items(["again"], 1, by="vision")
    assert same["similar_item_id"].tolist() == ["i01"] and same["cosine"][0] == pytest.approx(1, abs=1e-4)
    assert len(grown.similar_items(["n0"], 20)) == EVERYTHING - 1


def test_a_new_item_is_ranked_among_them(grown: FusionRec) -> None:
    item = NewItem(shop.picture(41), title="A boat of ice")
    after = grown.with_items({"n2": item}).recommend(["u0"], EVERYTHING + 1).set_index("item_id")
    assert grown.score_new_items([item], ["u0"])["rank"].tolist() == [after.loc["n2", "rank"]]


def test_what_cannot_be_added(open_shop: FusionRec) -> None:
    with pytest.raises(UserError, match=r"\['i03'\] are in the catalogue already"):
        open_shop.with_items({"i03": NewItem(title="x")})
    with pytest.raises(UserError, match="the catalogue has no director"):
        open_shop.with_items({"n": NewItem(title="x", categories={"director": "x"})})
    assert open_shop.with_items({}) is open_shop


def test_an_index_finds_them(built: Path, tmp_path: Path) -> None:
    pytest.importorskip("faiss")
    packing.pack(tmp_path / "pack", built / "model", built / "splits", index=True)
    served = Served(tmp_path / "pack")
    width = vectors.item_vectors(served.engine.model).shape[1]
    query = np.ones((1, width), np.float32)
    assert served.index is not None
    high = served.index._replace(added=100 * query, first=shop.ITEMS)
    found = high.best(query, [np.zeros(0, np.int64)], 3)
    assert found is not None and found.items[0, 0] == shop.ITEMS
    left = high.best(query, [np.array([shop.ITEMS])], 3)
    assert left is not None and shop.ITEMS not in left.items
