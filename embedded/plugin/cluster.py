"""What every operation needs: the settings, the connection, the engine to tell, and whether it was cancelled."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from embedded.plugin.await_.loop import Clock
from embedded.plugin.await_.verdict import Object
from embedded.plugin.config import Settings
from embedded.plugin.discovery import Served
from embedded.plugin.engine import Engine
from embedded.plugin.errors import ApiError, KindMissingError, UnreachableError
from embedded.plugin.objects import Kind, metadata_of
from embedded.plugin.secrets import secret_texts, strike

if TYPE_CHECKING:
    from embedded.plugin.api import Api


@dataclass(frozen=True)
class Target:
    """Which object an operation means."""

    served: Served
    namespace: str
    name: str

    @property
    def text(self) -> str:
        """Name the object as a person would: `Deployment serving/mnist-v2`."""
        place = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.served.kind.kind} {place}"


@dataclass
class Cluster:
    """One configured provider. Connects on first use, and remembers where it could not."""

    settings: Settings
    engine: Engine
    cancelled: threading.Event = field(default_factory=threading.Event)
    _api: Api | None = None
    _down: UnreachableError | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def clock(self) -> Clock:
        """Return a clock whose pauses end on cancellation."""
        return Clock(self.cancelled)

    def api(self) -> Api:
        """Return the connection.

        Raises UnreachableError, each time with the first reason: no call waits twice for it.
        """
        with self._lock:
            if self._down is not None:
                raise self._down
            if self._api is None:
                try:
                    self._api = _connected(self.settings)
                except UnreachableError as error:
                    self._down = UnreachableError(f"configured Kubernetes cluster is unreachable: {error}")
                    raise self._down from None
            return self._api

    def namespaced(self, kind: Kind) -> bool:
        """Say whether a kind lives in a namespace; without a cluster it is taken to."""
        try:
            return self.api().discovery.namespaced(kind)
        except (UnreachableError, ApiError):
            return True

    def target(self, kind: Kind, inputs: dict[str, Any]) -> Target:
        """Return the object that the inputs mean. Raises KindMissingError, UnreachableError or ApiError."""
        served = self.api().discovery.served(kind)
        metadata = metadata_of(inputs)
        namespace = (metadata.get("namespace") or self.settings.namespace) if served.namespaced else ""
        return Target(served, namespace, metadata.get("name") or "")

    def read(self, target: Target) -> Object | None:
        """Return the live object, None where there is none."""
        return self.api().read(target.served, target.namespace, target.name)

    def tell_warnings(self, urn: str, inputs: dict[str, Any]) -> None:
        """Show what the server warned of in this thread's last calls, with secrets struck out."""
        if self.settings.quiet_warnings:
            return
        for text in dict.fromkeys(self.api().take_warnings()):
            self.engine.warn(urn, strike(text, secret_texts(inputs)))

    def read_patiently(self, target: Target, last: Object) -> Object | None:
        """Return the live object while waiting for it: an API server that does not answer for a moment is forgiven."""
        try:
            return self.read(target)
        except UnreachableError:
            return last
        except ApiError as error:
            if error.status in (429, 500, 502, 503, 504):
                return last
            raise

    def listed(self, api_version: str, kind: str, namespace: str, labels: str) -> list[Object]:
        """List objects for a verdict; what may not or cannot be listed is left out."""
        try:
            return self.api().items(Kind(api_version, kind), namespace, labels)
        except (ApiError, KindMissingError, UnreachableError):
            return []


def _connected(settings: Settings) -> Api:
    """Return a connection that the API server has answered. Raises UnreachableError, also for refused credentials."""
    from embedded.plugin.api import Api  # the Kubernetes client takes seconds to import: see `__main__`

    api = Api(settings)
    try:
        api.get("/version")
    except ApiError as error:
        if error.status == 401:
            raise UnreachableError(f"{settings.server} (from {settings.source}) refuses the credentials") from None
    return api
