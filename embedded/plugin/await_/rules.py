"""Which rule judges which kind, and what the annotations change about it.

Pure. A kind without a rule is ready as soon as the API server has it.
"""

from __future__ import annotations

from typing import Any

from embedded.plugin.await_ import simple, waitfor, workloads
from embedded.plugin.await_.verdict import Rule
from embedded.plugin.objects import Kind, annotations_of

SKIP = "pulumi.com/skipAwait"
TIMEOUT = "pulumi.com/timeoutSeconds"

_RULES: dict[Kind, Rule] = {
    Kind("apps/v1", "Deployment"): Rule(workloads.judge_deployment, workloads.look_deployment),
    Kind("apps/v1", "DaemonSet"): Rule(workloads.judge_daemon_set, workloads.look_pods),
    Kind("apps/v1", "StatefulSet"): Rule(workloads.judge_stateful_set, workloads.look_pods),
    Kind("batch/v1", "Job"): Rule(workloads.judge_job, workloads.look_pods),
    Kind("v1", "Pod"): Rule(workloads.judge_pod),
    Kind("v1", "Service"): Rule(simple.judge_service, simple.look_service),
    Kind("v1", "PersistentVolumeClaim"): Rule(simple.judge_claim, simple.look_claim),
    Kind("v1", "PersistentVolume"): Rule(simple.judge_volume),
    Kind("v1", "Namespace"): Rule(simple.judge_namespace),
    Kind("v1", "Secret"): Rule(simple.judge_secret),
    Kind("networking.k8s.io/v1", "Ingress"): Rule(simple.judge_ingress),
    Kind("apiextensions.k8s.io/v1", "CustomResourceDefinition"): Rule(simple.judge_crd),
}


def rule_for(kind: Kind, inputs: dict[str, Any]) -> Rule | None:
    """Return an object's rule, None where there is nothing to wait for. Raises BadConditionError for a bad waitFor."""
    notes = annotations_of(inputs)
    if str(notes.get(SKIP, "")).lower() == "true":
        return None
    custom = notes.get(waitfor.ANNOTATION)
    if custom:
        conditions = waitfor.parse(str(custom))
        return Rule(lambda sight: waitfor.judge(sight, conditions))
    return _RULES.get(kind)


def seconds_for(requested: float, inputs: dict[str, Any], default: float) -> float:
    """Return how long to wait: `custom_timeouts`, else the annotation, else the default. In seconds.

    Raises ValueError where the annotation is no positive number.
    """
    if requested > 0:
        return requested
    text = annotations_of(inputs).get(TIMEOUT)
    if text in (None, ""):
        return default
    try:
        seconds = float(str(text))
    except ValueError:
        seconds = 0
    if seconds <= 0:
        raise ValueError(f"{TIMEOUT}: {text!r} is not a positive number of seconds")
    return seconds
