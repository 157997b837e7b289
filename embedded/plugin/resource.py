"""The resource operations for plain Kubernetes objects, from property values to property values.

Knows nothing of gRPC; `provider.py` carries the messages. Helm releases are in `helm/`.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

from embedded.plugin import change, names, readback
from embedded.plugin.await_.rules import rule_for, seconds_for
from embedded.plugin.cluster import Cluster, Target
from embedded.plugin.difference import Difference, difference
from embedded.plugin.errors import (
    ApiError,
    InitFailedError,
    KindMissingError,
    PluginError,
    UnreachableError,
    exists_text,
)
from embedded.plugin.objects import (
    RELEASE_TYPE,
    checkpoint,
    id_of,
    kind_of,
    metadata_of,
    name_of,
    parse_checkpoint,
    parse_id,
    type_of,
)
from embedded.plugin.previews import preview_create, preview_update
from embedded.plugin.secrets import annotate
from embedded.plugin.values import Secret, plain

Properties = dict[str, Any]


@dataclass(frozen=True)
class Result:
    """The outcome of an operation; `unready` is why the object does not work, where it exists but does not."""

    id: str
    state: Properties
    inputs: Properties | None = None
    unready: str = ""


def check(
    cluster: Cluster, urn: str, olds: Properties, news: Properties, seed: bytes, autonaming: names.Autonaming
) -> Properties:
    """Return the inputs with name, namespace and kind filled in.

    Raises NotSupportedError, NameRequiredError or ValueError.
    """
    kind = kind_of(urn, news)
    inputs = names.with_name(
        {**news, "apiVersion": kind.api_version, "kind": kind.kind}, olds, name_of(urn), seed, autonaming
    )
    rule_for(kind, inputs)
    seconds_for(0, inputs, 1)
    metadata = inputs.get("metadata")
    metadata = metadata.value if isinstance(metadata, Secret) else metadata
    if isinstance(metadata, dict) and not metadata.get("namespace") and cluster.namespaced(kind):
        inputs = {**inputs, "metadata": {**metadata, "namespace": cluster.settings.namespace}}
    if kind.kind == "CustomResourceDefinition":
        # Without a cluster the preview goes on, and takes every kind to live in a namespace.
        with contextlib.suppress(ApiError, UnreachableError):
            cluster.api().discovery.declare(plain(inputs))
    return annotate(inputs, inputs)


def diff(cluster: Cluster, urn: str, state: Properties, news: Properties, ignored: list[str]) -> Difference:
    """Return what the update would change."""
    return difference(cluster, kind_of(urn, news), state, news, names.field_manager(state, news, urn), ignored)


def create(cluster: Cluster, urn: str, news: Properties, seconds: float) -> Result:
    """Create the object and wait until it works."""
    kind = kind_of(urn, news)
    manager = names.field_manager({}, news, urn)
    try:
        target, live = change.create(cluster, urn, kind, news, manager)
    except change.ExistsError:
        target = cluster.target(kind, news)
        resource_id = f"{target.namespace}/{target.name}" if target.namespace else target.name
        raise PluginError(exists_text(target.text, type_of(urn), name_of(urn), resource_id)) from None
    except ApiError as error:
        raise PluginError(f"{kind.kind} {metadata_of(news).get('name')} was refused: {error}") from None
    return _settled(cluster, urn, target, live, news, manager, seconds)


def update(cluster: Cluster, urn: str, state: Properties, news: Properties, seconds: float) -> Result:
    """Bring the live object to the inputs and wait until it works. One that is gone is made again."""
    kind = kind_of(urn, news)
    manager = names.field_manager(state, news, urn)
    target = cluster.target(kind, news)
    try:
        live = cluster.read(target)
        if live is None:
            cluster.engine.warn(urn, f"{target.text} was deleted outside of Pulumi: it is made again")
        else:
            change.move_ownership(cluster, target, live, manager)
        cluster.api().take_warnings()
        live = change.apply(cluster, target, news, manager, dry=False)
        cluster.tell_warnings(urn, news)
    except ApiError as error:
        raise PluginError(f"{target.text}: the change was refused: {error}") from None
    return _settled(cluster, urn, target, live, news, manager, seconds)


def _settled(
    cluster: Cluster, urn: str, target: Target, live: Properties, news: Properties, manager: str, seconds: float
) -> Result:
    unready = ""
    try:
        live = change.settle(cluster, urn, target, live, news, seconds)
    except InitFailedError as error:
        live, unready = error.live, str(error)
    except PluginError as error:  # the object exists: whatever went wrong while waiting must not lose it
        unready = f"{target.text}: it exists, but waiting for it failed: {error}"
    return Result(id_of(live), checkpoint(news, live, manager, target.served.kind.api_version), unready=unready)


def read(cluster: Cluster, urn: str, resource_id: str, state: Properties, inputs: Properties) -> Result | None:
    """Return the object as it is now, None where it is gone. Without inputs it is an import."""
    namespace, name = parse_id(resource_id)
    _, old_live = parse_checkpoint(state)
    kind = kind_of(urn, inputs or old_live)
    try:
        target = cluster.target(kind, {"metadata": {"name": name, **({"namespace": namespace} if namespace else {})}})
        live = cluster.read(target)
    except KindMissingError:
        return None
    except UnreachableError as error:
        if cluster.settings.delete_unreachable and inputs:
            cluster.engine.warn(urn, f"{error}; deleteUnreachable is set, so the resource is dropped from the state")
            return None
        raise UnreachableError(
            f"{error}. Where the cluster is gone for good, run again with PULUMI_K8S_DELETE_UNREACHABLE=true"
        ) from None
    if live is None:
        return None
    manager = names.field_manager(state, inputs, urn)
    known = inputs or parse_checkpoint(state)[0]
    if known:
        found = readback.refreshed_inputs(cluster, target, live, known, manager)
        unready = readback.not_ready(cluster, target, live, known)
    else:
        found, unready = readback.imported_inputs(live, kind), ""
    return Result(resource_id, checkpoint(found, live, manager, kind.api_version), found, unready)


def delete(cluster: Cluster, urn: str, resource_id: str, state: Properties, seconds: float) -> None:
    """Delete the object and wait until it is gone."""
    namespace, name = parse_id(resource_id)
    inputs, old_live = parse_checkpoint(state)
    kind = kind_of(urn, inputs or old_live)
    try:
        target = cluster.target(kind, {"metadata": {"name": name, **({"namespace": namespace} if namespace else {})}})
    except KindMissingError:
        return  # its CRD is gone, and the object with it
    except UnreachableError as error:
        if cluster.settings.delete_unreachable:
            cluster.engine.warn(urn, f"{error}; deleteUnreachable is set, so the resource is dropped from the state")
            return
        raise UnreachableError(
            f"{error}. Where the cluster is gone for good, run again with PULUMI_K8S_DELETE_UNREACHABLE=true"
        ) from None
    try:
        change.delete(cluster, urn, target, inputs, seconds)
    except ApiError as error:
        raise PluginError(f"{target.text}: the deletion was refused: {error}") from None


__all__ = [
    "RELEASE_TYPE",
    "Result",
    "check",
    "create",
    "delete",
    "diff",
    "preview_create",
    "preview_update",
    "read",
    "update",
]
