"""The split of a model's traffic, as a plan: header rules in the order written, then shares by weight.

Pure: no Pulumi, no Istio. `components.routing.specs` writes a plan down for Istio; `explain` answers questions about
it without a cluster.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, TypeAlias

from stacks.config import HeaderMatch, Traffic

Way: TypeAlias = Literal["exact", "prefix", "regex"]


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One header and how its value is compared. `header` is in lower case."""

    header: str
    way: Way
    value: str

    def holds(self, headers: Mapping[str, str]) -> bool:
        """Tell whether a request meets the condition; header names are in lower case, a missing one does not."""
        given = headers.get(self.header)
        if given is None:
            return False
        if self.way == "exact":
            return given == self.value
        if self.way == "prefix":
            return given.startswith(self.value)
        # Envoy wants the whole value to match, and RE2's classes are ASCII.
        return re.fullmatch(self.value, given, re.ASCII) is not None


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Requests that meet all conditions reach one version."""

    conditions: tuple[Condition, ...]
    version: str


@dataclass(frozen=True, kw_only=True)
class Share:
    """A version's weight in whole per cents; 0 for a version that only rules or a mirror reach."""

    version: str
    weight: int


@dataclass(frozen=True, kw_only=True)
class Shadow:
    """A version that gets copies of `percent` per cent of the requests it does not answer alone."""

    version: str
    percent: int


@dataclass(frozen=True, kw_only=True)
class Split:
    """How a model's requests are split. `shares` holds every declared version once; the weights sum to 100.

    A version with weight 0 keeps its servers and its place here, so moving a weight changes numbers and nothing else.
    """

    rules: tuple[Rule, ...]
    shares: tuple[Share, ...]
    shadow: Shadow | None

    @property
    def weights(self) -> dict[str, int]:
        """Weight of each declared version, in whole per cents."""
        return {share.version: share.weight for share in self.shares}

    def shadow_of(self, version: str | None) -> Shadow | None:
        """Return the mirror of a rule to `version`, or of the shares when None; a version never mirrors itself."""
        if self.shadow is None or self.shadow.percent == 0 or self.shadow.version == version:
            return None
        return self.shadow


def plan_split(traffic: Traffic, versions: Iterable[str]) -> Split:
    """Plan the split of a model's traffic over its declared versions, in their order.

    The traffic has passed the stack file's rules: versions exist and weights sum to 100.
    """
    if traffic.weights is not None:
        given: Mapping[str, int] = traffic.weights
    else:
        canary = {traffic.canary.version: traffic.canary.weight} if traffic.canary else {}
        given = {str(traffic.stable): 100 - sum(canary.values()), **canary}
    return Split(
        rules=tuple(
            Rule(
                conditions=tuple(_condition(name, match) for name, match in rule.headers.items()), version=rule.version
            )
            for rule in traffic.match
        ),
        shares=tuple(Share(version=version, weight=given.get(version, 0)) for version in versions),
        shadow=Shadow(version=traffic.mirror.version, percent=traffic.mirror.percent) if traffic.mirror else None,
    )


def _condition(header: str, match: HeaderMatch) -> Condition:
    if match.exact is not None:
        return Condition(header=header, way="exact", value=match.exact)
    if match.prefix is not None:
        return Condition(header=header, way="prefix", value=match.prefix)
    return Condition(header=header, way="regex", value=match.regex or "")


def explain(split: Split, headers: Mapping[str, str]) -> dict[str, Fraction]:
    """Return the probability with which a request with these headers reaches each declared version.

    Exact fractions that sum to 1. Header names may be in any case, as HTTP has it.
    """
    lowered = {name.lower(): value for name, value in headers.items()}
    for rule in split.rules:
        if all(condition.holds(lowered) for condition in rule.conditions):
            return {share.version: Fraction(int(share.version == rule.version)) for share in split.shares}
    return {share.version: Fraction(share.weight, 100) for share in split.shares}
