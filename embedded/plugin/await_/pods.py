"""Why a pod does not run, in the pod's own words.

Pure. A pod is given up early only for what waiting will not mend: a container that failed several times, an image
name that cannot be, a volume or config that the kubelet refuses is only told, for it may still come.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from embedded.plugin.await_.verdict import Object, Sight, condition, spec_of, status_of
from embedded.plugin.values import Value

RESTARTS = 3  # a container that was restarted so often has failed for good
BACKOFF_RESTARTS = 2  # the same, where the kubelet has begun to hold it back
_HOPELESS = frozenset({"InvalidImageName", "ErrImageNeverPull"})
_STARTING = frozenset({"ContainerCreating", "PodInitializing", ""})


@dataclass(frozen=True)
class Trouble:
    """What is wrong with a pod."""

    text: str
    final: bool


def trouble(pod: Object, earlier: Mapping[str, int]) -> Trouble | None:
    """Return what keeps the pod from being ready, None where nothing is known to.

    `earlier` counts the restarts that each container (`<pod uid>/<container>`) had when this wait began: a pod left
    over from a failed update gets one more try before it counts.
    """
    name = pod["metadata"]["name"]
    status = status_of(pod)
    if status.get("phase") == "Failed" and not _containers(pod):
        return Trouble(f"pod {name}: {status.get('reason', 'failed')}: {_line(status.get('message'))}", final=False)
    found = [item for item in (_container(pod, state, earlier) for state in _containers(pod)) if item]
    found.sort(key=lambda item: not item.final)
    if found:
        return Trouble(f"pod {name}: {found[0].text}", found[0].final)
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("status") == "False":
        return Trouble(f"pod {name}: not scheduled: {_line(scheduled.get('message'))}", final=False)
    return None


def restarts(pods: Iterable[Object]) -> dict[str, int]:
    """Return how often each container was restarted, keyed `<pod uid>/<container>`."""
    return {_key(pod, state): state.get("restartCount", 0) for pod in pods for state in _containers(pod)}


def first_trouble(sight: Sight, pods: Iterable[Object]) -> Trouble | None:
    """Return the worst trouble among the pods: a final one first."""
    found = [item for item in (trouble(pod, sight.earlier) for pod in pods if not _leaving(pod)) if item]
    found.sort(key=lambda item: not item.final)
    return found[0] if found else None


def _leaving(pod: Object) -> bool:
    return bool(pod["metadata"].get("deletionTimestamp"))


def _key(pod: Object, state: Mapping[str, Any]) -> str:
    return f"{pod['metadata'].get('uid', '')}/{state.get('name')}"


def _containers(pod: Object) -> list[dict[str, Any]]:
    status = status_of(pod)
    init = [{**state, "init": True} for state in status.get("initContainerStatuses") or []]
    return init + list(status.get("containerStatuses") or [])


def _container(pod: Object, state: dict[str, Any], earlier: Mapping[str, int]) -> Trouble | None:
    now = state.get("state") or {}
    waiting, ended = now.get("waiting") or {}, now.get("terminated") or {}
    last = (state.get("lastState") or {}).get("terminated") or {}
    if state.get("ready") or (ended and ended.get("exitCode") == 0):
        return None
    label = f"{'init container' if state.get('init') else 'container'} {state.get('name')}"
    reason = waiting.get("reason", "")
    if reason in _HOPELESS:
        return Trouble(f"{label}: {reason}: {_line(waiting.get('message'))}", final=True)
    death = ended or last
    if death and death.get("exitCode") != 0:
        count = state.get("restartCount", 0)
        backing_off = reason == "CrashLoopBackOff"
        fresh = count > earlier.get(_key(pod, state), -1)
        enough = count >= (BACKOFF_RESTARTS if backing_off else RESTARTS)
        once = bool(ended) and spec_of(pod).get("restartPolicy") == "Never"
        return Trouble(f"{label}: {_death(death)}{_times(count)}", final=once or (fresh and enough))
    if reason not in _STARTING:
        return Trouble(f"{label}: {reason}: {_line(waiting.get('message'))}", final=False)
    return None


def _death(death: Mapping[str, Any]) -> str:
    reason = death.get("reason")
    code = f"exit {death.get('exitCode')}" + (f" ({reason})" if reason not in (None, "Error", "Completed") else "")
    message = _line(death.get("message"))
    return f"{code}: {message}" if message else code


def _times(count: int) -> str:
    return f" (restarted {count} times)" if count > 1 else ""


def _line(message: Value) -> str:
    """Return the message on one line; of a long log, its end, where the reason stands."""
    lines = [line.strip() for line in str(message or "").splitlines() if line.strip()]
    text = " | ".join(lines[-4:])
    return text if len(text) <= 600 else "…" + text[-600:]
