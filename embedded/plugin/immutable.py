"""Which changes need a new object: what is known beforehand, and what the server refused.

Pure. The known list serves previews that cannot ask the server (a value is not known yet, the cluster is away).
Where the server can be asked, its answer decides, save for the object's identity.
Source: the validation code of k8s.io/kubernetes 1.36 and its API reference.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from embedded.plugin.diff import Change, Path, covers, parse_path
from embedded.plugin.errors import Cause
from embedded.plugin.objects import Kind

IDENTITY: tuple[Path, ...] = (("kind",), ("metadata", "name"), ("metadata", "namespace"))
_POD_MUTABLE = ("activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds", "schedulingGates")
_STATEFUL_SET_MUTABLE = (
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)

_KNOWN: dict[tuple[str, str], tuple[str, ...]] = {
    ("apps", "Deployment"): ("spec.selector",),
    ("apps", "DaemonSet"): ("spec.selector",),
    ("apps", "ReplicaSet"): ("spec.selector",),
    ("batch", "Job"): (
        "spec.selector",
        "spec.template",
        "spec.completionMode",
        "spec.completions",
        "spec.podFailurePolicy",
    ),
    ("", "Service"): ("spec.clusterIP", "spec.clusterIPs"),
    ("", "Secret"): ("type",),
    ("storage.k8s.io", "StorageClass"): ("parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"),
    ("rbac.authorization.k8s.io", "RoleBinding"): ("roleRef",),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): ("roleRef",),
    ("scheduling.k8s.io", "PriorityClass"): ("value", "preemptionPolicy"),
    ("networking.k8s.io", "IngressClass"): ("spec.controller",),
}
_ALL_BUT: dict[tuple[str, str], tuple[str, ...]] = {
    ("apps", "StatefulSet"): _STATEFUL_SET_MUTABLE,
    ("", "PersistentVolumeClaim"): ("resources", "volumeAttributesClassName"),
    ("", "Pod"): _POD_MUTABLE,
}
_REFUSAL = re.compile(
    r"immutable|may not (be )?change|can ?not (be )?change|"
    r"not be updated|updates to .* (are )?forbidden|not allowed to change",
    re.IGNORECASE,
)


def replaces(change: Change, kind: Kind, *, frozen: bool) -> bool:
    """Say, without the server, whether a change needs a new object. `frozen`: the object has `immutable: true`."""
    path = change.path
    if any(covers(prefix, path) for prefix in IDENTITY):
        return True
    key = (kind.group, kind.kind)
    if any(covers(parse_path(text), path) for text in _KNOWN.get(key, ())):
        return True
    if frozen and kind.kind in ("ConfigMap", "Secret") and path[0] in ("data", "binaryData", "stringData", "immutable"):
        return True
    if key == ("", "Pod") and path[0] == "spec" and path[-1] == "image":
        return False
    return key in _ALL_BUT and path[0] == "spec" and not (len(path) > 1 and path[1] in _ALL_BUT[key])


def refused_as_immutable(causes: Sequence[Cause]) -> bool:
    """Say whether the server refused for immutable fields alone: a mistake beside them is the user's to mend."""
    return bool(causes) and all(_REFUSAL.search(cause.message) for cause in causes)


def refused_paths(causes: Iterable[Cause], found: Sequence[Change], kind: Kind, *, frozen: bool) -> set[Path]:
    """Return the changed paths that the server's causes speak of.

    A cause often names a whole part ("spec: Forbidden: updates to statefulset spec …"). Then the known list narrows it;
    where that leaves nothing, everything changed below the part counts.
    """
    prefixes = [_field_path(cause.field) for cause in causes]
    below = [change for change in found if any(covers(prefix, change.path) for prefix in prefixes)] or list(found)
    narrowed = [change for change in below if replaces(change, kind, frozen=frozen)]
    return {change.path for change in narrowed or below}


def _field_path(field: str) -> Path:
    try:
        return tuple(step for step in parse_path(field) if step != "<nil>")
    except ValueError:
        return ()
