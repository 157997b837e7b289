"""Previews of one object: what the server says it would make, without making it.

Where the server cannot be asked (a value, kind, namespace or cluster is not there yet) the inputs stand for the object.
"""

from __future__ import annotations

from typing import Any

from embedded.plugin import change, names
from embedded.plugin.cluster import Cluster
from embedded.plugin.errors import ApiError, KindMissingError, UnreachableError
from embedded.plugin.objects import checkpoint, kind_of
from embedded.plugin.values import UNKNOWN, has_unknown

Properties = dict[str, Any]
_DECIDED_LATER = (
    ("metadata", "uid"),
    ("metadata", "creationTimestamp"),
    ("metadata", "resourceVersion"),
    ("spec", "clusterIP"),
    ("spec", "clusterIPs"),
    ("spec", "healthCheckNodePort"),
)


def preview_create(cluster: Cluster, urn: str, news: Properties) -> Properties:
    """Return the object as the server would make it; the inputs where it cannot be asked.

    Raises ApiError for what the server refuses.
    """
    kind = kind_of(urn, news)
    manager = names.field_manager({}, news, urn)
    if has_unknown(news):
        return news
    try:
        target = cluster.target(kind, news)
        obj = change.placed(target, news)
        live = cluster.api().create(target.served, target.namespace, obj, manager, dry=True)
    except KindMissingError:
        return news
    except UnreachableError as error:
        cluster.engine.warn(urn, str(error))
        return news
    except ApiError as error:
        if error.status in (403, 404, 409) or error.status >= 500:
            return news
        raise
    return _preview_state(news, live, obj, manager, kind.api_version)


def _preview_state(news: Properties, live: Properties, obj: Properties, manager: str, api_version: str) -> Properties:
    """Return the dry run's state; what the server decides only on the real call is unknown, the status is left out."""
    state = checkpoint(news, {key: value for key, value in live.items() if key != "status"}, manager, api_version)
    for part, key in _DECIDED_LATER:
        section = state.get(part)
        if isinstance(section, dict) and key in section and key not in (obj.get(part) or {}):
            state[part] = section = {**section, key: UNKNOWN}
    metadata = state.get("metadata")
    if isinstance(metadata, dict):
        metadata.pop("managedFields", None)
    return state


def preview_update(cluster: Cluster, urn: str, state: Properties, news: Properties) -> Properties:
    """Return the object as the update would leave it; the inputs where the server cannot be asked."""
    kind = kind_of(urn, news)
    manager = names.field_manager(state, news, urn)
    if has_unknown(news):
        return news
    try:
        live = change.apply(cluster, cluster.target(kind, news), news, manager, dry=True)
    except (KindMissingError, UnreachableError):
        return news
    except ApiError as error:
        if error.status in (403, 404) or error.status >= 500:
            return news
        raise
    return checkpoint(news, live, manager, kind.api_version)
