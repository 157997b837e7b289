"""Rules of ports: of the gateway, and of the model servers."""

from collections.abc import Iterator
from typing import Final

from stacks.config.mesh import GatewayConfig
from stacks.config.problem import Problem
from stacks.config.rules.node import Node
from stacks.config.serving import Serving

_ISTIO_PORTS: Final = range(15000, 15091)
"""Ports the proxy keeps for itself (Istio's "Application requirements" page, "Ports used by Istio")."""


def check_ports(root: Node) -> Iterator[Problem]:
    """Check the gateway's ports, and those of all servers and of each model."""
    gateway, serving = root["mesh"]["gateway"], root["serving"]
    yield from _gateway(gateway)
    yield from _node_ports(gateway)
    yield from _kept(gateway["http"], gateway["grpc"], serving["grpcPort"], serving["httpPort"])
    defaults = Serving()
    grpc, http = serving["grpcPort"].number(defaults.grpc_port), serving["httpPort"].number(defaults.http_port)
    yield from _equal(serving, grpc, http)
    for model in root["models"].values():
        yield from _kept(model["grpcPort"], model["httpPort"])
        if model["grpcPort"].given or model["httpPort"].given:
            yield from _equal(model, model["grpcPort"].number(grpc), model["httpPort"].number(http))


def gateway_port(gateway: Node, key: str) -> int | None:
    """Return the gateway's port `http` or `grpc`; None when it is switched off or cannot be read."""
    default = GatewayConfig.model_fields[key].default
    return None if gateway.nulls(key) else gateway[key].number(default)


def _gateway(gateway: Node) -> Iterator[Problem]:
    http, grpc = gateway_port(gateway, "http"), gateway_port(gateway, "grpc")
    off = [key for key in ("http", "grpc") if gateway.nulls(key)]
    if len(off) == 2:
        yield gateway.problem(
            "`http` and `grpc` are both null.",
            "A gateway without a port carries nothing.",
            "give at least one, for example `http: 80`.",
        )
    if http is not None and http == grpc:
        yield gateway["grpc"].problem(
            f"gRPC and REST both have port {http}.",
            "A port of the gateway carries one protocol.",
            "give each a port of its own, for example `http: 80` and `grpc: 31400`.",
        )


def _node_ports(gateway: Node) -> Iterator[Problem]:
    given = gateway["nodePorts"]
    http, grpc = given["http"].number(), given["grpc"].number()
    if http is not None and http == grpc:
        yield given["grpc"].problem(
            f"gRPC and REST both have node port {http}.",
            "A node port leads to one port of the gateway.",
            "give each a number of its own.",
        )
    for key in ("http", "grpc"):
        if not given[key].given:
            continue
        if gateway["serviceType"].text() == "ClusterIP":
            yield given[key].problem(
                "a node port is given for a Service of type ClusterIP.",
                "Such a Service has no ports on the nodes.",
                "remove it, or set `serviceType` to NodePort or LoadBalancer.",
            )
        if gateway.nulls(key):
            yield given[key].problem(
                f"a node port is given, but `{gateway[key].where}` is null.",
                "There is no port it could lead to.",
                f"remove it, or give `{key}` a port.",
            )


def _kept(*ports: Node) -> Iterator[Problem]:
    for port in ports:
        if port.number() in _ISTIO_PORTS:
            yield port.problem(
                f"port {port.value} is one of the mesh's own.",
                f"Istio's proxy keeps ports {_ISTIO_PORTS.start} to {_ISTIO_PORTS.stop - 1} of every pod for itself.",
                "choose a port outside of them.",
            )


def _equal(owner: Node, grpc: int | None, http: int | None) -> Iterator[Problem]:
    if grpc is not None and grpc == http:
        yield owner.problem(
            f"gRPC and REST both have port {grpc}.",
            "The server opens a port for each.",
            "give `grpcPort` and `httpPort` different numbers.",
        )
