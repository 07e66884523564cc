"""The generated catalogue: reproducible, with errors on purpose, and driven by tastes rather than popularity."""

import io
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import ExifTags, Image, ImageOps

from fusionrec import params
from fusionrec.data import cleaning, images
from fusionrec.data.clean_options import Clean
from fusionrec.data.demo import demo_choices, demo_motifs, demo_pictures, demo_sheet, demo_texts, demo_truth
from fusionrec.data.histories import Histories
from fusionrec.data.image_options import Images
from fusionrec.data.reading.dataset import Dataset
from fusionrec.data.sources import demo
from fusionrec.data.sources.demo import Options

from .options import EXTENSIONS, ROOT

SMALL = Options(seed=3, items=120, users=60, interactions=900)
IMAGES = params.load(Images, ROOT / "params.yaml")
CLEAN = params.load(Clean, ROOT / "params.yaml").model_copy(update={"min_user_interactions": 0})


def known(data: Dataset) -> demo_truth.Truth:
    assert data.truth is not None
    return data.truth


def test_the_same_seed_gives_the_same_data_and_another_does_not() -> None:
    one, two = demo.generate(SMALL), demo.generate(SMALL)
    other, model = demo.generate(SMALL.model_copy(update={"seed": 4})), known(one)
    pd.testing.assert_frame_equal(one.items, two.items)
    pd.testing.assert_frame_equal(one.interactions, two.interactions)
    assert list(one.pictures) == list(two.pictures)
    assert not one.interactions.equals(other.interactions)
    assert model.taste.shape == (60, model.traits.shape[1]) and model.traits.shape[0] == 120


def test_raw_tables_keep_to_the_contract() -> None:
    data = demo.read(Path("anywhere"), EXTENSIONS, SMALL)
    model = known(data)
    for table in (data.items, data.interactions):
        assert table["row"].tolist() == list(range(1, len(table) + 1))
        assert {str(kind) for kind in table.drop(columns="row").dtypes} == {"str"}
    assert set(data.items["item_id"].dropna()) > set(model.items), "a few bad rows are added"
    names = [name.split(".")[0] for name, _ in data.pictures]
    assert names == sorted(names) and len(set(names)) == len(names) < len(model.items)


def test_cleaning_restores_the_log_and_has_something_to_reject() -> None:
    data = demo.generate(SMALL)
    clean = cleaning.clean(data.items, data.interactions, CLEAN)
    assert len(clean.interactions) == SMALL.interactions and len(clean.items) == SMALL.items
    reasons = {"unknown_item", "missing_user_id", "unreadable_timestamp", "duplicate_id", "bad_number_price"}
    assert reasons <= set(clean.rejected["reason"])
    assert not clean.items["description"].str.contains("[<>]|&amp;").any()
    assert (
        clean.interactions["timestamp"]
        .between(demo_choices.START, demo_choices.START + demo_choices.YEAR)
        .all()
    )


def test_some_pictures_are_broken_and_most_are_fine() -> None:
    data = demo.generate(SMALL.model_copy(update={"items": 250}))
    reasons = pd.Series([images.prepare(blob, IMAGES).reason for _, blob in data.pictures])
    assert 0 < reasons.notna().sum() < 0.05 * len(reasons)


def test_a_few_pictures_are_odd() -> None:
    blobs = [blob for _, blob in demo.generate(SMALL.model_copy(update={"items": 1000})).pictures]
    valid = {blob for blob in blobs if images.prepare(blob, IMAGES).reason is None}
    opened = [Image.open(io.BytesIO(blob)) for blob in valid]
    again = [count for blob, count in Counter(blobs).items() if blob in valid and count > 1]
    turned = [image.size for image in opened if image.getexif().get(ExifTags.Base.Orientation) == 6]
    inks = [image.size for image in opened if image.mode == "CMYK"]
    assert (again, len(turned), len(inks)) == ([2, 2, 2], 3, 3)


def test_a_turned_picture_is_the_same_when_it_is_upright() -> None:
    image = demo_pictures.draw(np.random.default_rng(0), "ocean", "sun", "full", "dusk")
    turned = Image.open(io.BytesIO(demo_pictures.encode_turned(image)))
    assert turned.size == image.size[::-1]
    upright = ImageOps.exif_transpose(turned)
    assert np.abs(np.asarray(upright, float) - np.asarray(image, float)).mean() < 3


def test_the_oddities_change_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    odd = demo.generate(SMALL)
    monkeypatch.setattr(demo, "_oddities", lambda *_: {})
    plain = demo.generate(SMALL)
    pd.testing.assert_frame_equal(odd.interactions, plain.interactions)
    pd.testing.assert_frame_equal(odd.items, plain.items)
    blobs, others = dict(odd.pictures), dict(plain.pictures)
    assert len(blobs) == len(others) and 1 <= len(set(others.items()) - set(blobs.items())) <= 3


@pytest.fixture(scope="module")
def shop() -> tuple[np.ndarray, demo_choices.Choices, Histories]:
    options = Options(seed=1, items=600, users=500, interactions=10_000)
    model = known(demo.generate(options))
    liking = demo_truth.utility(model, model.users, model.items)
    log = demo_choices.draw_choices(np.random.default_rng(5), liking, options.interactions)
    table = pd.DataFrame({"user": log.users, "item": log.items, "timestamp": log.times})
    return liking, log, Histories.of(table, options.users)


def ndcg(scores: np.ndarray, past: Histories) -> float:
    """NDCG@10 of each user's last choice among all items that the user had not chosen before."""
    values = []
    for user in range(len(past)):
        *before, last = past[user].tolist()
        left = scores[user].copy()
        left[before] = -np.inf
        rank = (left > left[last]).sum()
        values.append(1 / np.log2(rank + 2) if rank < 10 else 0.0)
    return float(np.mean(values))


def test_tastes_matter_more_than_popularity(
    shop: tuple[np.ndarray, demo_choices.Choices, Histories],
) -> None:
    liking, log, past = shop
    chosen = np.bincount(log.items, minlength=liking.shape[1]).astype(float)
    assert 0.3 < ndcg(liking, past) < 0.5
    assert ndcg(np.tile(chosen, (len(past), 1)), past) < 0.04


def test_choices_are_distinct_in_time_order_and_new_items_keep_coming(
    shop: tuple[np.ndarray, demo_choices.Choices, Histories],
) -> None:
    liking, log, past = shop
    assert (np.diff(log.times) >= 0).all() and len(log.users) == 10_000
    assert all(len(set(past[user].tolist())) == past.counts[user] for user in range(len(past)))
    assert past.counts.min() >= demo_choices.LEAST_CHOICES
    first = np.full(liking.shape[1], np.iinfo(np.int64).max)
    np.minimum.at(first, log.items, log.times)
    late = (first > demo_choices.START + demo_choices.YEAR // 2).mean()
    assert 0.2 < late < 0.7


def test_traits_are_one_value_each() -> None:
    counts = {"a": 3, "b": 2}
    values = demo_choices.draw_traits(np.random.default_rng(0), 50, counts)
    hot = demo_choices.one_hot(values, counts)
    assert hot.shape == (50, 5) and (hot.sum(1) == 2).all()
    assert (hot[:, :3].argmax(1) == values[:, 0]).all() and (hot[:, 3:].argmax(1) == values[:, 1]).all()


@pytest.mark.parametrize("motif", demo_motifs.MOTIFS)
@pytest.mark.parametrize("layout", demo_pictures.LAYOUTS)
def test_every_look_can_be_drawn(motif: str, layout: str) -> None:
    image = demo_pictures.draw(np.random.default_rng(0), "ocean", motif, layout, "dusk")
    assert image.size in demo_pictures.SIZES and len(image.getcolors(100_000) or []) > 20
    for suffix, kind in [(".jpg", "JPEG"), (".png", "PNG"), (".webp", "WEBP")]:
        assert Image.open(io.BytesIO(demo_pictures.encode(image, suffix))).format == kind


def test_palettes_differ_in_colour() -> None:
    means = []
    for palette in demo_sheet.PALETTES:
        image = demo_pictures.draw(np.random.default_rng(0), palette, "waves", "full", "noon")
        means.append(np.asarray(image, float).mean((0, 1)))
    gaps = np.linalg.norm(np.array(means)[:, None] - np.array(means), axis=2)
    assert gaps[np.triu_indices(len(means), 1)].min() > 15


@pytest.mark.parametrize("theme", demo_texts.THEMES)
@pytest.mark.parametrize("mood", demo_texts.MOODS)
def test_texts_vary_and_have_a_readable_length(theme: str, mood: str) -> None:
    rng = np.random.default_rng(0)
    written = [demo_texts.write(rng, theme, mood, "dusk") for _ in range(20)]
    assert len({text.description for text in written}) > 10
    assert all(12 <= len(text.description.split()) <= 45 for text in written)
    assert not any("{" in text.title for text in written)


def test_no_two_trait_values_share_a_sentence() -> None:
    groups = [demo_texts.THEMES, demo_texts.MOODS, demo_texts.HOURS]
    sentences = [line for group in groups for words in group.values() for line in words.sentences]
    assert len(sentences) == len(set(sentences))
