"""`traffic` of a model: which version answers which request. The arithmetic is in `components.routing.split`."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from stacks.config.base import Section
from stacks.types import DnsLabel, HeaderName, Percent, Weight, reject

HeaderText = Annotated[str, StringConstraints(min_length=1, max_length=1024)]


def _mode(value: object) -> object:
    if value == "automated":
        raise reject(
            '"automated" is not in this release.',
            "Weights that a controller moves by itself come later; until then no traffic would move.",
            "write `mode: declared` and move the weight with `pulumi config set --path`.",
        )
    return value


class HeaderMatch(Section):
    """How a header's value is compared. Exactly one of the three is given."""

    exact: HeaderText | None = None
    """The value is this text."""
    prefix: HeaderText | None = None
    """The value begins with this text."""
    regex: HeaderText | None = None
    """The whole value matches this expression (RE2)."""


class MatchRule(Section):
    """Requests with these headers reach this version."""

    headers: dict[HeaderName, HeaderMatch] = Field(min_length=1)
    """Headers by name in lower case; all of them must match."""
    version: DnsLabel
    """Key of the version that answers."""


class Canary(Section):
    """The version under trial."""

    version: DnsLabel
    """Key of the version under trial."""
    weight: Weight
    """Its share in whole per cents; `stable` answers the rest. 0 is a dark launch."""


class Mirror(Section):
    """A version that gets copies of requests; callers never see its answers."""

    version: DnsLabel
    """Key of the version that gets the copies."""
    percent: Percent
    """Share of the requests that are copied, in whole per cents. 0 stops the copies."""


class Traffic(Section):
    """Which version answers which request: `match` in the order written, then the weights."""

    mode: Annotated[Literal["declared"], BeforeValidator(_mode)] = "declared"
    """`declared`: the weights are the ones written here."""
    stable: DnsLabel | None = None
    """Key of the version that answers what the canary does not. Not together with `weights`."""
    canary: Canary | None = None
    """The version under trial. Not together with `weights`."""
    weights: dict[DnsLabel, Weight] | None = None
    """Share of each version in whole per cents, for any number of versions. They sum to 100.
    A version left out has 0."""
    match: Annotated[tuple[MatchRule, ...], Field(strict=False)] = ()
    """Requests that reach one version whatever the weights are. The first rule that fits holds."""
    mirror: Mirror | None = None
    """A version that gets copies of requests."""
