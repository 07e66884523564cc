"""What the cards of a user show, and why."""

from pathlib import Path

import numpy as np
import torch

from fusionrec import files
from fusionrec.api import FusionRec
from fusionrec.recommend.gallery_cards import GalleryCards, SimilarItem, nearest

from ..catalogue import without
from . import shop


def test_the_nearest_of_the_history_by_hand(open_shop: FusionRec) -> None:
    x = torch.tensor([[1.0, 0.0], [2.0, 0.1], [0.0, 3.0], [-1.0, 0.0], [0.0, 0.0]])
    content = open_shop.engine.model.content.with_modality("vision", vectors=x, present=torch.arange(5) < 4)
    found = nearest(content, "vision", np.array([0, 1, 3, 4]), np.array([1, 2, 4]))
    assert found[0] is not None and found[0].item == 1
    np.testing.assert_allclose(found[0].cosine, 2 / np.sqrt(4.01))
    assert found[1] is not None and found[1].item == 2, "it is not compared with itself"
    assert found[2] is None, "nothing is like it"
    assert found[3] is None, "it has no picture"
    assert nearest(content, "vision", np.array([0]), np.array([], np.int64)) == [None]
    off = without(content, "vision")
    assert nearest(off, "vision", np.array([0, 1]), np.array([2])) == [None, None]


def test_of_equals_the_first_of_the_history(open_shop: FusionRec) -> None:
    x = torch.ones(3, 1)
    content = open_shop.engine.model.content.with_modality(
        "vision", vectors=x, present=torch.ones(3, dtype=torch.bool)
    )
    assert nearest(content, "vision", np.array([0]), np.array([2, 1])) == [SimilarItem(2, 1.0)]


def test_the_cards_of_a_user(open_shop: FusionRec, built: Path) -> None:
    room = GalleryCards(
        open_shop.engine, files.read_table(built / "images/manifest.parquet"), str(built / "images")
    )
    table = open_shop.recommend(["u0", "nobody"], shop.ITEMS)
    mine = room.user_cards("u0", table[table["user_id"] == "u0"], np.array([0, 1]), 1)
    assert mine.user == "u0" and mine.basis == "from 2 choices"
    assert [card.title for card in mine.history] == ["The green boat"], "the newest one"
    assert mine.history[0].note == "" and mine.history[0].picture == shop.picture(1)
    assert [card.title for card in mine.recommendations] == table["title"][:10].tolist()
    first = mine.recommendations[0]
    score = f"score {table['score'][0]:.2f}"
    assert first.note.endswith(score)
    titles = {"The red boat", "The green boat"}
    assert all(
        what in ("picture like", "text like") and of[:-7] in titles
        for card in mine.recommendations
        for what, of in card.reasons
    )
    assert any(card.reasons for card in mine.recommendations)
    (gone,) = [card for card in mine.recommendations if card.title == "The grey boat"]
    assert gone.picture is None and "picture like" not in [what for what, _ in gone.reasons]

    other = room.user_cards("nobody", table[table["user_id"] == "nobody"], np.array([], np.int64), 3)
    assert other.basis == "what is popular" and other.history == []
    assert other.recommendations[0].note == "comedy · 1 users" and other.recommendations[0].reasons == ()
