"""Does a measured split fit the declared one? The binomial bound.

The bound: of n requests that each reach a version with probability p, the count has the standard deviation
sqrt(n p (1-p)). A fair split leaves 3 of them once in about 370 runs.
"""

import math
from dataclasses import dataclass

SIGMAS = 3.0


@dataclass(frozen=True, kw_only=True)
class Band:
    """One version's declared share beside the observed one; all shares in 0..1."""

    version: str
    declared: float
    observed: float
    requests: int
    low: float
    high: float

    @property
    def inside(self) -> bool:
        """Whether the observed share lies in the band."""
        slack = 1e-9  # of floating point
        return self.low - slack <= self.observed <= self.high + slack


def bands(shares: dict[str, float], counts: dict[str, int]) -> list[Band]:
    """Compare counts by version with the declared shares. A version that is not declared has share 0 and so no band."""
    total = sum(counts.values())
    result: list[Band] = []
    for version in sorted(shares.keys() | counts.keys()):
        share = shares.get(version, 0.0)
        margin = SIGMAS * math.sqrt(share * (1 - share) / total) if total else 0.0
        result.append(
            Band(
                version=version,
                declared=share,
                observed=counts.get(version, 0) / total if total else 0.0,
                requests=counts.get(version, 0),
                low=max(0.0, share - margin),
                high=min(1.0, share + margin),
            )
        )
    return result
