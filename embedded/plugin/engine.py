"""Messages to the Pulumi engine: progress beside a resource, and warnings.

Nothing here may fail an operation: an engine that is gone hears nothing.
"""

from __future__ import annotations

import contextlib

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc


class Engine:
    """The engine that started the plugin. Without an address it swallows what it is told."""

    def __init__(self, address: str = "") -> None:
        self._stub = engine_pb2_grpc.EngineStub(grpc.insecure_channel(address)) if address else None

    def progress(self, urn: str, text: str) -> None:
        """Show what is being waited for, until the next message replaces it."""
        self._log(engine_pb2.INFO, urn, text, ephemeral=True)

    def warn(self, urn: str, text: str) -> None:
        """Show a warning that stays."""
        self._log(engine_pb2.WARNING, urn, text, ephemeral=False)

    def info(self, urn: str, text: str) -> None:
        """Show a message that stays."""
        self._log(engine_pb2.INFO, urn, text, ephemeral=False)

    def _log(self, severity: engine_pb2.LogSeverity.ValueType, urn: str, text: str, *, ephemeral: bool) -> None:
        if self._stub is None:
            return
        with contextlib.suppress(grpc.RpcError):
            self._stub.Log(
                engine_pb2.LogRequest(severity=severity, urn=urn, message=text, ephemeral=ephemeral), timeout=10
            )
