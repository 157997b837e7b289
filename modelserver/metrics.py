"""Counters and histograms in TensorFlow Serving's names, and Prometheus's text form of them.

Names, labels and buckets are TensorFlow's (`/tensorflow/serving/request_count` becomes
`:tensorflow:serving:request_count`). As there, no series has a version label: scrape with the pod's. Updates are
plain dictionary and list operations, atomic enough under the interpreter lock for the event loop and the few load
threads that make them.
"""

import bisect
from typing import Generic, TypeVar

T = TypeVar("T")
_MAX_SERIES = 1000  # request labels carry names that clients choose: without a bound they could fill the memory
_BOUNDS = [10 * 1.8**i for i in range(33)]  # microseconds, 10 us to about 20 minutes
_LE = [f"{bound:.6g}" for bound in _BOUNDS] + ["+Inf"]


def _escape(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


class _Metric(Generic[T]):
    """Cells by label values. Past 1,000 series, unseen label values are counted as `other`."""

    kind = ""

    def __init__(self, name: str, labels: tuple[str, ...]) -> None:
        self.name = ":" + name.replace("/", ":")
        self.labels = labels
        self.cells: dict[tuple[str, ...], T] = {}

    def _key(self, values: tuple[str, ...]) -> tuple[str, ...]:
        if values in self.cells or len(self.cells) < _MAX_SERIES:
            return values
        return ("other",) * len(self.labels)

    def _pairs(self, values: tuple[str, ...]) -> str:
        return ",".join(f'{label}="{_escape(value)}"' for label, value in zip(self.labels, values, strict=True))


class Counter(_Metric[int]):
    """A count that only grows."""

    def add(self, *values: str, by: int = 1) -> None:
        """Add `by` to the series with these label values."""
        key = self._key(values)
        self.cells[key] = self.cells.get(key, 0) + by

    def lines(self) -> list[str]:
        """Return the series in Prometheus's text form."""
        rows = [f"{self.name}{{{self._pairs(key)}}} {count}" for key, count in list(self.cells.items())]
        return [f"# TYPE {self.name} counter", *rows] if rows else []


class _Cell:
    def __init__(self) -> None:
        self.counts = [0] * len(_LE)
        self.sum = 0.0


class Histogram(_Metric[_Cell]):
    """A distribution of microseconds over TensorFlow Serving's 33 exponential buckets."""

    def add(self, *values: str, micros: float) -> None:
        """Record one duration, in microseconds."""
        key = self._key(values)
        cell = self.cells.get(key)
        if cell is None:
            cell = self.cells.setdefault(key, _Cell())
        # TensorFlow's buckets exclude their upper bound; Prometheus's `le` includes it. At microsecond grain nobody
        # can tell.
        cell.counts[bisect.bisect_left(_BOUNDS, micros)] += 1
        cell.sum += micros

    def lines(self) -> list[str]:
        """Return the series in Prometheus's text form, with cumulative buckets."""
        rows: list[str] = []
        for key, cell in list(self.cells.items()):
            pairs, total = self._pairs(key), 0
            for bound, count in zip(_LE, cell.counts, strict=True):
                total += count
                rows.append(f'{self.name}_bucket{{{pairs},le="{bound}"}} {total}')
            rows.append(f"{self.name}_sum{{{pairs}}} {cell.sum:.6g}")
            rows.append(f"{self.name}_count{{{pairs}}} {total}")
        return [f"# TYPE {self.name} histogram", *rows] if rows else []


class Metrics:
    """Everything one server measures. One instance a server, so that tests do not share counts."""

    def __init__(self) -> None:
        self.load_attempts = Counter("tensorflow/cc/saved_model/load_attempt_count", ("model_path", "status"))
        self.load_latency = Counter("tensorflow/cc/saved_model/load_latency", ("model_path",))
        self.warmup_latency = Histogram("tensorflow/serving/model_warmup_latency", ("model_path", "status"))
        self.warmup_records = Counter("tensorflow/serving/model_warmup_records_read", ("model_path", "status"))
        self.requests = Counter("tensorflow/serving/request_count", ("model_name", "status"))
        self.examples = Counter("tensorflow/serving/request_example_count_total", ("model",))
        self.request_latency = Histogram("tensorflow/serving/request_latency", ("model_name", "API", "entrypoint"))
        self.runtime_latency = Histogram("tensorflow/serving/runtime_latency", ("model_name", "API", "runtime"))

    def page(self) -> str:
        """Return the Prometheus page."""
        parts: list[Counter | Histogram] = [
            self.load_attempts, self.load_latency, self.warmup_latency, self.warmup_records,
            self.requests, self.examples, self.request_latency, self.runtime_latency,
        ]  # fmt: skip
        return "\n".join(line for part in parts for line in part.lines()) + "\n"
