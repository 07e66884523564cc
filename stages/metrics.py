"""metrics: model and splits -> metrics of the model, its re-ranked lists and its baselines on the test part.

Reads: data/model, data/splits, data/raw/tables (true preferences, for the demo), the file metrics.candidates.
Writes: metrics/eval.json: key metrics; plots/metrics.csv: all of them; data/metrics: metrics of each user, of the model
in each slice, intervals, slices and ablation; plots/ndcg_at_k, recall_at_k, exposure, coverage, tradeoff, slices and
ablation, as .csv and .png; logs/costs/ranking.json, no output.
Parameters: metrics, rerank, runtime.
"""

import _start  # noqa: F401  (src on the path, pins set before numpy loads)

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from fusionrec import costs, files, params, plots, progress, runtime
from fusionrec.data.demo import demo_truth
from fusionrec.data.histories import LOG, Histories
from fusionrec.data.item_inputs import ItemInputs
from fusionrec.errors import UserError
from fusionrec.evaluation import (
    ablation,
    baselines,
    key_metrics,
    metrics,
    metrics_table,
    plot_tables,
    report,
    slices,
    tradeoff,
)
from fusionrec.evaluation import protocol as tasks
from fusionrec.evaluation.catalogue_ranking import Lists
from fusionrec.evaluation.options import Metrics
from fusionrec.evaluation.trait_learner import TraitLearner
from fusionrec.evaluation.validation import validator
from fusionrec.models import checkpoint
from fusionrec.models.closed_form import TrainData
from fusionrec.models.contract import ModelData
from fusionrec.models.fixed_scores import FixedScores
from fusionrec.models.recommender import Recommender
from fusionrec.models.trained_model import TrainedModel
from fusionrec.plots import Words
from fusionrec.recommend import rerank, rerank_features
from fusionrec.recommend.rerank_options import Rerank
from fusionrec.runtime import Runtime

PARTS = ("train", "val", "test", "fold_in")
CURVES = {"ndcg": "NDCG", "recall": "Recall"}  # metrics that are drawn against k
SAMPLED = (
    "warning: metrics.protocol is sampled: metrics among {} negatives per user are not comparable with those of the "
    "whole catalogue, and may rank recommenders differently"
)


class Split(NamedTuple):
    """The tables of the split, and the ids of their rows."""

    users: pd.DataFrame
    items: pd.DataFrame
    parts: dict[str, pd.DataFrame]
    user_ids: list[str]
    item_ids: list[str]


def read_split() -> Split:
    users, items = (files.read_table(f"data/splits/{name}.parquet") for name in ("users", "items"))
    parts = {name: files.read_table(f"data/splits/{name}.parquet", LOG) for name in PARTS}
    return Split(users, items, parts, users["user_id"].tolist(), items["item_id"].tolist())


def fit_baselines(options: Metrics, split: Split, content: ItemInputs) -> dict[str, Any]:
    """The baselines, fitted on train; for the demo also its references: the oracle and the learner."""
    users, items, train = len(split.users), len(split.items), split.parts["train"]
    new = options.protocol == "new"
    metric = "ndcg_new@10" if new else "ndcg@10"
    chosen = baselines.for_new_items(options.baselines) if new else options.baselines
    histories = Histories.of(train, users)
    judge: Callable[[Recommender], float] | None = None
    if len(split.parts["val"]):
        known = Histories.of(pd.concat([train, split.parts["fold_in"]]), users)
        held_out = Histories.of(split.parts["val"], users)
        validate = validator(known, held_out, histories, items, metric, options.users)

        def judge(recommender: Recommender) -> float:
            return validate(recommender)[metric]

    categories = content.category_values
    values = int(categories.max()) + 1 if len(categories) else 0
    data = ModelData(content, users, values, graph=histories)
    fitted: dict[str, Any] = {
        **baselines.build(chosen, data, TrainData(train, histories, options.seed), judge)
    }
    truth = demo_truth.read("data/raw/tables")
    if truth is not None:
        fitted["learner"] = TraitLearner(truth, split.item_ids)
        fitted["oracle"] = FixedScores(demo_truth.utility(truth, split.user_ids, split.item_ids))
    return fitted


def reranked_lists(
    best: Lists,
    features: rerank.RerankFeatures,
    task: tasks.Task,
    methods: Sequence[str],
    strengths: set[float],
    k: int,
    options: Rerank,
) -> dict[tuple[str, float], np.ndarray]:
    """The best candidates of each user, re-ranked by each method at each strength: int64 [users, k]."""
    candidates = Lists(*(x[:, : options.max_candidates] for x in best))
    each = [(method, strength) for method in methods for strength in sorted(strengths)]
    settings = [
        options.model_copy(update={"method": method, "strength": strength, "novelty": 0.0})
        for method, strength in each
    ]
    found = rerank.variants(candidates, features, task.past, task.users, k, settings)
    return {key: lists.items for key, lists in zip(each, found, strict=True)}


def tables_of(
    measured: report.Report, losses: dict[str, Any], sweep: pd.DataFrame, task: tasks.Task, p: Metrics
) -> dict[str, pd.DataFrame]:
    """The table of each plot."""
    names = [name for name in measured.results if not name.startswith("model_")]
    lists = {name: measured.results[name].ranked.items for name in names if name not in report.REFERENCES}
    first = p.headline[0]
    return {
        f"{metric}_at_k": plot_tables.at_k(measured.intervals, names, p.ks, metric) for metric in CURVES
    } | {
        "exposure": plot_tables.exposure(lists, task.popularity),
        "coverage": plot_tables.coverage(lists, len(task.popularity)),
        "tradeoff": sweep,
        "slices": plot_tables.bars(measured.slices["model"], first),
        "ablation": plot_tables.ablation(losses, first),
    }


def draw(tables: dict[str, pd.DataFrame], p: Metrics) -> None:
    """Write every plot as PNG, and its table as CSV."""
    for name, table in tables.items():
        plots.write_table(table, f"plots/{name}.csv")
    for metric, title in CURVES.items():
        words = Words(f"{title} at k, with 95 % intervals", "k", f"{metric}@k")
        plots.lines(tables[f"{metric}_at_k"], words, f"plots/{metric}_at_k.png", marks=True)
    catalogue, share = (
        "share of the catalogue, most popular first",
        f"share of the first {max(p.ks)} of all lists",
    )
    words = Words("Popularity of what is consumed and recommended", catalogue, share)
    plots.lines(tables["exposure"], words, "plots/exposure.png")
    words = Words("Share of the catalogue that is in any list", "k", "coverage@k")
    plots.lines(tables["coverage"], words, "plots/coverage.png")
    first = p.headline[0]
    x = "coverage" if tables["tradeoff"]["diversity"].isna().all() else "diversity"
    words = Words(f"Accuracy against {x}, by strength of re-ranking", f"{x}@{first.partition('@')[2]}", first)
    plots.tradeoff(tables["tradeoff"], x, words, "plots/tradeoff.png")
    words = Words("Slices, with 95 % intervals", first, "slice")
    plots.bars(tables["slices"], words, "plots/slices.png")
    words = Words(
        "Loss without an input, with 95 % intervals", f"loss of {first}", "input and how it is removed"
    )
    plots.bars(tables["ablation"], words, "plots/ablation.png")


def main() -> str:
    runtime.parser(__doc__).parse_args()
    options, reranking, computing = params.load(Metrics), params.load(Rerank), params.load(Runtime)
    ks, split = sorted(options.ks), read_split()
    families = [metrics.load(name, options) for name in options.families]
    model = checkpoint.load("data/model", runtime.device(computing), split.item_ids)
    if options.protocol == "new" and not model.ranks_untrained_items:
        raise UserError(
            "metrics.protocol: new ranks items without a train interaction, which this model cannot; set it to strict"
        )
    candidates = tasks.candidates(options.candidates, split.user_ids, split.item_ids)
    features = rerank_features.of(
        model.content, split.items["train_interactions"].to_numpy(), int((~split.users["cold"]).sum())
    )
    task = tasks.of_test(
        split.parts, len(split.users), split.items["tail"].to_numpy(), features.vectors, options, candidates
    )
    if options.protocol == "sampled":
        print(SAMPLED.format(options.negatives))
    print(
        f"{len(task.users):,} users, {len(split.items):,} items; evaluating the model, re-ranked lists and baselines"
    )

    with costs.measured(costs.RANKING) as cost:
        best = tasks.rank(model, task, max(*ks, reranking.max_candidates))
        cost |= {"users": len(task.users), "weights": model.model.weight_count}
    methods = [method for method in options.rerankers if method in rerank.usable(features)]
    strengths = {*options.tradeoff, reranking.strength}
    reranked = reranked_lists(best, features, task, methods, strengths, max(ks), reranking)
    fitted = fit_baselines(options, split, model.content)
    lists = {"model": best.items[:, : max(ks)]}
    lists |= {f"model_{method}": reranked[method, reranking.strength] for method in methods}
    for name, baseline in progress.watched(fitted.items(), "baselines", "recommender"):
        lists[name] = tasks.rank(baseline, task, max(ks)).items
    parts = slices.standard(task) + slices.of_columns(options.slices, split.users, split.items)
    unable = {name for name, one in fitted.items() if not getattr(one, "ranks_untrained_items", True)}
    if not model.ranks_untrained_items:
        unable |= {name for name in lists if name.partition("_")[0] == "model"}
    measured = report.full(lists, task, parts, ks, families, options.headline, unable)
    for name, baseline in fitted.items():
        if isinstance(baseline, TrainedModel):
            measured.summary[name] |= baseline.model.settings
    losses = ablation.of_inputs(model, measured.results["model"], task, options.headline, options.seed)
    swept = {key: items for key, items in reranked.items() if key[1] in options.tradeoff}
    sweep = tradeoff.sweep(lists["model"], swept, task, families, options.headline[0])

    with files.replacing_folder("data/metrics") as folder:
        names = [split.user_ids[user] for user in task.users]
        files.write_table(folder / "per_user.parquet", report.per_user(measured.results, names))
        files.write_table(folder / "slices.parquet", report.per_slice(measured.cut, options.headline, names))
        files.write_json(folder / "intervals.json", measured.intervals)
        files.write_json(folder / "slices.json", measured.slices)
        files.write_json(folder / "ablation.json", losses)
    draw(tables_of(measured, losses, sweep, task, options), options)
    files.write_text("plots/metrics.csv", metrics_table.text(measured.summary))
    files.write_json("metrics/eval.json", key_metrics.of(measured, options.headline, options.baselines.names))
    for name in lists:
        print(f"{name:>18}: " + ", ".join(f"ndcg@{k} {measured.summary[name][f'ndcg@{k}']:.4f}" for k in ks))
    return "data/metrics, metrics and plots"


if __name__ == "__main__":
    runtime.stage(main)
