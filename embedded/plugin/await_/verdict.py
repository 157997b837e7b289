"""What a look at an object can find, and how the kinds' rules are shaped.

Pure. `Related` holds what else was read for the verdict (pods, replica sets, …), by kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Object = dict[str, Any]
Lister = Callable[[str, str, str, str], list[Object]]
"""(api version, kind, namespace, label selector) → objects; an empty list where the plugin may not look."""


@dataclass(frozen=True)
class Ready:
    """The object works."""


@dataclass(frozen=True)
class Waiting:
    """Not yet; `reason` is shown as progress, and is the error's text when time runs out."""

    reason: str


@dataclass(frozen=True)
class Failed:
    """It will not work without a change; `reason` is the error's text."""

    reason: str


Verdict = Ready | Waiting | Failed


@dataclass(frozen=True)
class Sight:
    """One look: the object, what was read beside it, and the failures that were there before this wait began."""

    obj: Object
    related: Mapping[str, list[Object]] = field(default_factory=dict)
    earlier: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Rule:
    """How to judge one kind. `look` reads what the verdict needs beside the object itself."""

    judge: Callable[[Sight], Verdict]
    look: Callable[[Object, Lister], dict[str, list[Object]]] = lambda _obj, _list: {}
    seconds: float = 600


def status_of(obj: Object) -> dict[str, Any]:
    """Return the status, empty where there is none."""
    return obj.get("status") or {}


def spec_of(obj: Object) -> dict[str, Any]:
    """Return the spec, empty where there is none."""
    return obj.get("spec") or {}


def condition(obj: Object, kind: str) -> dict[str, Any]:
    """Return the condition of that type, empty where there is none."""
    return next((item for item in status_of(obj).get("conditions") or [] if item.get("type") == kind), {})


def observed(obj: Object) -> bool:
    """Say whether the controller has seen the newest spec."""
    generation = (obj.get("metadata") or {}).get("generation", 0)
    return status_of(obj).get("observedGeneration", 0) >= generation


def selector_text(selector: Mapping[str, Any] | None) -> str:
    """Write a label selector as the API takes it."""
    selector = selector or {}
    parts = [f"{key}={value}" for key, value in (selector.get("matchLabels") or {}).items()]
    for item in selector.get("matchExpressions") or []:
        key, operator, values = item["key"], item["operator"], ",".join(item.get("values") or [])
        forms = {"In": f"{key} in ({values})", "NotIn": f"{key} notin ({values})", "Exists": key}
        parts.append(forms.get(operator, f"!{key}"))
    return ",".join(parts)


def owned_by(obj: Object, owner: Object) -> bool:
    """Say whether `owner` is the controller of `obj`."""
    uid = (owner.get("metadata") or {}).get("uid")
    return any(ref.get("uid") == uid for ref in (obj.get("metadata") or {}).get("ownerReferences") or [])
