"""The few metrics of a run that are compared first: those of metrics/eval.json, which `dvc metrics diff` shows."""

from collections.abc import Iterable
from typing import Any

from fusionrec.evaluation.report import Numbers, Report

RANDOM = "random"  # what is better than chance is no rival yet


def of(report: Report, headline: list[str], baselines: Iterable[str]) -> dict[str, Any]:
    """The model's key metrics and those of its best rival.

    Args:
        report: of the model, which comes first, and of others.
        headline: accuracy metrics such as ndcg@10; the first one decides which rival is best.
        baselines: the names of those that were fitted on train.

    Returns:
        Each headline metric; the main figure of each other family at the cut-off of the first headline metric;
        `best_rival`: its name and headline metrics, if there is any; `users`: how many were evaluated. A metric that
        is undefined for all users is left out.
    """
    model, *_ = report.results
    families = report.results[model].families[1:]  # the first one, accuracy, has the headline metrics
    cut_off = headline[0].partition("@")[2]
    mains = [main for names in families if (main := main_figure(names, cut_off))]
    key = _picked(report.summary[model], [*headline, *mains])
    candidates = [name for name in rivals(baselines) if name in report.summary]  # some may have been left out
    if candidates:
        best = max(candidates, key=lambda name: report.summary[name].get(headline[0]) or 0)
        key["best_rival"] = {"name": best} | _picked(report.summary[best], headline)
    return key | {"users": {"evaluated": report.summary["users"]["evaluated"]}}


def rivals(baselines: Iterable[str]) -> list[str]:
    """The baselines that the model has to beat: all but random scores.

    >>> rivals(["random", "popularity", "ease"])
    ['popularity', 'ease']
    """
    return [name for name in baselines if name != RANDOM]


def main_figure(names: list[str], cut_off: str) -> str | None:
    """The first figure of a family at a cut-off, or without one; None if there is none.

    >>> main_figure(["novelty@5", "tail_share@5", "novelty@10", "tail_share@10"], "10")
    'novelty@10'
    """
    return next((name for name in names if name.partition("@")[2] in ("", cut_off)), None)


def _picked(metrics: Numbers, names: list[str]) -> dict[str, Any]:
    return {name: metrics[name] for name in names if name in metrics}
