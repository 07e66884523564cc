"""Forecasts grow as the work does, and say what nobody has measured."""

from pathlib import Path

import pytest

from fusionrec import params
from fusionrec.experiments import presets
from fusionrec.preflight import forecast
from fusionrec.preflight.sizes import Sizes
from fusionrec.trees import changed

ROOT = Path(__file__).resolve().parents[2]
TREE = params.read(ROOT / "params.yaml")
SIZES = Sizes(1_000_000, 100_000, 9_000)


def by_stage(sizes: Sizes = SIZES, **changes: object) -> dict[str, forecast.Forecast]:
    tree = changed(TREE, {name.replace("__", "."): value for name, value in changes.items()})
    return {one.stage: one for one in forecast.stages(tree, sizes)}


def test_all_stages_in_their_order() -> None:
    stages = [
        "raw",
        "clean",
        "splits",
        "images",
        "cache@vision",
        "cache@language",
        "model",
        "metrics",
        "recs",
    ]
    assert list(by_stage()) == stages == [*forecast.REMEDIES]


def test_tables_grow_with_the_log_and_pictures_with_the_catalogue() -> None:
    before = by_stage()
    log, catalogue = by_stage(SIZES._replace(interactions=10**8)), by_stage(SIZES._replace(items=90_000))
    assert log["clean"].memory > 10 * before["clean"].memory and log["images"] == before["images"]
    assert catalogue["clean"] == before["clean"] and catalogue["images"].disk == 10 * before["images"].disk


def test_an_encoder_that_nobody_measured_has_no_hours() -> None:
    assert by_stage()["cache@vision"].seconds is not None
    assert by_stage(model__vision="dino")["cache@vision"].hours(2) is None
    assert by_stage(model__vision="none")["cache@vision"].seconds is not None


def test_hours_are_shared_by_workers_where_work_can_be_shared() -> None:
    found = by_stage()
    assert found["images"].hours(2) == pytest.approx(found["images"].hours(1) / 2)  # type: ignore[operator]
    assert found["clean"].hours(2) == found["clean"].hours(1)


def test_the_preset_for_large_catalogues_makes_one_possible() -> None:
    large = Sizes(20_000_000, 1_000_000, 100_000)
    settings = presets.settings(["large"], TREE, ROOT / "presets")
    shipped = {one.stage: one for one in forecast.stages(TREE, large)}
    recipe = {one.stage: one for one in forecast.stages(changed(TREE, settings), large)}
    assert recipe["model"].seconds < shipped["model"].seconds / 10  # type: ignore[operator]
    assert recipe["metrics"].seconds < shipped["metrics"].seconds / 50  # type: ignore[operator]
    assert recipe["metrics"].memory < 4e9 < shipped["metrics"].memory
