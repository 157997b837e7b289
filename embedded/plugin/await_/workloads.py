"""Verdicts on what runs pods: Deployment, DaemonSet, StatefulSet, Job and a bare Pod.

Pure but for the `look_*` functions, which only list.
"""

from __future__ import annotations

from embedded.plugin.await_.pods import first_trouble, trouble
from embedded.plugin.await_.verdict import (
    Failed,
    Lister,
    Object,
    Ready,
    Sight,
    Verdict,
    Waiting,
    condition,
    observed,
    owned_by,
    selector_text,
    spec_of,
    status_of,
)

_REVISION = "deployment.kubernetes.io/revision"


def look_pods(obj: Object, listed: Lister) -> dict[str, list[Object]]:
    """List the pods that the object selects and controls."""
    namespace = obj["metadata"].get("namespace", "")
    pods = listed("v1", "Pod", namespace, selector_text(spec_of(obj).get("selector")))
    return {"Pod": [pod for pod in pods if owned_by(pod, obj)]}


def look_deployment(obj: Object, listed: Lister) -> dict[str, list[Object]]:
    """List the pods of the Deployment's newest ReplicaSet."""
    namespace, selector = obj["metadata"].get("namespace", ""), selector_text(spec_of(obj).get("selector"))
    revision = (obj["metadata"].get("annotations") or {}).get(_REVISION)
    newest = [
        item
        for item in listed("apps/v1", "ReplicaSet", namespace, selector)
        if owned_by(item, obj) and (item["metadata"].get("annotations") or {}).get(_REVISION) == revision
    ]
    pods = listed("v1", "Pod", namespace, selector) if newest else []
    return {"ReplicaSet": newest, "Pod": [pod for pod in pods if any(owned_by(pod, item) for item in newest)]}


def _pods_say(sight: Sight, otherwise: str) -> Verdict:
    worst = first_trouble(sight, sight.related.get("Pod", []))
    if worst is None:
        return Waiting(otherwise)
    return Failed(worst.text) if worst.final else Waiting(f"{otherwise}; {worst.text}")


def judge_deployment(sight: Sight) -> Verdict:
    """Ready when the newest pods are all available and the old ones gone; failed when pods or the deadline say so."""
    spec, status = spec_of(sight.obj), status_of(sight.obj)
    wanted = spec.get("replicas", 1)
    if not observed(sight.obj):
        return Waiting("the controller has not seen it yet")
    if spec.get("paused"):
        return Ready()
    updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    total = status.get("replicas", 0)
    if updated >= wanted and available >= updated and total <= updated:
        return Ready()
    progress = f"{updated}/{wanted} pods updated, {min(available, wanted)}/{wanted} available"
    if total > updated:
        progress += f", {total - updated} old to go"
    failed = condition(sight.obj, "ReplicaFailure")
    if failed.get("status") == "True":
        progress += f"; {failed.get('message')}"
    said = _pods_say(sight, progress)
    progressing = condition(sight.obj, "Progressing")
    if progressing.get("reason") == "ProgressDeadlineExceeded" and isinstance(said, Waiting):
        return Failed(f"no progress within its deadline: {said.reason}")
    return said


def judge_daemon_set(sight: Sight) -> Verdict:
    """Ready when every node that should run it has an updated, available pod."""
    status = status_of(sight.obj)
    if not observed(sight.obj):
        return Waiting("the controller has not seen it yet")
    wanted = status.get("desiredNumberScheduled", 0)
    on_delete = (spec_of(sight.obj).get("updateStrategy") or {}).get("type") == "OnDelete"
    updated = wanted if on_delete else status.get("updatedNumberScheduled", 0)
    available = status.get("numberAvailable", 0)
    if updated >= wanted and available >= wanted:
        return Ready()
    return _pods_say(sight, f"{updated}/{wanted} pods updated, {available}/{wanted} available")


def judge_stateful_set(sight: Sight) -> Verdict:
    """Ready when all pods are ready and, for rolling updates, of the newest revision."""
    spec, status = spec_of(sight.obj), status_of(sight.obj)
    wanted = spec.get("replicas", 1)
    if not observed(sight.obj):
        return Waiting("the controller has not seen it yet")
    strategy = spec.get("updateStrategy") or {}
    partition = (strategy.get("rollingUpdate") or {}).get("partition") or 0
    ready = status.get("readyReplicas", 0)
    updated = status.get("updatedReplicas", 0)
    due = max(wanted - partition, 0) if strategy.get("type") != "OnDelete" else 0
    same = status.get("currentRevision") == status.get("updateRevision")
    if ready >= wanted and (same or updated >= due):
        return Ready()
    return _pods_say(sight, f"{ready}/{wanted} pods ready, {updated}/{wanted} updated")


def judge_job(sight: Sight) -> Verdict:
    """Ready when complete; failed with the reason of its last pod."""
    spec, status = spec_of(sight.obj), status_of(sight.obj)
    if condition(sight.obj, "Complete").get("status") == "True" or spec.get("suspend"):
        return Ready()
    pods = sorted(sight.related.get("Pod", []), key=lambda pod: pod["metadata"].get("creationTimestamp") or "")
    reasons = [found.text for found in (trouble(pod, {}) for pod in pods) if found]
    failed = condition(sight.obj, "Failed")
    if failed.get("status") == "True":
        return Failed("; ".join([f"{failed.get('reason')}: {failed.get('message')}", *reasons[-1:]]))
    wanted = spec.get("completions") or 1
    progress = f"{status.get('succeeded', 0)}/{wanted} pods done, {status.get('active', 0)} running"
    return Waiting("; ".join([progress, *reasons[-1:]]))


def judge_pod(sight: Sight) -> Verdict:
    """Ready when the pod is ready or has ended well."""
    phase = status_of(sight.obj).get("phase")
    if phase == "Succeeded" or condition(sight.obj, "Ready").get("status") == "True":
        return Ready()
    found = trouble(sight.obj, sight.earlier)
    text = (found.text if found else f"phase {phase or 'Pending'}").removeprefix(
        f"pod {sight.obj['metadata']['name']}: "
    )
    if phase == "Failed" or (found and found.final):
        return Failed(text)
    return Waiting(text)
