"""What training and ranking cost."""

from pathlib import Path

import numpy as np
import pytest

from fusionrec import costs, files

LOCK = "stages: {{model: {{outs: [{{path: data/model, md5: {}}}]}}}}\n"


def test_memory_that_was_filled_is_in_the_peak(tmp_path: Path) -> None:
    with costs.measured("before", tmp_path):
        pass
    before = files.read_json(tmp_path / "before.json")["memory_mb"]
    megabytes = int(before) + 100  # beyond any peak until now
    with costs.measured("training", tmp_path) as cost:
        np.ones(megabytes * 10**6 // 8)
        cost["weights"] = 7
    written = files.read_json(tmp_path / "training.json")
    assert written["memory_mb"] > megabytes and written["weights"] == 7 and written["seconds"] >= 0


def test_a_failed_run_leaves_no_costs_of_an_earlier_one(tmp_path: Path) -> None:
    with costs.measured("training", tmp_path):
        pass
    with pytest.raises(KeyError), costs.measured("training", tmp_path):
        raise KeyError
    assert not list(tmp_path.iterdir())


def test_costs_are_kept_by_model_from_the_run_that_did_the_work(tmp_path: Path) -> None:
    clone, home = tmp_path / "clone", tmp_path / "home"
    files.write_json(clone / costs.FOLDER / "training.json", {"seconds": 2.0})
    costs.keep(clone, home)
    assert not home.exists(), "there is no model yet"
    (clone / "dvc.lock").write_text(LOCK.format("1.dir"))
    costs.keep(clone, home)
    (clone / costs.FOLDER / "training.json").unlink()  # the next run takes the model from DVC's cache
    files.write_json(clone / costs.FOLDER / "ranking.json", {"seconds": 3.0})
    costs.keep(clone, home)
    assert costs.of_model("1.dir", home) == {"training": {"seconds": 2.0}, "ranking": {"seconds": 3.0}}
    assert costs.of_model("2.dir", home) == {}
