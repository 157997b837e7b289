"""Pieces that every Kubernetes object of the program shares: labels and the restricted security settings.

Pure: makes dicts in the Kubernetes API's own camelCase, ready to be placed by a component. Holds no Pulumi resource.
"""

from collections.abc import Mapping
from typing import Any, Final, TypeAlias, cast

from stacks.config import Amounts, Resources

Manifest: TypeAlias = dict[str, Any]
"""A Kubernetes object, or a part of one, as the API spells it."""

APP_UID: Final = 1000
"""User and group of every container of the program. Images that set no user would otherwise run as root."""

NAMESPACE_LABEL: Final = "kubernetes.io/metadata.name"
"""Label that Kubernetes puts on every namespace with its own name."""


def labels(*, name: str, component: str, instance: str | None = None, version: str | None = None) -> dict[str, str]:
    """Return the recommended `app.kubernetes.io/*` labels: what runs, as which part, of which instance and version."""
    found = {
        "app.kubernetes.io/name": name,
        "app.kubernetes.io/component": component,
        "app.kubernetes.io/part-of": "crossfade",
        "app.kubernetes.io/managed-by": "pulumi",
    }
    if instance is not None:
        found["app.kubernetes.io/instance"] = instance
    if version is not None:
        found["app.kubernetes.io/version"] = version
    return found


def restricted_pod() -> Manifest:
    """Return the pod-level security context that the pod security standard `restricted` asks for."""
    return {
        "runAsNonRoot": True,
        "runAsUser": APP_UID,
        "runAsGroup": APP_UID,
        "fsGroup": APP_UID,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def restricted_container() -> Manifest:
    """Return the container-level security context of `restricted`, with a read-only root file system on top."""
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "privileged": False,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
    }


def _amounts(amounts: Amounts) -> dict[str, str]:
    return {key: value for key, value in (("cpu", amounts.cpu), ("memory", amounts.memory)) if value is not None}


def container_resources(resources: Resources) -> Manifest:
    """Write a container's resources; what the stack file leaves out stays out."""
    return {
        part: amounts
        for part, amounts in (("requests", _amounts(resources.requests)), ("limits", _amounts(resources.limits)))
        if amounts
    }


def namespace_labels(*, pod_security: str, injection: bool | None = None) -> dict[str, str]:
    """Return a namespace's labels: the pod security standard it enforces, and whether sidecars are injected.

    None leaves the mesh's label away.
    """
    found = {
        "app.kubernetes.io/part-of": "crossfade",
        "app.kubernetes.io/managed-by": "pulumi",
        "pod-security.kubernetes.io/enforce": pod_security,
        "pod-security.kubernetes.io/warn": pod_security,
    }
    if injection is not None:
        found["istio-injection"] = "enabled" if injection else "disabled"
    return found


def secret_env(name: str, secret: str, key: str) -> Manifest:
    """Return an environment variable whose value is one key of a Secret."""
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}


def merge(under: Mapping[str, Any], over: Mapping[str, Any]) -> Manifest:
    """Lay one tree of values over another, as Helm does: mappings merge key by key, all else is replaced."""
    merged: Manifest = dict(under)
    for key, value in over.items():
        below: Any = merged.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            merged[key] = merge(cast("Mapping[str, Any]", below), cast("Mapping[str, Any]", value))
        else:
            merged[key] = value
    return merged
