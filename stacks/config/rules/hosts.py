"""Rules of hosts: every request at the gateway belongs to exactly one model, and every model can be reached."""

from collections.abc import Iterator
from typing import Final

from stacks.config.problem import Problem, show_path
from stacks.config.rules.node import Node
from stacks.config.rules.ports import gateway_port
from stacks.types import show

_GATEWAY_PORT: Final = {"grpc": "grpc", "rest": "http"}


def check_hosts(root: Node) -> Iterator[Problem]:
    """Check the hosts and protocols of every model against the gateway and against each other."""
    gateway = root["mesh"]["gateway"]
    off = {protocol for protocol, key in _GATEWAY_PORT.items() if gateway.nulls(key)}
    grpc: dict[str, Node] = {}
    rest: dict[tuple[str, str], Node] = {}
    for key, model in root["models"].items():
        if not model.is_mapping:
            continue
        hosts = [(node, host) for node in _listed(model["hosts"]) if (host := node.text() or _any(node)) is not None]
        yield from _repeated(hosts)
        yield from _covered(hosts, gateway)
        protocols = _protocols(model)
        if protocols and protocols <= off and len(off) < 2:
            yield model["protocols"].problem(
                f"the gateway has no port for {' or '.join(sorted(protocols))}.",
                "The model could not be reached from outside.",
                f"give `{gateway.where}` the port, or add the other protocol.",
            )
        for node, host in {host: (node, host) for node, host in reversed(hosts)}.values():
            if "grpc" in protocols and gateway_port(gateway, "grpc") is not None:
                yield from _shared_grpc(node, host, grpc)
            if "rest" in protocols and gateway_port(gateway, "http") is not None:
                servable = model["servable"].text() or key
                first = rest.setdefault((host, servable), node)
                if first is not node:
                    yield model["servable"].problem(
                        f"servable {show(servable)} at host {show(host)} is that of `{show_path(first.path[:2])}` too.",
                        "REST tells models apart by host and by the name in `/v1/models/<name>`.",
                        "give the models different hosts or servables.",
                    )


def _listed(hosts: Node) -> list[Node]:
    return hosts.entries() if hosts.given else [hosts]


def _any(node: Node) -> str | None:
    return None if node.given else "*"


def _protocols(model: Node) -> set[str]:
    given = model["protocols"]
    return {text for node in given.entries() if (text := node.text())} if given.given else set(_GATEWAY_PORT)


def _repeated(hosts: list[tuple[Node, str]]) -> Iterator[Problem]:
    names = [host for _, host in hosts]
    for position, (node, host) in enumerate(hosts):
        if host in names[:position]:
            yield node.problem(f"host {show(host)} is given twice.", "Once is enough.", "remove one of them.")


def _covered(hosts: list[tuple[Node, str]], gateway: Node) -> Iterator[Problem]:
    known = [text for node in _listed(gateway["hosts"]) if (text := node.text() or _any(node)) is not None]
    for node, host in hosts:
        if not any(covers(wide, host) for wide in known):
            yield node.problem(
                f"host {show(host)} is none of the gateway's: {', '.join(known)}.",
                "The gateway answers requests for any other host with 404.",
                f"add it to `{gateway['hosts'].where}`, or give a host that is there.",
            )


def covers(wide: str, host: str) -> bool:
    """Tell whether a gateway's host lets a route's host in: equal, `*`, or a wildcard over it."""
    return wide in ("*", host) or (wide.startswith("*.") and host.endswith(wide[1:]))


def _shared_grpc(node: Node, host: str, seen: dict[str, Node]) -> Iterator[Problem]:
    first = seen.setdefault(host, node)
    if first is not node:
        yield node.problem(
            f"host {show(host)} carries the gRPC of `{show_path(first.path[:2])}` already.",
            "A gRPC request's path does not name the model, so at the gateway only the host tells models apart.",
            "give each model its own `hosts`, or leave grpc out of the `protocols` of all but one.",
        )
