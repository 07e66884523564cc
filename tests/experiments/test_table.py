"""The table of experiments."""

from typing import Any

from fusionrec.experiments import table


def state(rev: str, seed: int, vision: str, test: float | None, name: str | None = None) -> dict[str, Any]:
    """What `dvc exp show --json` says of one revision."""
    parameters = {
        "model": {"vision": vision, "dim": 64}, "train": {"seed": seed, "lr": 0.1},
        "search": {"seed": seed}, "variants": {"v": [name]},
    }  # fmt: skip
    metrics = {
        "metrics/train/metrics.json": {"best": {"val": {"ndcg@10": 0.123456}}},
        "metrics/eval.json": {"ndcg@20": test, "best_rival": {"ndcg@20": 0.9}},
        "metrics/cache_vision.json": {"vision": {"weights": f"pypi {vision}"}},
    }
    data = {
        "params": {"params.yaml": {"data": parameters}},
        "metrics": {file: {"data": content} for file, content in metrics.items()},
        "deps": {"data/splits": {"hash": "0123456789.dir"}, "data/images": None},
    }
    return {"rev": rev, "name": name, "data": data}


def shown() -> list[dict[str, Any]]:
    run = {"revs": [state("b" * 40, 2, "none", 0.25)], "name": "v-none-seed-2", "executor": None}
    queued = {"revs": [{"rev": "c" * 40, "name": None, "data": None}], "name": "later", "executor": None}
    return [
        state("workspace", 9, "dirty", 0.9),
        state("a" * 40, 1, "dino", None, "main") | {"experiments": [run, queued]},
    ]


def test_rows_and_columns() -> None:
    compared = table.by_run(shown(), "ndcg@10", "ndcg@20")
    assert compared.to_dict("records") == [
        {
            "experiment": "main", "model.vision": "dino", "seed": "1", "val ndcg@10": "0.1235",
            "test ndcg@20": "-", "vision": "pypi dino", "language": "-", "splits": "0123456", "images": "-",
        },
        {
            "experiment": "v-none-seed-2", "model.vision": "none", "seed": "2", "val ndcg@10": "0.1235",
            "test ndcg@20": "0.25", "vision": "pypi none", "language": "-", "splits": "0123456", "images": "-",
        },
    ]  # fmt: skip


def test_parameters_that_share_their_last_name_are_told_apart() -> None:
    rows = shown()
    for number, row in enumerate((rows[1], rows[1]["experiments"][0]["revs"][0])):
        row["data"]["params"]["params.yaml"]["data"]["splits"] = {"seed": number}
    assert {"train.seed", "splits.seed"} <= set(table.by_run(rows, "ndcg@10", "ndcg@20").columns)


def test_a_lone_commit_has_no_parameters_that_differ() -> None:
    compared = table.by_run([state("a" * 40, 1, "dino", 0.5)], "ndcg@10", "ndcg@20")
    assert compared.shape == (1, 7) and compared["experiment"].item() == "aaaaaaa"


def test_a_recipe_has_one_row_with_mean_and_spread_over_its_seeds() -> None:
    tests = {1: 0.2, 2: 0.3, 3: 0.4}
    runs = [state(f"{seed}" * 40, seed, "none", test, f"v-none-seed-{seed}") for seed, test in tests.items()]
    again = state("9" * 40, 2, "none", 0.3, "v-none-seed-2-again")
    experiments = [{"revs": [run], "name": run["name"]} for run in [*runs, again]]
    commit = state("a" * 40, 1, "dino", None, "main") | {"experiments": experiments}
    compared = table.by_recipe([commit], "ndcg@10", "ndcg@20").to_dict("records")
    assert [(row["experiment"], row["seeds"], row["test ndcg@20"]) for row in compared] == [
        ("main", "1", "-"),
        ("v-none", "3", "0.3000 ± 0.1000"),
    ]
    assert compared[1]["val ndcg@10"] == "0.1235 ± 0.0000" and "seed" not in compared[0]


def test_another_split_is_another_recipe() -> None:
    one, other = state("a" * 40, 1, "dino", 0.1, "main"), state("b" * 40, 2, "dino", 0.2, "x")
    other["data"]["deps"]["data/splits"] = {"hash": "9999999999.dir"}
    commit = one | {"experiments": [{"revs": [other], "name": "x"}]}
    assert table.by_recipe([commit], "ndcg@10", "ndcg@20")["seeds"].tolist() == ["1", "1"]


def test_runs_on_other_splits_are_of_the_same_recipe_in_the_paired_table() -> None:
    runs = [state(letter * 40, 1, "dino", 0.5, f"v-dino-split-{n}-seed-1") for n, letter in enumerate("abc")]
    for split, run in enumerate(runs):
        run["data"]["params"]["params.yaml"]["data"]["splits"] = {"seed": split}
        run["data"]["deps"]["data/splits"] = {"hash": f"{split}.dir"}
    found = table.recipes_of(runs, [run["name"] for run in runs])
    assert {name: len(group) for name, group in found.items()} == {"v-dino": 3}
    assert len(table.by_recipe(runs, "ndcg@10", "ndcg@20")) == 3


def test_models_are_told_apart_by_name_though_their_training_differs() -> None:
    rows = [state(letter * 40, 1, "dino", 0.5, letter) for letter in "abc"]
    for row, (model, rate) in zip(rows, [("x", 0.1), ("y", 0.2), ("y", 0.3)], strict=True):
        parameters = row["data"]["params"]["params.yaml"]["data"]
        parameters["model"]["name"], parameters["train"]["lr"], parameters["train"]["batch"] = (
            model,
            rate,
            model,
        )
    columns = [*table.by_run(rows, "ndcg@10", "ndcg@20")]
    assert columns[:3] == ["experiment", "name", "lr"] and "batch" not in columns
