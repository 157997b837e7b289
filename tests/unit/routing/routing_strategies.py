"""Traffic as the stack file allows it, and a reader of VirtualServices that knows nothing of `explain`.

Imported by the tests beside it, whose folder pytest puts on the path.
"""

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from components.routing.specs import Routing, plan_routing
from components.routing.split import plan_split
from stacks.config import Canary, GatewayConfig, HeaderMatch, MatchRule, Mirror, Model, Serving, Traffic, Version

HEADERS = ["user-group", "region", "device"]
VALUES = ["canary", "can", "eu-west", "eu", "x"]
MATCHES = [
    *(HeaderMatch(exact=value) for value in VALUES),
    *(HeaderMatch(prefix=value) for value in ("ca", "eu-", "x")),
    *(HeaderMatch(regex=value) for value in ("can", "can.*", "(eu|us)-.*", "[a-z]+")),
]

versions = st.integers(1, 5).map(lambda count: [f"v{number}" for number in range(1, count + 1)])
requests = st.dictionaries(st.sampled_from(HEADERS), st.sampled_from(VALUES), max_size=3)


@st.composite
def traffics(draw: st.DrawFn, declared: list[str]) -> Traffic:
    """Draw a traffic section over these versions that keeps the stack file's rules."""
    name = st.sampled_from(declared)
    rules = st.builds(
        MatchRule,
        headers=st.dictionaries(st.sampled_from(HEADERS), st.sampled_from(MATCHES), min_size=1, max_size=2),
        version=name,
    )
    match = tuple(draw(st.lists(rules, max_size=3)))
    mirror = draw(st.none() | st.builds(Mirror, version=name, percent=st.integers(0, 100)))
    if len(declared) > 1 and draw(st.booleans()):
        stable, canary = draw(st.permutations(declared))[:2]
        weight = draw(st.integers(0, 100))
        return Traffic(stable=stable, canary=Canary(version=canary, weight=weight), match=match, mirror=mirror)
    if draw(st.booleans()):
        return Traffic(stable=draw(name), match=match, mirror=mirror)
    cuts = sorted(draw(st.lists(st.integers(0, 100), min_size=len(declared) - 1, max_size=len(declared) - 1)))
    shares = [high - low for low, high in zip([0, *cuts], [*cuts, 100], strict=True)]
    return Traffic(weights=dict(zip(declared, shares, strict=True)), match=match, mirror=mirror)


@st.composite
def splits(draw: st.DrawFn) -> tuple[list[str], Traffic]:
    """Draw declared versions and their traffic. As in the stack file, the mirror does not answer everything itself."""
    declared = draw(versions)
    traffic = draw(traffics(declared))
    weights = plan_split(traffic, declared).weights
    if traffic.mirror and weights.get(traffic.mirror.version) == 100:
        traffic = traffic.model_copy(update={"mirror": None})
    return declared, traffic


def first_route(spec: Mapping[str, Any], port: int, path: str, headers: Mapping[str, str]) -> dict[str, Any] | None:
    """Return the HTTP route of a VirtualService that a request takes, as Istio documents it; None when none fits."""
    for route in spec["http"]:
        for match in route["match"]:
            uri_fits = path == match["uri"].get("exact") or path.startswith(match["uri"].get("prefix", "\0"))
            if match["port"] == port and uri_fits and headers_fit(match.get("headers", {}), headers):
                return route
    return None


def headers_fit(wanted: Mapping[str, Mapping[str, str]], headers: Mapping[str, str]) -> bool:
    for name, how in wanted.items():
        value = headers.get(name)
        [(way, text)] = how.items()
        fits = value is not None and (
            (way == "exact" and value == text)
            or (way == "prefix" and value.startswith(text))
            or (way == "regex" and re.fullmatch(text, value) is not None)
        )
        if not fits:
            return False
    return True


def distribution(route: Mapping[str, Any]) -> dict[str, Fraction]:
    """Return the probability of each version in a route, by the header its answers carry."""
    chances: dict[str, Fraction] = {}
    for entry in route["route"]:
        version = entry["headers"]["response"]["set"]["x-crossfade-version"]
        chances[version] = chances.get(version, Fraction(0)) + Fraction(entry.get("weight", 100), 100)
    return chances


def routing_for(declared: list[str], traffic: Traffic) -> Routing:
    """Plan the routing of a model `mnist` with these versions."""
    found = {version: Version(uri=f"s3://ml-models/mnist/{number}") for number, version in enumerate(declared, 1)}
    model = Model(versions=found, traffic=traffic)
    return plan_routing("mnist", model, Serving(), GatewayConfig(), "crossfade-gateway")
