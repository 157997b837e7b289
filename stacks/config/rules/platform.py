"""Rules of what lies under the models: volumes, resources, disruption budgets, and pod security against the mesh."""

from collections.abc import Iterator

from stacks.config.problem import Problem
from stacks.config.rules.node import Node
from stacks.types import quantity_value


def check_platform(root: Node) -> Iterator[Problem]:
    """Check storage, resources, disruption budgets and pod security."""
    storage, serving, mesh = root["storage"], root["serving"], root["mesh"]
    if storage["volume"].given and storage["storageClass"].given:
        yield storage["storageClass"].problem(
            "both `storageClass` and `volume` are given.",
            "A volume made from a node's folder has no StorageClass.",
            "keep `volume` where the cluster makes no volumes itself, else `storageClass`.",
        )
    yield from _resources(storage["resources"])
    yield from _resources(serving["resources"])
    for model in root["models"].values():
        if model["pdb"]["minAvailable"].given and model["pdb"]["maxUnavailable"].given:
            yield model["pdb"].problem(
                "both `minAvailable` and `maxUnavailable` are given.",
                "Kubernetes takes one of them.",
                "keep one.",
            )
        for version in model["versions"].values():
            yield from _resources(version["resources"])
    restricted = (serving["podSecurity"].text() or "restricted") != "privileged"
    if restricted and mesh["install"].flag(True) and not mesh["cni"]["enabled"].flag(True):
        yield mesh["cni"]["enabled"].problem(
            "Istio's CNI plugin is off while the model servers' pods are restricted.",
            "Without the plugin each sidecar needs an init container with NET_ADMIN, which that pod security forbids.",
            "set `enabled: true`, or `crossfade:serving.podSecurity` to privileged.",
        )


def _resources(resources: Node) -> Iterator[Problem]:
    for key, request in resources["requests"].items():
        limit = resources["limits"][key]
        asked, most = _amount(request), _amount(limit)
        if asked is not None and most is not None and asked > most:
            yield request.problem(
                f"the request {request.value} is over the limit {limit.value}.",
                "Kubernetes refuses a container that asks for more than it may use.",
                f"lower the request, or raise `{limit.where}`.",
            )


def _amount(node: Node) -> float | None:
    if not isinstance(node.value, str | int | float) or isinstance(node.value, bool):
        return None
    try:
        return quantity_value(str(node.value))
    except ValueError:
        return None
