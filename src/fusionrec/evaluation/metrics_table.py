"""plots/metrics.csv: all metrics of all recommenders, a row for each. Numbers are written as they are, not rounded."""

import csv
import io
import json
from collections.abc import Mapping
from typing import Any

COLUMNS = ["recommender", "metric", "value"]


def text(summary: Mapping[str, Mapping[str, float | None]]) -> str:
    r"""The table as CSV.

    Args:
        summary: {recommender: {metric: value}}, see `report.Report`; null where a recommender cannot be measured.

    >>> text({"model": {"ndcg@10": 0.1}, "users": {"evaluated": 3}})
    'recommender,metric,value\nmodel,ndcg@10,0.1\nusers,evaluated,3\n'
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for name, metrics in summary.items():
        writer.writerows([name, metric, json.dumps(value)] for metric, value in metrics.items())
    return buffer.getvalue()


def parse(text: str) -> dict[str, dict[str, Any]]:
    r"""The summary that `text` wrote.

    Raises:
        ValueError: if it is not such a table, for example with marks of a merge conflict.

    >>> parse("recommender,metric,value\nmodel,ndcg@10,0.1\nusers,evaluated,3\n")
    {'model': {'ndcg@10': 0.1}, 'users': {'evaluated': 3}}
    """
    summary: dict[str, dict[str, Any]] = {}
    _, *rows = csv.reader(io.StringIO(text))
    for recommender, metric, value in rows:
        summary.setdefault(recommender, {})[metric] = json.loads(value)
    return summary
