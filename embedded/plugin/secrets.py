"""Keeping secret what came in as secret: markers on outputs, and error texts with the values struck out.

Pure. Does not decide what a secret is, beyond a Secret's `data` and `stringData`.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator
from typing import Any

from embedded.plugin.values import Secret, Value, has_secret

STRUCK = "[secret]"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_SHORT = 4  # a shorter value is struck out only where it stands alone, or it would eat the message


def annotate(outputs: dict[str, Any], inputs: dict[str, Any]) -> dict[str, Any]:
    """Return `outputs` with every part marked that `inputs` holds as a secret.

    A list with a secret inside is marked as a whole: its items may be reordered by the server.
    """
    marked = dict(outputs)
    if marked.get("kind") == "Secret":
        for key in ("data", "stringData"):
            if key in marked:
                marked[key] = _secret(marked[key])
        metadata = marked.get("metadata")
        if isinstance(metadata, dict) and LAST_APPLIED in (metadata.get("annotations") or {}):
            annotations = metadata["annotations"]
            marked["metadata"] = {
                **metadata,
                "annotations": {**annotations, LAST_APPLIED: _secret(annotations[LAST_APPLIED])},
            }
        # The rest of a Secret is marked like any other object's.
    for key, given in inputs.items():
        if key not in marked:
            continue
        have = marked[key]
        if isinstance(have, dict) and isinstance(given, dict):
            marked[key] = annotate(have, given)
        elif has_secret(given):
            marked[key] = _secret(have)
    return marked


def _secret(value: Value) -> Secret:
    return value if isinstance(value, Secret) else Secret(value)


def secret_texts(properties: dict[str, Any]) -> set[str]:
    """Return every text that must not be shown: secret strings, and a Secret's data in both encodings."""
    marked = annotate(properties, properties)
    return {text for text in _texts(marked, inside=False) if text}


def _texts(value: Value, *, inside: bool) -> Iterator[str]:
    if isinstance(value, Secret):
        yield from _texts(value.value, inside=True)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item, inside=inside)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, inside=inside)
    elif inside and isinstance(value, str | int | float) and not isinstance(value, bool):
        yield from _forms(str(value))


def _forms(text: str) -> Iterator[str]:
    yield text
    yield json.dumps(text)[1:-1]
    yield base64.b64encode(text.encode()).decode()
    try:
        decoded = base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return
    yield decoded
    yield json.dumps(decoded)[1:-1]


def strike(message: str, texts: set[str]) -> str:
    """Return the message with each text replaced. Longest first, so that no part of one is left over."""
    for text in sorted(texts, key=len, reverse=True):
        if len(text) >= _SHORT:
            message = message.replace(text, STRUCK)
        else:
            message = re.sub(rf"(?<!\w){re.escape(text)}(?!\w)", STRUCK, message)
    return message
