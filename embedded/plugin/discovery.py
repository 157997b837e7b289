"""Which kinds the API server serves, under which path, and whether they live in a namespace.

Answers are cached by group and version. A kind that is missing is asked for again: its CRD may have come meanwhile.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from embedded.plugin.errors import ApiError, KindMissingError
from embedded.plugin.objects import Kind


@dataclass(frozen=True)
class Served:
    """A kind that the API server serves."""

    kind: Kind
    plural: str
    namespaced: bool

    def path(self, namespace: str, name: str = "") -> str:
        """Return the URL path of the collection, or of one object."""
        root = f"/apis/{self.kind.api_version}" if self.kind.group else f"/api/{self.kind.api_version}"
        scope = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return f"{root}{scope}/{self.plural}" + (f"/{name}" if name else "")


class Discovery:
    """A cache over the server's discovery documents, and of the CRDs that the program itself declares."""

    def __init__(self, get: Callable[[str], dict[str, Any]]) -> None:
        self._get = get
        self._lock = threading.Lock()
        self._served: dict[Kind, Served] = {}
        self._declared: dict[tuple[str, str], bool] = {}

    def served(self, kind: Kind) -> Served:
        """Return where the kind is served. Raises KindMissingError, UnreachableError or ApiError."""
        with self._lock:
            known = self._served.get(kind)
        if known is not None:
            return known
        root = f"/apis/{kind.api_version}" if kind.group else f"/api/{kind.api_version}"
        try:
            listed = self._get(root).get("resources") or []
        except ApiError as error:
            if not error.not_found:
                raise
            listed = []
        found = {
            Kind(kind.api_version, item["kind"]): Served(
                Kind(kind.api_version, item["kind"]), item["name"], bool(item.get("namespaced"))
            )
            for item in listed
            if "/" not in item["name"]
        }
        with self._lock:
            self._served.update(found)
        if kind not in found:
            raise KindMissingError(
                f"the API server does not serve {kind}: install its CRD, or name the CRD in depends_on of this resource"
            )
        return found[kind]

    def forget(self, group: str) -> None:
        """Drop what is known of a group, whose CRD changed or went."""
        with self._lock:
            self._served = {kind: served for kind, served in self._served.items() if kind.group != group}

    def declare(self, crd: dict[str, Any]) -> None:
        """Remember a CRD of the program, so that previews know the scope of its objects before it is installed."""
        spec = crd.get("spec")
        names = spec.get("names") if isinstance(spec, dict) else None
        if isinstance(spec, dict) and isinstance(names, dict):
            with self._lock:
                self._declared[(str(spec.get("group")), str(names.get("kind")))] = spec.get("scope") != "Cluster"

    def namespaced(self, kind: Kind) -> bool:
        """Say whether a kind lives in a namespace; a kind that nobody knows is taken to. Raises UnreachableError."""
        try:
            return self.served(kind).namespaced
        except KindMissingError:
            return self._declared.get((kind.group, kind.kind), True)
