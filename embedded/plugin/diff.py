"""Comparing objects: which paths differ, and what part of a live object the inputs speak of.

Pure. Paths are tuples of keys and indices; `path_text` writes them as Pulumi's property paths.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from embedded.plugin.values import Unknown, Value

Path = tuple[str | int, ...]
_MISSING = object()
_MERGE_KEYS = ("name", "mountPath", "devicePath", "containerPort", "port", "ip", "topologyKey", "uid", "key", "type")
NOISE: frozenset[Path] = frozenset(
    ("metadata", key)
    for key in ("creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid")
) | {("status",)}


@dataclass(frozen=True, order=True)
class Change:
    """One path that differs."""

    path: Path
    kind: Literal["add", "delete", "update"]


def changes(old: Value, new: Value, path: Path = ()) -> list[Change]:
    """Return the paths at which `new` differs from `old`, without those that only the server writes.

    An unknown differs from everything. Lists of different lengths are compared item by item, then by their tails.
    """
    if path in NOISE:
        return []
    if isinstance(old, dict) and isinstance(new, dict):
        found: list[Change] = []
        for key in [*old, *(key for key in new if key not in old)]:
            found += changes(old.get(key, _MISSING), new.get(key, _MISSING), (*path, key))
        return found
    if isinstance(old, list) and isinstance(new, list):
        found = []
        for index in range(max(len(old), len(new))):
            before = old[index] if index < len(old) else _MISSING
            after = new[index] if index < len(new) else _MISSING
            found += changes(before, after, (*path, index))
        return found
    if old is _MISSING:
        return [] if _empty(new) else [Change(path, "add")]
    if new is _MISSING:
        return [] if _empty(old) else [Change(path, "delete")]
    if isinstance(new, Unknown) or isinstance(old, Unknown) or type(old) is not type(new) or old != new:
        both_numbers = isinstance(old, int | float) and isinstance(new, int | float)
        same_number = both_numbers and old == new and isinstance(old, bool) == isinstance(new, bool)
        return [] if same_number else [Change(path, "update")]
    return []


def _empty(value: Value) -> bool:
    """Say whether a missing value and this one mean the same to Kubernetes."""
    return value is None or value == {} or value == []


def prune(live: Value, inputs: Value) -> Value:
    """Return the part of `live` that `inputs` speaks of.

    Maps are cut to the inputs' keys. Lists of named items are matched by name, in the inputs' order; items that the
    inputs do not have stay at the end, because somebody added them. Other lists are matched by position.
    """
    if isinstance(live, dict) and isinstance(inputs, dict):
        return {key: prune(live[key], inputs[key]) for key in inputs if key in live}
    if isinstance(live, list) and isinstance(inputs, list):
        key = _merge_key(live, inputs)
        if key is None:
            head = [prune(item, given) for item, given in zip(live, inputs, strict=False)]
            return head + live[len(head) :]
        by_name = {item[key]: item for item in live}
        names = [item[key] for item in inputs]
        matched = [prune(by_name[name], given) for name, given in zip(names, inputs, strict=True) if name in by_name]
        return matched + [item for name, item in by_name.items() if name not in names]
    return live


def _merge_key(*lists: list[Any]) -> str | None:
    for key in _MERGE_KEYS:
        if all(_unique_keys(items, key) for items in lists):
            return key
    return None


def _unique_keys(items: list[Any], key: str) -> bool:
    names = [item.get(key) if isinstance(item, dict) else None for item in items]
    return bool(names) and all(isinstance(name, str | int) for name in names) and len(set(names)) == len(names)


def path_text(path: Path) -> str:
    """Write a path as Pulumi does: `spec.template.spec.containers[0].image`, odd keys as `["a/b"]`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif re.fullmatch(r"[A-Za-z_$][\w$]*", step):
            text += f".{step}" if text else step
        else:
            escaped = step.replace("\\", "\\\\").replace('"', '\\"')
            text += f'["{escaped}"]'
    return text


_STEP = re.compile(
    r"""\.?(?:(?P<key>[^.\[\]"]+)|\[(?P<index>\d+)\]|\["(?P<quoted>(?:[^"\\]|\\.)*)"\]|\[(?P<star>\*)\])"""
)


def parse_path(text: str) -> Path:
    """Read a property path, also with Kubernetes' leading dot. `[*]` gives the key `*`. ValueError for no path."""
    steps: list[str | int] = []
    position = 0
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None:
            raise ValueError(f"not a property path: {text!r}")
        if match["index"] is not None:
            steps.append(int(match["index"]))
        else:
            quoted = match["quoted"]
            steps.append(re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else match["key"] or "*")
        position = match.end()
    return tuple(steps)


def covers(prefix: Path, path: Path) -> bool:
    """Say whether `path` is at or below `prefix`; `*` in the prefix stands for any key or index."""
    return len(prefix) <= len(path) and all(a in ("*", b) for a, b in zip(prefix, path, strict=False))


def value_at(obj: Value, path: Path) -> Value:
    """Return the value at a path, None where there is none."""
    for step in path:
        if isinstance(obj, dict) and isinstance(step, str):
            obj = obj.get(step)
        elif isinstance(obj, list) and isinstance(step, int) and step < len(obj):
            obj = obj[step]
        else:
            return None
    return obj
