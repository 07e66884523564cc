"""A new item is processed as the items of the catalogue were."""

import io
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import fusionrec.api
from fusionrec import files
from fusionrec.api import FusionRec
from fusionrec.errors import UserError
from fusionrec.models import preparation
from fusionrec.models.preparation import Preparation
from fusionrec.recommend.new_items import NewItem, Preparer

from . import shop

CPU = torch.device("cpu")
TABLE = shop.items(shop.parameters())
ALL = np.arange(shop.USERS)


def item(row: int) -> NewItem:
    """What a shop knows of an item before it is in the catalogue."""
    raw = TABLE.iloc[row]
    numbers = {} if np.isnan(raw["number_year"]) else {"year": raw["number_year"]}
    image = None if row == shop.WITHOUT_PICTURE else shop.picture(row)
    return NewItem(image, None, raw["title"], raw["description"], {"genres": raw["category_genres"]}, numbers)


def test_every_input_is_that_of_the_item_in_the_catalogue(open_shop: FusionRec) -> None:
    made = open_shop.preparer.content([item(row) for row in range(shop.ITEMS)])
    known = open_shop.engine.model.content
    assert not made.trained.any()
    for name, ours in made._replace(trained=known.trained)._asdict().items():
        torch.testing.assert_close(ours, getattr(known, name), rtol=0, atol=1e-6, msg=name)


@pytest.mark.parametrize("row", [0, shop.WITHOUT_PICTURE, shop.ITEMS - 1])
def test_alone_it_is_what_it_is_among_others(open_shop: FusionRec, row: int) -> None:
    made = open_shop.preparer.content([item(row)])
    as_new = open_shop.engine.model.content.take(torch.tensor([row]))
    past, among = open_shop.engine.split.past, open_shop.engine.model.among
    torch.testing.assert_close(
        among(made).score(ALL, past), among(as_new).score(ALL, past), rtol=0, atol=1e-6
    )


def test_a_cold_item_has_the_score_that_evaluation_gives_it(open_shop: FusionRec) -> None:
    past, model = open_shop.engine.split.past, open_shop.engine.model
    rows = [shop.ITEMS - 2, shop.ITEMS - 1]
    made = open_shop.preparer.content([item(row) for row in rows])
    torch.testing.assert_close(
        model.among(made).score(ALL, past), model.score(ALL, past)[:, rows], rtol=0, atol=1e-6
    )


def test_text_is_read_as_it_is_or_composed(open_shop: FusionRec) -> None:
    row = open_shop.preparer._row
    assert row(item(1))["text"] == TABLE["text"][1]
    assert row(NewItem(text="<b>A Quiet&nbsp;Sea</b>"))["text"] == "a quiet sea"
    values = row(NewItem(categories={"genres": "Drama|Comedy"}))["category_genres"]
    assert (
        values
        == ["comedy", "drama"]
        == row(NewItem(categories={"genres": ["Drama", "Comedy"]}))["category_genres"]
    )


def test_pictures_come_as_paths_bytes_and_images(open_shop: FusionRec, tmp_path: Path) -> None:
    blob = shop.picture(5)
    (tmp_path / "poster.png").write_bytes(blob)
    forms: list[Any] = [
        blob,
        tmp_path / "poster.png",
        str(tmp_path / "poster.png"),
        Image.open(io.BytesIO(blob)),
    ]
    made = open_shop.preparer.content([NewItem(form) for form in forms]).modalities["vision"].vectors
    assert all(torch.equal(row, made[0]) for row in made)


@pytest.mark.parametrize(
    ("new", "message"),
    [
        (NewItem(b"GIF89a"), "image: not_jpeg_png_webp"),
        (NewItem(b""), "image: empty_file"),
        (NewItem("nowhere.png"), "nowhere.png: cannot be read"),
        (NewItem(categories={"director": "x"}), "the catalogue has no director; known: genres"),
        (NewItem(numbers={"price": 3}), "the catalogue has no price; known: year"),
    ],
)
def test_what_cannot_be_used_is_said(open_shop: FusionRec, new: NewItem, message: str) -> None:
    with pytest.raises(UserError, match=message):
        open_shop.preparer.content([new])


def test_an_encoder_that_was_trained_with_the_model_lies_in_its_folder(built: Path, tmp_path: Path) -> None:
    prepared = preparation.load(built / "model")
    ((name, entry),) = prepared.options.encoders.vision.items()
    assert entry is not None
    from fusionrec.encoders import weights

    shutil.copytree(weights.locate(name, entry, prepared.options.encoders), tmp_path / "vision")
    nowhere = prepared.options.encoders.model_copy(update={"weights": "local", "folder": "nowhere"})
    moved = prepared._replace(options=prepared.options.model_copy(update={"encoders": nowhere}))
    tuned, frozen = Preparer(tmp_path, moved, CPU), Preparer(built / "model", prepared, CPU)
    assert tuned.vision is not None and frozen.vision is not None
    some = [shop.picture(1)]
    assert torch.equal(tuned.vision.encode(some), frozen.vision.encode(some))
    with pytest.raises(UserError, match="nowhere"):
        _ = tuned.language


def test_a_new_item_has_no_vector_where_they_came_with_the_data(built: Path) -> None:
    prepared = preparation.load(built / "model")
    given = prepared.options.encoders.model_copy(update={"vision": {"given": None}})
    moved = prepared._replace(options=prepared.options.model_copy(update={"encoders": given}))
    made = Preparer(built / "model", moved, CPU).content([item(0)])
    usual = Preparer(built / "model", prepared, CPU).content([item(0)])
    vision = made.modalities["vision"]
    assert vision.vectors.shape == usual.modalities["vision"].vectors.shape
    assert not vision.vectors.any() and not vision.present.any()
    assert torch.equal(made.modalities["language"].vectors, usual.modalities["language"].vectors)


def test_tokens_and_a_modality_that_is_off(tmp_path: Path) -> None:
    off = shop.build(tmp_path / "off", vision="none")
    found = fusionrec.api.load(off / "model", off / "splits")
    made = found.preparer.content([item(0)])
    assert [*made.modalities] == ["language"] and made.modalities["language"].vectors.shape == (1, 4)
    score = found.score_new_item(shop.picture(0), TABLE["text"][0], users=["u0"])
    assert np.isfinite(score["score"]).all()
    assert files.read_json(off / "model/preparation.json")["encoders"]["vision"] == {"none": None}


@pytest.mark.parametrize("template", ["{title", "{director}", "{title!r}", "nothing"])
def test_a_template_that_does_not_fit(open_shop: FusionRec, template: str) -> None:
    preparer = open_shop.preparer
    clean = preparer.options.clean.model_copy(update={"text": [template]})
    changed = Preparation(preparer.options.model_copy(update={"clean": clean}), preparer.fitted)
    with pytest.raises(UserError, match=r"clean.text: .*; run `dvc repro model`"):
        Preparer(preparer.folder, changed, preparer.device)
