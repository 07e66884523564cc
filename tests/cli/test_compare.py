"""`fusionrec compare` in a small repository: two commits, an experiment, and the workspace."""

import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from fusionrec import files

from .. import warm
from ..command import ROOT, fusionrec

USERS = 60


def shell(folder: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def write(folder: Path, lift: float, users: int = USERS, only: str = "model", seed: int = 1) -> None:
    """Metrics of users that rise with `lift`, as does a parameter, and vary with the seed of training."""
    tree = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    tree["train"]["seed"], tree["train"]["lr"] = seed, 0.01 + lift
    files.write_text(folder / "params.yaml", yaml.safe_dump(tree))
    files.write_text(folder / "dvc.lock", "stages: {}\n")
    ndcg = np.random.default_rng(0).random(users) + 0.01 * np.random.default_rng(seed).random(users)
    names = [f"u{user}" for user in range(users)]
    table = pd.DataFrame({"user_id": names, "recommender": only, "ndcg@10": ndcg, "recall@10": ndcg.round()})
    table["ndcg@10"] += lift * (1 + np.arange(users) % 3)
    files.write_table(folder / "data/metrics/per_user.parquet", table)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`old` and HEAD differ in ndcg@10; the experiment `other` has fewer users; so has the workspace."""
    folder = tmp_path_factory.mktemp("compare")
    shell(folder, "git", "init", "-q")
    for key, value in (("user.email", "a@example.org"), ("user.name", "a")):
        shell(folder, "git", "config", key, value)
    dvc = [warm.python(), "-m", "dvc"]
    shell(folder, *dvc, "init", "-q")
    for tag, lift in (("old", 0.0), ("new", 0.1)):
        write(folder, lift)
        shell(folder, *dvc, "add", "-q", "data/metrics")
        shell(folder, "git", "add", ".")
        shell(folder, "git", "commit", "-qm", tag)
        shell(folder, "git", "tag", tag)
    for name, lift, seed in (("old-2", 0.0, 2), ("new-2", 0.1, 2)):
        write(folder, lift, seed=seed)
        shell(folder, *dvc, "add", "-q", "data/metrics")
        shell(folder, *dvc, "exp", "save", "-n", name)
    write(folder, 0.1, USERS - 10)
    shell(folder, *dvc, "add", "-q", "data/metrics")
    shell(folder, *dvc, "exp", "save", "-n", "other")
    return folder


def test_two_commits(repository: Path) -> None:
    table = fusionrec(repository, "compare", "old", "HEAD").splitlines()
    assert table[0].startswith("| metric | old | HEAD | difference |")
    ndcg, recall = table[2].split(" | "), table[3].split(" | ")
    assert ndcg[0] == "| ndcg@10" and ndcg[3] == "+0.2000" and ndcg[-1] == "yes |"
    assert recall[0] == "| recall@10" and recall[3] == "+0.0000" and recall[-1] == "too few hits |"
    assert "60 users in both." in table[-1] and "covers users, not seeds" in table[-1]


def test_head_against_the_workspace_is_the_default(repository: Path) -> None:
    out = fusionrec(repository, "compare", "--metrics", "recall@10")
    assert out == fusionrec(repository, "compare", "HEAD", "workspace", "--metrics", "recall@10")
    assert "50 users in both (10 only in HEAD: left out)" in out and "ndcg" not in out


def test_several_runs_a_side(repository: Path) -> None:
    table = fusionrec(repository, "compare", "old,old-2", "HEAD,new-2", "--metrics", "ndcg@10").splitlines()
    assert table[0].startswith("| metric | old (2 runs) | HEAD (2 runs) | difference |")
    assert table[0].endswith("| error: users | error: seeds | p | beyond chance |") and table[2].endswith(
        "| yes |"
    )
    assert "covers users and seeds" in table[-1]


def test_another_seed_is_the_same_recipe(repository: Path) -> None:
    known = "old and old-2 are the same recipe with other seeds, so any difference is due to the seed."
    assert fusionrec(repository, "compare", "old", "old-2").startswith(f"{known}\n\n| metric | old | old-2 |")
    assert "same recipe" not in fusionrec(repository, "compare", "old", "new-2")


def test_an_experiment_by_its_name(repository: Path) -> None:
    assert "10 only in old" in fusionrec(repository, "compare", "old", "other")


def test_the_same_twice(repository: Path) -> None:
    assert (
        fusionrec(repository, "compare", "new", "HEAD")
        == "No difference between new and HEAD: 60 users, 2 metrics.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nonsense"], "nonsense: no such revision or experiment"),
        (
            ["old,new", "HEAD"],
            "old and new differ in train.lr; the runs of one side may differ in train.seed only",
        ),
        (["new,HEAD"], "new and HEAD are the same run, with train.seed 1; name it once"),
        (["old,,new"], "'old,,new' has an empty name"),
        (["--recommender", "ease"], "HEAD has no 'ease'; it has model"),
        (["--metrics", "ndcg@7"], "not in both: ndcg@7; both have ndcg@10, recall@10"),
    ],
)
def test_mistakes_end_with_one_line(repository: Path, arguments: list[str], message: str) -> None:
    error = fusionrec(repository, "compare", *arguments, fails=True)
    assert error.startswith("error: ") and message in error and error.count("\n") == 1


def test_a_file_that_is_not_in_the_cache(repository: Path, tmp_path: Path) -> None:
    shell(tmp_path, "git", "clone", "-q", str(repository), "clone")
    error = fusionrec(tmp_path / "clone", "compare", "old", fails=True)
    assert "old: data/metrics/per_user.parquet is neither in DVC's cache nor in a remote" in error
