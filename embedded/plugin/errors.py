"""Errors the plugin raises, and the API server's answers read into them.

Pure. Every text here is for a person: what, where, why and, where there is one, the fix.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

# Managers whose fields are taken back without asking: a person's kubectl, and the official plugin's client-side create.
_ADOPTABLE = ("kubectl", "before-first-apply", "pulumi-kubernetes")


class PluginError(Exception):
    """An operation failed. The text is the whole message for the user."""


class CancelledError(PluginError):
    """The engine cancelled the operation."""


class UnreachableError(PluginError):
    """The cluster does not answer, or there is no usable kubeconfig."""


class KindMissingError(PluginError):
    """The API server does not serve this kind (yet)."""


class InitFailedError(PluginError):
    """The object exists but is not ready. `live` is its last state, so that nothing is lost."""

    def __init__(self, message: str, live: dict[str, Any]) -> None:
        super().__init__(message)
        self.live = live


@dataclass(frozen=True)
class Cause:
    """One cause of a refusal, as the API server lists it."""

    reason: str
    field: str
    message: str


@dataclass(eq=False)
class ApiError(PluginError):
    """The API server's refusal."""

    status: int
    reason: str
    message: str
    causes: tuple[Cause, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.message} ({self.status} {self.reason})" if self.reason else f"{self.message} ({self.status})"

    @property
    def not_found(self) -> bool:
        """Say whether the object, or its namespace, does not exist."""
        return self.status == 404

    @property
    def namespace_missing(self) -> bool:
        """Say whether it is the namespace that does not exist."""
        return self.status == 404 and self.details.get("kind") == "namespaces"

    @property
    def conflicts(self) -> tuple[tuple[str, str], ...]:
        """Return (manager, field) of each field that another manager owns; empty for other errors."""
        found = []
        for cause in self.causes:
            match = re.match(r'conflict with "(?P<manager>[^"]+)"', cause.message)
            if cause.reason == "FieldManagerConflict" and match:
                found.append((match["manager"], cause.field))
        return tuple(found)


def api_error(status: int, body: dict[str, Any] | None, fallback: str) -> ApiError:
    """Return the error of a response whose body is a Kubernetes `Status`, or of one that is not."""
    body = body or {}
    details = body.get("details") or {}
    causes = tuple(
        Cause(str(item.get("reason", "")), str(item.get("field", "")), str(item.get("message", "")))
        for item in details.get("causes") or ()
    )
    message = body.get("message") or fallback
    return ApiError(status, str(body.get("reason", "")), str(message), causes, details)


def adoptable(conflicts: tuple[tuple[str, str], ...]) -> bool:
    """Say whether every conflicting field was taken by a person's kubectl: then the program's value wins again."""
    return bool(conflicts) and all(manager.startswith(_ADOPTABLE) for manager, _ in conflicts)


def conflict_text(what: str, conflicts: tuple[tuple[str, str], ...]) -> str:
    """Return the message for fields that other managers own."""
    owned = "; ".join(f"{name} is owned by {manager!r}" for manager, name in conflicts)
    return (
        f"{what}: {owned}. Leave those fields out of the program so that their owner keeps them, "
        'or take them over with the annotation pulumi.com/patchForce: "true"'
    )


def exists_text(what: str, type_token: str, logical_name: str, resource_id: str) -> str:
    """Return the message for a create that met an object of the same name."""
    return (
        f"{what} already exists and this stack does not own it, so it was left as it is. To take it over: "
        f"pulumi import '{type_token}' '{logical_name}' '{resource_id}'. After a rename in the program: give the "
        "resource an alias of its old name. Otherwise choose another metadata.name"
    )
