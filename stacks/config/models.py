"""`crossfade:models`: the models, their versions, and the names of everything made for them."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from stacks.config.base import Resources, Section
from stacks.config.serving import Batching
from stacks.config.traffic import Traffic
from stacks.types import (
    DnsLabel,
    EnvName,
    Host,
    ImageRef,
    LabelKey,
    LabelValue,
    ObjectName,
    PodPort,
    Replicas,
    Seconds,
    ServableName,
    ServableVersion,
    ServiceName,
    reject,
    show,
)


def _pods(value: object) -> object:
    share = isinstance(value, str) and value.endswith("%") and value[:-1].isdecimal() and int(value[:-1]) <= 100
    if share or (isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 1000):
        return value
    raise reject(
        f"{show(value)} is not a number of pods.",
        "A disruption budget counts pods, or a share of them.",
        'write a whole number, or a per cent in quotes such as "50%".',
    )


Pods = Annotated[int | str, BeforeValidator(_pods)]
"""Number of pods, or a share of them such as "50%"."""


class DisruptionBudget(Section):
    """How far voluntary disruptions (a node drain) may go. At most one of the two is given."""

    min_available: Pods | None = None
    """Pods of each version that must stay."""
    max_unavailable: Pods | None = None
    """Pods of each version that may be missing."""


class VersionNames(Section):
    """Names of a version's objects. Left out: `<model>-<version>`."""

    deployment: ObjectName | None = None
    """Deployment. Left out: `<model>-<version>`."""
    config_map: ObjectName | None = None
    """ConfigMap with the server's settings, immutable: a hash of its content follows the name.
    Left out: `<model>-<version>-config`."""
    service: ServiceName | None = None
    """Service over this version alone. Left out: `<model>-<version>`."""
    destination_rule: ObjectName | None = None
    """DestinationRule. Left out: `<model>-<version>`."""
    disruption_budget: ObjectName | None = None
    """PodDisruptionBudget. Left out: `<model>-<version>`."""


class ModelNames(Section):
    """Names of a model's objects."""

    service: ServiceName | None = None
    """Service over all versions. Left out: the model's name."""
    virtual_service: ObjectName | None = None
    """VirtualService. Left out: the model's name."""
    app: LabelValue | None = None
    """Value of the pods' label `app`. Left out: the model's name."""
    container: DnsLabel = "model-server"
    """Container of the model server."""


class Version(Section):
    """One immutable version of a model, with its own servers."""

    uri: Annotated[str, Field(min_length=1)]
    """Where the version's SavedModel lies: `s3://<bucket>/<path>`. No two versions share one."""
    version: ServableVersion | None = None
    """Number under which TensorFlow Serving knows it. Left out: the uri's last part if it is a number, else 1."""
    replicas: Replicas = 1
    """Pods of this version."""
    image: ImageRef | None = None
    """Image of the model server. Left out: `crossfade:serving.image`."""
    resources: Resources | None = None
    """Resources of a server. Left out: `crossfade:serving.resources`."""
    env: dict[EnvName, str] = Field(default_factory=dict[str, str])
    """Environment variables, laid over `crossfade:serving.env`."""
    labels: dict[LabelKey, LabelValue] = Field(default_factory=dict[str, str])
    """Labels for the version's objects, laid over `crossfade:serving.labels`."""
    batching: Batching | None = None
    """Request batching. Left out: none."""
    warmup: bool = True
    """Replay the warm-up requests that the version brings along before it counts as ready."""
    names: VersionNames = VersionNames()
    """Names of the version's objects."""


class Model(Section):
    """A model: its versions and the split between them."""

    versions: dict[DnsLabel, Version] = Field(min_length=1)
    """The versions that run, by key. The key is the label `version` and the subset."""
    traffic: Traffic
    """Which version answers which request."""
    servable: ServableName | None = None
    """Name under which TensorFlow Serving knows the model. Left out: the model's name."""
    hosts: Annotated[tuple[Host, ...], Field(min_length=1, strict=False)] = ("*",)
    """Hosts at the gateway that belong to this model. gRPC tells models apart by host alone."""
    protocols: Annotated[tuple[Literal["grpc", "rest"], ...], Field(min_length=1, strict=False)] = ("grpc", "rest")
    """Protocols the gateway carries to this model."""
    grpc_port: PodPort | None = None
    """gRPC port. Left out: `crossfade:serving.grpcPort`."""
    http_port: PodPort | None = None
    """REST port. Left out: `crossfade:serving.httpPort`."""
    request_timeout_seconds: Seconds | None = None
    """Longest time for one request. Left out: `crossfade:serving.requestTimeoutSeconds`."""
    pdb: DisruptionBudget = DisruptionBudget(max_unavailable=1)
    """How far voluntary disruptions may go, for each version. What is given replaces the default as a whole."""
    names: ModelNames = ModelNames()
    """Names of the model's objects."""
