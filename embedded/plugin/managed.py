"""Moving field ownership to server-side apply.

Pure. A POST leaves its fields owned by an "Update" entry, which a later apply of the same manager does not touch:
a field dropped from the inputs would stay. So the entry is merged into the manager's "Apply" entry, as the
client-go package `csaupgrade` does.
"""

from __future__ import annotations

from typing import Any

Entry = dict[str, Any]


def _ours(entry: Entry, manager: str) -> bool:
    name = entry.get("manager")
    return (
        entry.get("operation") == "Update"
        and not entry.get("subresource")
        and name in (manager, "pulumi-kubernetes", "before-first-apply")
    )


def needs_move(entries: list[Entry], manager: str) -> bool:
    """Say whether fields of ours are still owned by an "Update" entry."""
    return any(_ours(entry, manager) for entry in entries)


def moved(entries: list[Entry], manager: str, api_version: str) -> list[Entry]:
    """Return the entries with ours merged into one "Apply" entry of `manager`."""
    fields: dict[str, Any] = {}
    rest: list[Entry] = []
    time = None
    for entry in entries:
        applied = entry.get("manager") == manager and entry.get("operation") == "Apply" and not entry.get("subresource")
        if applied or _ours(entry, manager):
            fields = _union(fields, entry.get("fieldsV1") or {})
            time = max(time or "", entry.get("time") or "")
        else:
            rest.append(entry)
    mine: Entry = {
        "manager": manager,
        "operation": "Apply",
        "apiVersion": api_version,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }
    if time:
        mine["time"] = time
    return [mine, *rest]


def _union(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    merged = dict(first)
    for key, value in second.items():
        have = merged.get(key)
        merged[key] = _union(have, value) if isinstance(have, dict) and isinstance(value, dict) else value
    return merged
