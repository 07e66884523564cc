"""`fusionrec review` in a small repository."""

import shutil
from pathlib import Path

import pytest
from dvc.utils.serialize import modify_yaml  # type: ignore[import-untyped]

from fusionrec import files
from fusionrec.evaluation import metrics_table

from ..command import fusionrec
from ..review.repository import build, dvc, shell, write


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("review"))


@pytest.fixture(scope="module")
def clone(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Without data, as a workflow sees it."""
    folder = tmp_path_factory.mktemp("clone") / "clone"
    shell(repository, "git", "clone", "-q", str(repository), str(folder))
    return folder


def test_what_is_the_same_says_so_and_nothing_else(repository: Path, clone: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert (
        fusionrec(repository, "review", "--html", str(page)) == "No difference between HEAD and workspace.\n"
    )
    assert "<main>\n<p>No difference between HEAD and workspace.</p>\n</main>" in page.read_text()
    assert fusionrec(clone, "review", "new", "renamed") == "No difference between new and renamed.\n", (
        "needs no data"
    )


def test_two_revisions(repository: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    text = fusionrec(repository, "review", "old", "new", "--html", str(page))
    assert text.startswith("# new against old\n\n- ndcg@10 is higher: ")
    assert (
        "in new, so these two trained models differ; their recipes may not.\n- recall@10 is the same, 0.5000.\n"
        in text
    )
    assert "| metrics.seed | 1 | 7 |" in text and "| metrics.ks" not in text
    (fall,) = [line for line in text.splitlines() if line.startswith("| item | cold | 45 | 0.")]
    assert "| -0.2000 (-0.2" in fall and fall.endswith(") | yes |")
    assert "| gini@10 | 0 | 0.2 | +0.2 |" in text
    assert (
        "The lists of 1 of the 2 users in both differ." in text
        and "| u0 | Title 1 | Title 2 | 0.22 |" in text
    )
    assert "\n\nmoved. `fusionrec review --html`" in text and "still" not in text and "Warning" not in text
    html = page.read_text(encoding="utf-8")
    assert "<script" not in html and "&lt;script&gt;" in html
    assert html.count("data:image/png") == 2 and html.count("data:image/jpeg") == 5 + 2 + 2, (
        "item 8 has no picture"
    )
    assert "was 1" in html and "gone" in html and "now 3" in html


def test_without_data_it_falls_back_to_what_git_holds(clone: Path) -> None:
    text = fusionrec(clone, "review", "old", "new")
    assert "per_user.parquet of old and new is neither in DVC's cache nor in a remote" in text
    assert "- ndcg@10 is higher: " in text and "may not.\n- recall@10 is the same, 0.5000." in text
    assert (
        "| item | cold | 45 | 0.5000 (0.4500 to 0.5500) | 0.3000 (0.2500 to 0.3500) | -0.2000 | yes |" in text
    )
    assert (
        "Not shown: data/recs/recommendations.parquet of old and new" in text and "| metrics.seed |" in text
    )


def test_an_experiment_and_a_lock_that_is_behind(repository: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(repository, folder, symlinks=True)
    write(folder, 0.0)
    text = fusionrec(folder, "review")
    assert (
        "**Warning:** workspace: metrics, metrics/eval.json, " in text
        and "after dvc.lock was written" in text
    )
    dvc(folder, "commit", "-q", "-f")
    dvc(folder, "exp", "save", "-n", "back")
    assert "ndcg@10 is lower" in fusionrec(folder, "review", "new", "back")


def test_a_revision_whose_metrics_are_all_in_one_file(clone: Path, tmp_path: Path) -> None:
    """As version 0.2.0 wrote them, without data: means come from that file."""
    folder = tmp_path / "copy"
    shutil.copytree(clone, folder, symlinks=True)
    shell(folder, "git", "checkout", "-q", "old")
    summary = metrics_table.parse((folder / "plots/metrics.csv").read_text(encoding="utf-8"))
    summary["model"]["gini@10"] = 0.25
    files.write_json(folder / "metrics/eval.json", summary)
    for name in ("dvc.yaml", "dvc.lock"):
        with modify_yaml(folder / name) as tree:
            stage = tree["stages"]["metrics"]
            kind = "plots" if name == "dvc.yaml" else "outs"
            stage[kind] = [out for out in stage[kind] if "plots/metrics.csv" not in (*out, out.get("path"))]
    identity = ("-c", "user.email=a@example.org", "-c", "user.name=a")
    shell(folder, "git", *identity, "commit", "-qam", "older")
    text = fusionrec(folder, "review", "HEAD", "new")
    assert "- ndcg@10 is higher: " in text and "| gini@10 | 0.25 | 0.2 | -0.05 |" in text
    assert "eval: " not in text, "not among the figures of other stages"


def test_several_runs_a_side(repository: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(repository, folder, symlinks=True)
    for name, seed in (("old-2", 2), ("old-3", 3)):
        write(folder, 0.0, seed)
        dvc(folder, "commit", "-q", "-f")
        dvc(folder, "exp", "save", "-n", name)
    text = fusionrec(folder, "review", "old,old-2", "old-3")
    assert text.startswith("# old-3 against old (2 runs)\n\n- old (2 runs) and old-3 are the same recipe")
    assert "everything else is that of old and old-3." in text and "| models differ |" in text
    assert "| train.seed | 1 | 3 |" in text


def test_a_merge_conflict_ends_with_one_line(repository: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(repository, folder, symlinks=True)
    for name in ("plots/metrics.csv", "metrics/clean.json"):
        content = (folder / name).read_text(encoding="utf-8")
        (folder / name).write_text(f"<<<<<<< HEAD\n{content}", encoding="utf-8")
        error = fusionrec(folder, "review", fails=True)
        assert error.startswith(f"error: workspace: {name} is damaged") and error.count("\n") == 1
        (folder / name).write_text(content, encoding="utf-8")


def test_mistakes_end_with_one_line(repository: Path) -> None:
    error = fusionrec(repository, "review", "nonsense", fails=True)
    assert error == ("error: nonsense: no such revision or experiment; see `dvc exp list --all-commits`\n")
