"""The Kubernetes API: one object at a time, over the official client's connection and credentials.

Does not wait for anything and decides nothing: it sends, and turns refusals into `ApiError`.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import urllib3
from kubernetes import client as kube
from kubernetes import config as kube_config
from kubernetes.config.config_exception import ConfigException

from embedded.plugin.config import Settings
from embedded.plugin.discovery import Discovery, Served
from embedded.plugin.errors import ApiError, UnreachableError, api_error
from embedded.plugin.objects import Kind
from embedded.plugin.values import Value

_CONNECT_SECONDS = 5
_READ_SECONDS = 60
_POOL = 32
APPLY = "application/apply-patch+yaml"
JSON_PATCH = "application/json-patch+json"


class Api:
    """A connection to one cluster. Safe to use from several threads."""

    def __init__(self, settings: Settings) -> None:
        """Raise UnreachableError where the kubeconfig cannot be used. Nothing is sent yet."""
        if settings.kubeconfig is None:
            raise UnreachableError(settings.why)
        self._where = f"{settings.server} (from {settings.source})"
        try:
            configuration = kube.Configuration()
            kube_config.load_kube_config_from_dict(
                settings.kubeconfig, context=settings.context, client_configuration=configuration, persist_config=False
            )
        except (ConfigException, OSError, ValueError, TypeError) as error:
            raise UnreachableError(f"the kubeconfig from {settings.source} cannot be used: {error}") from None
        configuration.connection_pool_maxsize = _POOL
        retries = urllib3.Retry(total=2, connect=2, read=0, backoff_factor=0.3, status=0, redirect=3)
        configuration.retries = retries  # type: ignore[assignment] - the stub says None, the client takes a Retry
        self._client = kube.ApiClient(configuration)
        self._warnings = threading.local()
        self.discovery = Discovery(self.get)

    def take_warnings(self) -> list[str]:
        """Return what the server warned of (a field it does not know, a version that goes) in this thread's calls."""
        taken: list[str] = getattr(self._warnings, "texts", [])
        self._warnings.texts = []
        return taken

    def get(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Return the JSON at a path. Raises ApiError or UnreachableError."""
        return self._call("GET", path, query or {})

    def read(self, served: Served, namespace: str, name: str) -> dict[str, Any] | None:
        """Return the live object, or None where there is none."""
        try:
            return self.get(served.path(namespace, quote(name, safe="")))
        except ApiError as error:
            if error.not_found:
                return None
            raise

    def items(self, kind: Kind, namespace: str, labels: str) -> list[dict[str, Any]]:
        """Return the objects of a kind that carry the labels (`a=b,c=d`)."""
        served = self.discovery.served(kind)
        return self.get(served.path(namespace), {"labelSelector": labels}).get("items") or []

    def create(self, served: Served, namespace: str, obj: dict[str, Any], manager: str, *, dry: bool) -> dict[str, Any]:
        """Create the object; a 409 ApiError where it exists."""
        query = {"fieldManager": manager, "fieldValidation": "Warn", **_dry(dry)}
        return self._call("POST", served.path(namespace), query, obj)

    def apply(
        self, served: Served, namespace: str, obj: dict[str, Any], manager: str, *, force: bool, dry: bool
    ) -> dict[str, Any]:
        """Server-side apply the object; a 409 ApiError with `conflicts` where others own its fields."""
        query = {"fieldManager": manager, "force": "true" if force else "false", "fieldValidation": "Warn", **_dry(dry)}
        name = quote(obj["metadata"]["name"], safe="")
        return self._call("PATCH", served.path(namespace, name), query, obj, APPLY)

    def json_patch(self, served: Served, namespace: str, name: str, patch: list[dict[str, Any]]) -> dict[str, Any]:
        """Apply a JSON patch and return the object."""
        return self._call("PATCH", served.path(namespace, quote(name, safe="")), {}, patch, JSON_PATCH)

    def delete(self, served: Served, namespace: str, name: str, uid: str, propagation: str) -> bool:
        """Ask for deletion of exactly this object. Returns False where it is gone already."""
        options: dict[str, Any] = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": propagation}
        if uid:
            options["preconditions"] = {"uid": uid}
        try:
            self._call("DELETE", served.path(namespace, quote(name, safe="")), {}, options)
        except ApiError as error:
            if error.not_found:
                return False
            raise
        return True

    def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: Value = None,
        content_type: str = "application/json",
    ) -> dict[str, Any]:
        try:
            response: Value = self._client.call_api(
                path,
                method,
                query_params=list(query.items()),
                header_params={"Accept": "application/json", "Content-Type": content_type},
                body=body,
                auth_settings=["BearerToken"],
                _preload_content=False,
                _return_http_data_only=True,
                _request_timeout=(_CONNECT_SECONDS, _READ_SECONDS),
            )
            self._warnings.texts = [*getattr(self._warnings, "texts", []), *_warning_texts(response.headers)]
            return json.loads(response.data)
        except kube.ApiException as error:
            if not error.status:
                raise UnreachableError(f"{self._where}: {error.reason}") from None
            raise api_error(error.status, _json(error.body), str(error.reason)) from None
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise UnreachableError(f"{self._where}: {_short(error)}") from None


def _warning_texts(headers: Mapping[str, str]) -> list[str]:
    """Return the texts of `Warning: 299 - "text"` headers (RFC 7234, section 5.5)."""
    quoted = re.findall(r'299 \S+ "((?:[^"\\]|\\.)*)"', headers.get("Warning") or "")
    return [re.sub(r"\\(.)", r"\1", text) for text in quoted]


def _dry(dry: bool) -> dict[str, str]:
    return {"dryRun": "All"} if dry else {}


def _json(body: Value) -> dict[str, Any] | None:
    try:
        loaded = json.loads(body)
    except (TypeError, ValueError):
        return None
    return loaded if isinstance(loaded, dict) else None


def _short(error: BaseException) -> str:
    """Return the innermost reason: urllib3 wraps it several times."""
    reason = getattr(error, "reason", None)
    while isinstance(reason, BaseException):
        error, reason = reason, getattr(reason, "reason", None)
    return str(error).rpartition(">: ")[2] or type(error).__name__
