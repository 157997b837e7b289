"""The annotation `pulumi.com/waitFor`: the program says what "ready" means.

Pure. Forms: `condition=Type`, `condition=Type=Status`, `jsonpath={.a.b}`, `jsonpath={.a.b}=value`, or a JSON list of
these, all of which must hold. Only plain paths are read, no filters.
"""

from __future__ import annotations

import json
import re

from embedded.plugin.await_.verdict import Object, Ready, Sight, Verdict, Waiting, condition
from embedded.plugin.diff import Path, parse_path, value_at

ANNOTATION = "pulumi.com/waitFor"
_JSONPATH = re.compile(r"jsonpath=\{?(?P<path>\.[^{}=]+)\}?(=(?P<value>.*))?$")
_CONDITION = re.compile(r"condition=(?P<type>[^=]+)(=(?P<status>.*))?$")


class BadConditionError(ValueError):
    """The annotation's text is none of its forms."""


def parse(text: str) -> list[str]:
    """Return the single conditions. Raises BadConditionError."""
    items = [text]
    if text.lstrip().startswith("["):
        try:
            items = json.loads(text)
        except ValueError:
            raise BadConditionError(f"{ANNOTATION}: not a JSON list: {text}") from None
    for item in items:
        if not isinstance(item, str) or not (_JSONPATH.match(item) or _CONDITION.match(item)):
            raise BadConditionError(
                f"{ANNOTATION}: {item!r} is neither condition=Type[=Status] nor jsonpath={{.path}}[=value]"
            )
    return items


def judge(sight: Sight, conditions: list[str]) -> Verdict:
    """Ready when all conditions hold."""
    open_ones = [item for item in conditions if not _holds(sight.obj, item)]
    return Waiting(f"waiting for {', '.join(open_ones)}") if open_ones else Ready()


def _holds(obj: Object, item: str) -> bool:
    match = _CONDITION.match(item)
    if match:
        return str(condition(obj, match["type"]).get("status", "")).lower() == (match["status"] or "True").lower()
    match = _JSONPATH.match(item)
    path: Path = parse_path(match["path"]) if match else ()
    value = value_at(obj, path)
    if match is None or match["value"] is None:
        return value is not None
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text == match["value"]
