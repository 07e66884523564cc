"""Counts requests, batches and models for Prometheus, over all worker processes.

The workers write to files in the folder that `PROMETHEUS_MULTIPROC_DIR` names; `fusionrec serve` makes it.
"""

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)


class Metrics:
    """The metrics of a worker process. `text` is about all workers."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        self.requests = Counter(
            "fusionrec_requests", "Requests, by route and status", ["route", "status"], registry=registry
        )
        self.seconds = Histogram(
            "fusionrec_request_seconds", "Time to answer", ["route"], buckets=SECONDS, registry=registry
        )
        self.batches = Histogram(
            "fusionrec_batch_lists", "Lists in one matrix product",
            buckets=(1, 2, 4, 8, 16, 32, 64, 128), registry=registry,
        )  # fmt: skip
        self.loads = Counter(
            "fusionrec_model_loads",
            "Models that were loaded, or not, by result",
            ["result"],
            registry=registry,
        )

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        self.requests.labels(route, str(status)).inc()
        self.seconds.labels(route).observe(seconds)

    def text(self) -> bytes:
        """All metrics in the format of Prometheus."""
        registry = CollectorRegistry()
        MultiProcessCollector(registry)
        return generate_latest(registry)
