"""Reading objects back: refresh and import.

On refresh the stored inputs stay as they are where applying them again would change nothing: then what the server
defaulted, rounded or another controller added is no drift.
Otherwise they become what the live object has in their place.
"""

from __future__ import annotations

from typing import Any

from embedded.plugin import change
from embedded.plugin.await_.loop import look
from embedded.plugin.await_.rules import rule_for
from embedded.plugin.await_.verdict import Object, Ready
from embedded.plugin.cluster import Cluster, Target
from embedded.plugin.diff import changes, prune
from embedded.plugin.errors import ApiError, PluginError
from embedded.plugin.objects import to_object
from embedded.plugin.secrets import LAST_APPLIED, annotate
from embedded.plugin.values import Secret, Value, has_unknown, plain

_CONTROLLER_NOTES = ("deployment.kubernetes.io/revision", LAST_APPLIED)


def refreshed_inputs(
    cluster: Cluster, target: Target, live: Object, inputs: dict[str, Any], manager: str
) -> dict[str, Any]:
    """Return the inputs after a refresh, with secrets marked."""
    if not has_unknown(inputs) and not _drifted(cluster, target, live, inputs, manager):
        return inputs
    wanted = to_object(inputs, target.served.kind)
    if not target.namespace or "namespace" not in (plain(inputs.get("metadata")) or {}):
        wanted = {**wanted, "metadata": {k: v for k, v in (wanted.get("metadata") or {}).items() if k != "namespace"}}
    found = prune(live, wanted)
    marked = annotate(found, inputs)
    if "stringData" in inputs and "data" in marked and not isinstance(marked["data"], Secret):
        marked["data"] = Secret(marked["data"])
    return marked


def _drifted(cluster: Cluster, target: Target, live: Object, inputs: dict[str, Any], manager: str) -> bool:
    """Say whether applying the inputs again, by force, would change the live object; yes where it cannot be asked."""
    try:
        obj = change.placed(target, inputs)
        result = cluster.api().apply(target.served, target.namespace, obj, manager, force=True, dry=True)
    except (ApiError, PluginError):
        return True
    return bool(changes(live, result))


def imported_inputs(live: Object, kind: Value) -> dict[str, Any]:
    """Return inputs for an object the stack does not know yet: what it has, without what only the server writes."""
    inputs = to_object(live, kind)
    metadata = dict(inputs.get("metadata") or {})
    notes = {
        key: value for key, value in (metadata.pop("annotations", None) or {}).items() if key not in _CONTROLLER_NOTES
    }
    metadata.pop("ownerReferences", None)
    metadata.pop("finalizers", None)
    if notes:
        metadata["annotations"] = notes
    return annotate({**inputs, "metadata": metadata}, {})


def not_ready(cluster: Cluster, target: Target, live: Object, inputs: dict[str, Any]) -> str:
    """Return why the object does not work just now, empty where it does or where nobody can say."""
    rule = rule_for(target.served.kind, inputs)
    if rule is None:
        return ""
    verdict, _ = look(live, rule, cluster.listed)
    return "" if isinstance(verdict, Ready) else f"{target.text}: {verdict.reason}"
