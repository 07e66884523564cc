"""Model folders of older versions load and score as they did then; those that cannot be migrated say why."""

import shutil
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
import torch

import fusionrec.api
from fusionrec import files
from fusionrec.errors import UserError
from fusionrec.models import checkpoint, migrations, zoo
from fusionrec.models.fusion.options import FusionOptions

# written by version 0.1.0, with the lists and the scores of a new item that it computed
SCHEMA_3 = Path(__file__).resolve().parents[1] / "fixtures" / "schema_3"
CPU = torch.device("cpu")


def test_a_folder_of_0_1_0_gives_the_lists_that_it_gave_then() -> None:
    shop = fusionrec.api.load(SCHEMA_3 / "model", SCHEMA_3 / "splits")
    then = pd.DataFrame(files.read_json(SCHEMA_3 / "lists.json"))
    now = shop.recommend(then["user_id"].unique().tolist(), 10)
    assert now.drop(columns="score").to_dict("list") == then.drop(columns="score").to_dict("list")
    np.testing.assert_allclose(now["score"], then["score"], rtol=0, atol=1e-6)


def test_a_folder_of_0_1_0_scores_a_new_item_as_it_did_then() -> None:
    shop = fusionrec.api.load(SCHEMA_3 / "model", SCHEMA_3 / "splits")
    then = files.read_json(SCHEMA_3 / "new.json")
    np.testing.assert_allclose(
        shop.score_new_item(**then["item"])["score"], then["scores"], rtol=0, atol=1e-4
    )


def test_saved_again_it_has_the_schema_of_today(tmp_path: Path) -> None:
    loaded = checkpoint.load(SCHEMA_3 / "model", CPU)
    data = checkpoint.ModelData(loaded.content, len(loaded.user_ids), 3)
    checkpoint.save(tmp_path, "fusion", loaded.model, data, loaded.item_ids, loaded.user_ids, {})
    assert files.read_json(tmp_path / "config.json")["schema"] == migrations.SCHEMA
    weights = [files.read_tensors(folder / "model.safetensors") for folder in (tmp_path, SCHEMA_3 / "model")]
    assert all(torch.equal(weights[0][name], x) for name, x in migrations.renamed(3, weights[1]).items())


class WithNewKey(FusionOptions):
    """What the parameters may look like in a later version."""

    new_key: int
    before: ClassVar[dict[str, Any]] = {**FusionOptions.before, "new_key": 0}


class WithoutBefore(FusionOptions):
    """A new key that does not say what it was before."""

    new_key: int


def test_a_new_key_has_the_value_that_it_had_before(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = checkpoint.load(SCHEMA_3 / "model", CPU).towers.candidates
    monkeypatch.setattr(zoo, "options", lambda name: WithNewKey)
    loaded = checkpoint.load(SCHEMA_3 / "model", CPU)
    assert loaded.model.options.new_key == 0 and torch.equal(loaded.towers.candidates, scores)


def test_a_new_key_that_does_not_say_what_it_was_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zoo, "options", lambda name: WithoutBefore)
    with pytest.raises(UserError, match=r"`model\.options\.new_key` is missing.*WithoutBefore\.before"):
        checkpoint.load(SCHEMA_3 / "model", CPU)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"schema": 1}, "schema 1 is older than 3, the oldest that can be migrated"),
        ({"schema": 99}, "schema 99 was written by a newer version; this one reads 3 to 6"),
        ({"schema": "3"}, "it has no schema"),
        ({"model": {}}, "it is not what schema 3 looks like"),
        ({"shape": None}, "sizes needs users and category_values"),
    ],
    ids=str,
)
def test_a_folder_that_cannot_be_migrated_says_why(
    tmp_path: Path, change: dict[str, Any], reason: str
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(SCHEMA_3 / "model", folder)
    files.write_json(folder / "config.json", files.read_json(folder / "config.json") | change)
    with pytest.raises(UserError) as error:
        checkpoint.load(folder, CPU)
    assert reason in str(error.value) and "dvc repro model" in str(error.value)


def test_every_schema_from_the_oldest_on_has_a_migration() -> None:
    assert [*migrations.MIGRATIONS] == list(range(min(migrations.MIGRATIONS), migrations.SCHEMA))
