"""Names of objects whose program gives none, and the name of the field manager.

Pure: the same seed gives the same name, so that preview and update agree.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from embedded.plugin.objects import annotations_of, metadata_of
from embedded.plugin.values import Secret, Unknown, Value

AUTONAMED = "pulumi.com/autonamed"


@dataclass(frozen=True)
class Autonaming:
    """What the engine's autonaming configuration asks: a proposed name, or none at all."""

    proposed: str = ""
    disabled: bool = False


class NameRequiredError(Exception):
    """Autonaming is off and the program gives no name, or it asks for the server's `generateName`."""


def suffix(seed: bytes, salt: str) -> str:
    """Return 8 hex digits that follow from the seed."""
    return hashlib.sha256(seed + salt.encode()).hexdigest()[:8]


def is_named(inputs: dict[str, Any]) -> bool:
    """Say whether the program gives a name; one that is not known yet counts."""
    name = metadata_of(inputs).get("name")
    return isinstance(name, Unknown) or bool(name)


def is_autonamed(obj: dict[str, Any]) -> bool:
    """Say whether the plugin chose this object's name."""
    return str(annotations_of(obj).get(AUTONAMED, "")).lower() == "true"


def with_name(
    news: dict[str, Any], olds: dict[str, Any], logical_name: str, seed: bytes, autonaming: Autonaming
) -> dict[str, Any]:
    """Return the inputs with a name: the program's, else the old automatic one, else `<logical name>-<8 hex>`.

    Raises NameRequiredError where autonaming is disabled or `generateName` is given, which server-side apply refuses.
    """
    if is_named(news) or isinstance(_unwrapped(news.get("metadata")), Unknown):
        return news
    if metadata_of(news).get("generateName"):
        raise NameRequiredError(
            "metadata.generateName does not work with server-side apply: give metadata.name, or leave both out"
        )
    if is_autonamed(olds):
        name = metadata_of(olds)["name"]
    elif autonaming.disabled:
        raise NameRequiredError("autonaming is disabled for this stack, so metadata.name is needed")
    else:
        name = autonaming.proposed or f"{logical_name}-{suffix(seed, logical_name)}"
    metadata = _unwrapped(news.get("metadata")) or {}
    annotations = _unwrapped(metadata.get("annotations")) or {}
    return {**news, "metadata": {**metadata, "name": name, "annotations": {**annotations, AUTONAMED: "true"}}}


def _unwrapped(value: Value) -> Value:
    return value.value if isinstance(value, Secret) else value


def field_manager(state: dict[str, Any], inputs: dict[str, Any], urn: str) -> str:
    """Return the field manager: the annotation's, else the stored one, else one that follows from the URN.

    The URN gives each resource a manager of its own; the state keeps it when the resource is renamed with an alias.
    """
    annotated = annotations_of(inputs).get("pulumi.com/patchFieldManager")
    stored = state.get("__fieldManager")
    if isinstance(annotated, str) and annotated:
        return annotated
    if isinstance(stored, str) and stored:
        return stored
    return f"pulumi-kubernetes-{suffix(urn.encode(), 'manager')}"
