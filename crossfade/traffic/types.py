"""What a load run is given and what it returns: plain data that crosses process boundaries."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np

Protocol = Literal["grpc", "rest"]
Headers = tuple[tuple[str, str], ...]
UNTOLD = "?"
"""The version of answers that do not tell theirs."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A bounded run: `requests` calls in all, never longer than `max_seconds`.

    `payloads` are whole requests, serialised once, and `labels` the right class of each; calls take them in turn, as
    they take `headers` in turn. `concurrency` calls are under way at any time, spread over `processes`.
    """

    server: str
    protocol: Protocol
    model: str
    payloads: tuple[bytes, ...]
    labels: tuple[int, ...]
    requests: int
    concurrency: int = 8
    processes: int = 2
    headers: tuple[Headers, ...] = ((),)
    deadline: float = 10.0
    max_seconds: float = 300.0


@dataclass
class Tally:
    """One worker's counts by version; `latencies` in seconds, of answered calls only."""

    latencies: dict[str, list[float]] = field(default_factory=dict)
    correct: dict[str, int] = field(default_factory=dict)
    servables: dict[str, dict[int, int]] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)

    def answered(self, version: str, servable: int | None, *, correct: bool, seconds: float) -> None:
        """Count one good answer."""
        self.latencies.setdefault(version, []).append(seconds)
        self.correct[version] = self.correct.get(version, 0) + correct
        if servable is not None:
            counts = self.servables.setdefault(version, {})
            counts[servable] = counts.get(servable, 0) + 1

    def failed(self, code: str) -> None:
        """Count one failure."""
        self.failures[code] = self.failures.get(code, 0) + 1

    def add(self, other: "Tally") -> None:
        """Add another worker's counts."""
        for version, latencies in other.latencies.items():
            self.latencies.setdefault(version, []).extend(latencies)
            self.correct[version] = self.correct.get(version, 0) + other.correct[version]
        for version, counts in other.servables.items():
            mine = self.servables.setdefault(version, {})
            for servable, count in counts.items():
                mine[servable] = mine.get(servable, 0) + count
        for code, count in other.failures.items():
            self.failures[code] = self.failures.get(code, 0) + count


@dataclass(frozen=True, kw_only=True)
class VersionResult:
    """One version's share of a run. Latencies in milliseconds, as the caller saw them."""

    requests: int
    correct: int
    accuracy: float
    p50: float
    p90: float
    p99: float
    servables: dict[int, int]
    """Servable version → answers, as the model server tells it; empty over REST, which does not."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """A whole run. `answered` is the sum over versions; `failures` counts by code, nothing was retried."""

    protocol: str
    requests: int
    answered: int
    failures: dict[str, int]
    seconds: float
    rate: float
    complete: bool
    """False when `max_seconds` ended the run before all requests were sent."""
    versions: dict[str, VersionResult]

    @property
    def failed(self) -> int:
        """The number of failures."""
        return sum(self.failures.values())

    def as_json(self) -> dict[str, Any]:
        """Return the result as plain JSON types."""
        return asdict(self)

    @staticmethod
    def of(plan: Plan, tally: Tally, seconds: float) -> "Result":
        """Sum up the counts of a run that took `seconds`."""
        versions = {version: _version(tally, version) for version in sorted(tally.latencies)}
        answered = sum(version.requests for version in versions.values())
        sent = answered + sum(tally.failures.values())
        return Result(
            protocol=plan.protocol,
            requests=sent,
            answered=answered,
            failures=dict(sorted(tally.failures.items())),
            seconds=round(seconds, 3),
            rate=round(sent / seconds, 1) if seconds else 0.0,
            complete=sent == plan.requests,
            versions=versions,
        )


def _version(tally: Tally, version: str) -> VersionResult:
    latencies = np.array(tally.latencies[version]) * 1000
    p50, p90, p99 = (round(float(value), 3) for value in np.percentile(latencies, [50, 90, 99]))
    return VersionResult(
        requests=len(latencies),
        correct=tally.correct[version],
        accuracy=tally.correct[version] / len(latencies),
        p50=p50,
        p90=p90,
        p99=p99,
        servables=tally.servables.get(version, {}),
    )
