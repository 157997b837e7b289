"""A split written down for Istio: the `spec` of a model's VirtualService and of each version's DestinationRule.

Pure: plain values in, plain mappings out; placing them is another's work. Field names and meanings are those of
networking.istio.io/v1.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from components.routing.split import Rule, Shadow, Split
from stacks.config import GatewayConfig, Model, Serving, servable_name, version_names

Spec: TypeAlias = dict[str, object]

VERSION_HEADER: Final = "x-crossfade-version"
"""Response header (gRPC: initial metadata) that names the version which answered."""

GRPC_PATHS: Final[tuple[Spec, ...]] = (
    {"prefix": "/tensorflow.serving.PredictionService/"},
    {"exact": "/tensorflow.serving.ModelService/GetModelStatus"},
)
"""gRPC methods that the gateway carries. ModelService/HandleReloadConfigRequest is left out: it would let any caller
replace the served models."""

RETRY_ON: Final = "connect-failure,refused-stream,reset-before-request"
"""Failures after which the request has not reached a server, so that a retry cannot run it twice."""


@dataclass(frozen=True, kw_only=True)
class Routing:
    """What a model's routes lead through and to.

    `services` maps each declared version to the full host name of its Service. A gateway port that is None
    makes no routes.
    """

    gateway: str
    hosts: tuple[str, ...]
    servable: str
    gateway_grpc: int | None
    gateway_http: int | None
    grpc_port: int
    http_port: int
    services: Mapping[str, str]
    timeout_seconds: int
    retries: int


def plan_routing(name: str, model: Model, serving: Serving, gateway: GatewayConfig, gateway_ref: str) -> Routing:
    """Gather what a model's routes need.

    `gateway_ref` is the Gateway's name; `namespace/name` when it lies in another namespace.
    A protocol that the model does not have gets no gateway port.
    """
    return Routing(
        gateway=gateway_ref,
        hosts=model.hosts,
        servable=servable_name(name, model),
        gateway_grpc=gateway.grpc if "grpc" in model.protocols else None,
        gateway_http=gateway.http if "rest" in model.protocols else None,
        grpc_port=model.grpc_port or serving.grpc_port,
        http_port=model.http_port or serving.http_port,
        services={
            version: service_host(version_names(name, version, model).service, serving.namespace)
            for version in model.versions
        },
        timeout_seconds=model.request_timeout_seconds or serving.request_timeout_seconds,
        retries=serving.retries,
    )


def service_host(service: str, namespace: str) -> str:
    """Return a Service's full host name, which means the same from every namespace."""
    return f"{service}.{namespace}.svc.cluster.local"


def rest_paths(servable: str) -> tuple[Spec, ...]:
    """Return the REST paths of one model: its status, `:predict` and its like, and `/versions`, `/metadata`."""
    path = f"/v1/models/{servable}"
    return ({"exact": path}, {"prefix": f"{path}:"}, {"prefix": f"{path}/"})


def virtual_service_spec(split: Split, routing: Routing) -> Spec:
    """Write a model's split as a VirtualService: for each protocol the rules in their order, then the shares."""
    http: list[Spec] = []
    for protocol, gateway_port, port, paths in (
        ("grpc", routing.gateway_grpc, routing.grpc_port, GRPC_PATHS),
        ("rest", routing.gateway_http, routing.http_port, rest_paths(routing.servable)),
    ):
        if gateway_port is None:
            continue
        for position, rule in enumerate(split.rules):
            route = [_destination(routing, rule.version, port, None)]
            shadow = split.shadow_of(rule.version)
            http.append(_http(f"{protocol}-match-{position}", routing, gateway_port, paths, rule, route, shadow, port))
        several = len(split.shares) > 1
        shares = [_destination(routing, item.version, port, item.weight if several else None) for item in split.shares]
        http.append(_http(f"{protocol}-split", routing, gateway_port, paths, None, shares, split.shadow_of(None), port))
    return {"hosts": list(routing.hosts), "gateways": [routing.gateway], "http": http}


def _http(
    name: str,
    routing: Routing,
    gateway_port: int,
    paths: tuple[Spec, ...],
    rule: Rule | None,
    route: list[Spec],
    shadow: Shadow | None,
    port: int,
) -> Spec:
    # Istio refuses a retry policy beside 0 attempts.
    retries: Spec = {"attempts": routing.retries, **({"retryOn": RETRY_ON} if routing.retries else {})}
    spec: Spec = {
        "name": name,
        "match": [{"port": gateway_port, "uri": dict(path), **_headers(rule)} for path in paths],
        "route": route,
        "timeout": f"{routing.timeout_seconds}s",
        "retries": retries,
    }
    if shadow is not None:
        spec["mirror"] = _place(routing, shadow.version, port)
        spec["mirrorPercentage"] = {"value": shadow.percent}
    return spec


def _headers(rule: Rule | None) -> Spec:
    if rule is None:
        return {}
    return {"headers": {condition.header: {condition.way: condition.value} for condition in rule.conditions}}


def _place(routing: Routing, version: str, port: int) -> Spec:
    return {"host": routing.services[version], "subset": version, "port": {"number": port}}


def _destination(routing: Routing, version: str, port: int, weight: int | None) -> Spec:
    return {
        "destination": _place(routing, version, port),
        "headers": {"response": {"set": {VERSION_HEADER: version}}},
        **({} if weight is None else {"weight": weight}),
    }


def destination_rule_spec(host: str, version: str) -> Spec:
    """Write the DestinationRule of one version's Service: least-loaded balancing, and slow ejection of broken pods.

    Only gateway errors (502 to 504) eject a pod: an inference error tells of the request, not of the pod. At most
    half of the pods go, so that a fault of the model itself never empties a version.
    """
    return {
        "host": host,
        "trafficPolicy": {
            "loadBalancer": {"simple": "LEAST_REQUEST"},
            "connectionPool": {
                "tcp": {"maxConnections": 1024, "connectTimeout": "5s"},
                "http": {"http1MaxPendingRequests": 1024, "http2MaxRequests": 4096, "maxRetries": 64},
            },
            "outlierDetection": {
                "consecutive5xxErrors": 0,
                "consecutiveGatewayErrors": 10,
                "interval": "10s",
                "baseEjectionTime": "30s",
                "maxEjectionPercent": 50,
            },
        },
        "subsets": [{"name": version, "labels": {"version": version}}],
    }
