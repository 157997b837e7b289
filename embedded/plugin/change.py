"""Create, update and delete of one object.

Creates by POST, so that an object that exists is never taken over by accident, then moves the fields' ownership to
server-side apply, by which every update goes.
"""

from __future__ import annotations

from typing import Any

from embedded.plugin.await_.loop import wait_gone, wait_ready
from embedded.plugin.await_.rules import rule_for, seconds_for
from embedded.plugin.await_.verdict import Object
from embedded.plugin.cluster import Cluster, Target
from embedded.plugin.errors import (
    ApiError,
    CancelledError,
    KindMissingError,
    PluginError,
    UnreachableError,
    adoptable,
    conflict_text,
)
from embedded.plugin.managed import moved, needs_move
from embedded.plugin.objects import Kind, annotations_of, to_object

FORCE = "pulumi.com/patchForce"
PROPAGATION = "pulumi.com/deletionPropagationPolicy"
_DEFAULT_SECONDS = 600.0
_CREATE_TRIES, _MOVE_TRIES = 5, 3
_TRANSIENT = (429, 500, 502, 503, 504)


class ExistsError(PluginError):
    """The object to create is there already."""


def placed(target: Target, inputs: dict[str, Any]) -> Object:
    """Return the object to send for the target: inputs in normal form, with its namespace or without any."""
    obj = to_object(inputs, target.served.kind)
    metadata = dict(obj.get("metadata") or {})
    metadata.pop("namespace", None)
    if target.namespace:
        metadata["namespace"] = target.namespace
    metadata["name"] = target.name
    return {**obj, "metadata": metadata}


def create(cluster: Cluster, urn: str, kind: Kind, inputs: dict[str, Any], manager: str) -> tuple[Target, Object]:
    """Create the object and return it, not yet awaited. Raises ExistsError or another PluginError.

    A kind or namespace that is missing may be coming by another resource of the same update: it is tried 5 times.
    """
    for attempt in range(_CREATE_TRIES):
        try:
            target = cluster.target(kind, inputs)
            cluster.api().take_warnings()
            live = cluster.api().create(target.served, target.namespace, placed(target, inputs), manager, dry=False)
        except (KindMissingError, ApiError) as error:
            if isinstance(error, ApiError) and error.status == 409 and error.reason == "AlreadyExists":
                raise ExistsError(str(error)) from None
            again = isinstance(error, KindMissingError) or error.namespace_missing or error.status in _TRANSIENT
            if not again or attempt == _CREATE_TRIES - 1:
                raise
            missing = (
                "its kind"
                if isinstance(error, KindMissingError)
                else "its namespace"
                if error.not_found
                else "the API server"
            )
            cluster.engine.progress(urn, f"waiting for {missing}, try {attempt + 2} of {_CREATE_TRIES}")
            if cluster.clock.pause(2.0**attempt):
                raise CancelledError(f"{kind.kind}: cancelled before it was created") from None
        else:
            cluster.tell_warnings(urn, inputs)
            return target, move_ownership(cluster, target, live, manager)
    raise AssertionError("unreachable: the last try returns or raises")


def move_ownership(cluster: Cluster, target: Target, live: Object, manager: str) -> Object:
    """Return the object with our fields owned by server-side apply.

    A failure is left for the next update: the object itself is as it should be.
    """
    for _ in range(_MOVE_TRIES):
        metadata = live["metadata"]
        entries = metadata.get("managedFields") or []
        if not needs_move(entries, manager):
            return live
        patch = [
            {"op": "replace", "path": "/metadata/managedFields", "value": moved(entries, manager, live["apiVersion"])},
            {"op": "replace", "path": "/metadata/resourceVersion", "value": metadata["resourceVersion"]},
        ]
        try:
            return cluster.api().json_patch(target.served, target.namespace, target.name, patch)
        except (ApiError, UnreachableError) as error:
            if not isinstance(error, ApiError) or error.status != 409:
                return live
            live = cluster.read(target) or live
    return live


def apply(cluster: Cluster, target: Target, inputs: dict[str, Any], manager: str, *, dry: bool) -> Object:
    """Server-side apply the inputs and return the object. Raises ApiError, or PluginError for a field conflict.

    A field that a person's kubectl took is taken back: the program is the truth. Any other owner is respected.
    """
    obj = placed(target, inputs)
    force = str(annotations_of(inputs).get(FORCE, "")).lower() == "true" or cluster.settings.patch_force
    try:
        return cluster.api().apply(target.served, target.namespace, obj, manager, force=force, dry=dry)
    except ApiError as error:
        if not error.conflicts:
            raise
        if adoptable(error.conflicts):
            return cluster.api().apply(target.served, target.namespace, obj, manager, force=True, dry=dry)
        raise PluginError(conflict_text(target.text, error.conflicts)) from None


def settle(
    cluster: Cluster, urn: str, target: Target, live: Object, inputs: dict[str, Any], requested: float
) -> Object:
    """Wait until the object works and return it. Raises InitFailedError."""
    rule = rule_for(target.served.kind, inputs)
    if rule is not None:
        live = wait_ready(
            target.text,
            live,
            rule,
            lambda: cluster.read_patiently(target, live),
            cluster.listed,
            lambda text: cluster.engine.progress(urn, text),
            cluster.clock,
            seconds_for(requested, inputs, rule.seconds),
        )
    if target.served.kind.kind == "CustomResourceDefinition":
        cluster.api().discovery.forget(str((live.get("spec") or {}).get("group", "")))
    return live


def delete(cluster: Cluster, urn: str, target: Target, inputs: dict[str, Any], requested: float) -> None:
    """Delete the object and wait until it is gone. One that is not there is fine. Raises PluginError."""
    live = cluster.read(target)
    if live is None:
        return
    uid = live["metadata"].get("uid", "")
    policy = str(annotations_of(inputs).get(PROPAGATION) or "Foreground").capitalize()
    cluster.api().delete(target.served, target.namespace, target.name, uid, policy)
    wait_gone(
        target.text,
        uid,
        lambda: cluster.read_patiently(target, live),
        lambda text: cluster.engine.progress(urn, text),
        cluster.clock,
        seconds_for(requested, inputs, _DEFAULT_SECONDS),
    )
    if target.served.kind.kind == "CustomResourceDefinition":
        cluster.api().discovery.forget(str((live.get("spec") or {}).get("group", "")))
