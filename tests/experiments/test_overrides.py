"""Values for parameters in the grammar of `dvc exp run -S`."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from fusionrec.errors import UserError
from fusionrec.experiments import overrides

TEXT = """# all
model:
  vision: efficientnet # a name
  dims: [128, 64] # layers
  rate: 0.002
  id: true
  from:      # null
"""


@pytest.mark.parametrize("value", [True, False, None, 3, 0.1, 2e-5, "gated", "sentence-bert", "ndcg@10"])
def test_what_is_written_is_read_again(tmp_path: Path, value: Any) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("a: {b: 0}\n")
    overrides.apply(path, [overrides.one("a.b", value)])
    read = yaml.safe_load(path.read_text())["a"]["b"]
    assert (float(read) if isinstance(value, float) else read) == value


def test_floats_are_cut_to_six_digits() -> None:
    assert overrides.one("a", 0.12345678) == "a=0.123457"
    assert overrides.one("a", 1.0) == "a=1"


def test_only_the_lines_that_change_are_touched(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(TEXT)
    overrides.apply(path, ["model.vision=dino", "model.rate=0.01", "model.id=false"])
    before, after = TEXT.splitlines(), path.read_text().splitlines()
    touched = {old.split(":")[0].strip() for old, new in zip(before, after, strict=True) if old != new}
    assert touched == {"vision", "rate", "id"}
    values = {"vision": "dino", "dims": [128, 64], "rate": 0.01, "id": False, "from": None}
    assert yaml.safe_load(path.read_text()) == {"model": values}


def test_a_list_is_one_value(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(TEXT)
    overrides.apply(path, ["model.dims=[32,16]"])
    assert yaml.safe_load(path.read_text())["model"]["dims"] == [32, 16]


@pytest.mark.parametrize("setting", ["model.nothing=1", "mdl.vision=dino", "model.vision.deep=1", "vision=1"])
def test_an_unknown_parameter_is_refused(tmp_path: Path, setting: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(TEXT)
    with pytest.raises(UserError, match="has no parameter"):
        overrides.apply(path, [setting])
    assert path.read_text() == TEXT


def test_a_grid_has_every_combination_and_its_first_axis_is_fastest() -> None:
    points = overrides.grid(["weights=hub", "model.vision=dino,none", "train.seed=1,2"])
    assert points == [
        ("dino-seed-1", ["weights=hub", "model.vision=dino", "train.seed=1"]),
        ("none-seed-1", ["weights=hub", "model.vision=none", "train.seed=1"]),
        ("dino-seed-2", ["weights=hub", "model.vision=dino", "train.seed=2"]),
        ("none-seed-2", ["weights=hub", "model.vision=none", "train.seed=2"]),
    ]


def test_names_say_what_a_number_or_a_list_is() -> None:
    names = [name for name, _ in overrides.grid(["m.lr=0.01,1e-3", "m.id=true,false", "m.dims=[8,4],[2]"])]
    assert names[0] == "lr-0.01-id-true-dims-8-4" and names[-1] == "lr-0.001-id-false-dims-2"
    assert len(set(names)) == 8


def test_a_single_point_has_no_name_of_its_own() -> None:
    assert overrides.grid(["a.b=1"]) == [("", ["a.b=1"])]


@pytest.mark.parametrize("choice", ["a.b", "a.b=(", "=1", "+a.b=1", "~a.b"])
def test_what_is_no_choice_is_refused(choice: str) -> None:
    with pytest.raises(UserError, match="is not parameter=value"):
        overrides.grid([choice])
