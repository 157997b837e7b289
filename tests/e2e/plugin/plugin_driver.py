"""A stand-in for the engine: starts the plugin as the engine does and speaks the protocol to it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent import futures
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2_grpc, provider_pb2, provider_pb2_grpc, status_pb2

from embedded.plugin.values import marshal, unmarshal

ROOT = Path(__file__).parents[3]
SEED = b"a seed of the engine"
Kubectl: TypeAlias = Callable[..., str]
Live: TypeAlias = Callable[..., dict[str, Any]]


class _Engine(engine_pb2_grpc.EngineServicer):
    def __init__(self) -> None:
        self.messages: list[str] = []

    def Log(self, request: Any, context: Any) -> empty_pb2.Empty:  # noqa: ANN401, ARG002, N802
        self.messages.append(request.message)
        return empty_pb2.Empty()


class FailedError(Exception):
    """The plugin answered with an error. `partial` holds what it asks to keep, if anything."""

    def __init__(self, error: grpc.RpcError) -> None:
        super().__init__(error.details())
        self.partial: provider_pb2.ErrorResourceInitFailed | None = None
        metadata: Any = error.trailing_metadata()
        for key, value in metadata or ():
            if key == "grpc-status-details-bin":
                detail = status_pb2.Status.FromString(value).details[0]
                self.partial = provider_pb2.ErrorResourceInitFailed()
                assert detail.Unpack(self.partial)


@dataclass
class Object:
    """What a stack would remember of a resource."""

    urn: str
    id: str
    inputs: dict[str, Any]
    state: dict[str, Any]


@dataclass
class Driver:
    """One plugin process, configured."""

    kubeconfig: str
    config: dict[str, Any] = field(default_factory=dict)
    environ: dict[str, str] = field(default_factory=dict)

    def __enter__(self) -> Driver:
        self.engine = _Engine()
        self._server = grpc.server(futures.ThreadPoolExecutor(4))
        engine_pb2_grpc.add_EngineServicer_to_server(self.engine, self._server)
        port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "embedded.plugin", f"127.0.0.1:{port}"],
            stdout=subprocess.PIPE,
            cwd=ROOT,
            text=True,
            env={**os.environ, **self.environ},
        )
        assert self.process.stdout is not None
        number = self.process.stdout.readline().strip()
        self._channel = grpc.insecure_channel(f"127.0.0.1:{number}")
        self.stub = provider_pb2_grpc.ResourceProviderStub(self._channel)
        arguments = marshal({"kubeconfig": self.kubeconfig, **self.config})
        try:
            self.stub.Configure(provider_pb2.ConfigureRequest(args=arguments, acceptSecrets=True))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()
        self.process.terminate()
        self.process.wait(timeout=30)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._server.stop(None).wait()

    @staticmethod
    def urn(token: str, name: str) -> str:
        """Return the URN of a resource of the tests."""
        return f"urn:pulumi:tests::crossfade::{token}::{name}"

    def check(self, urn: str, news: dict[str, Any], olds: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the checked inputs."""
        answer = self.stub.Check(
            provider_pb2.CheckRequest(urn=urn, news=marshal(news), olds=marshal(olds or {}), randomSeed=SEED)
        )
        assert not answer.failures, list(answer.failures)
        return unmarshal(answer.inputs)

    def preview(self, urn: str, inputs: dict[str, Any]) -> dict[str, Any]:
        """Return the state that a previewed create would have."""
        request = provider_pb2.CreateRequest(urn=urn, properties=marshal(inputs), preview=True)
        return unmarshal(self._call(self.stub.Create, request).properties)

    def create(self, token: str, name: str, news: dict[str, Any], timeout: float = 0) -> Object:
        """Check and create a resource."""
        urn = self.urn(token, name)
        inputs = self.check(urn, news)
        request = provider_pb2.CreateRequest(urn=urn, properties=marshal(inputs), timeout=timeout)
        answer = self._call(self.stub.Create, request)
        return Object(urn, answer.id, inputs, unmarshal(answer.properties))

    def diff(self, obj: Object, news: dict[str, Any], ignore: list[str] | None = None) -> provider_pb2.DiffResponse:
        """Check new inputs and return how they differ from a resource."""
        inputs = self.check(obj.urn, news, obj.inputs)
        request = provider_pb2.DiffRequest(
            id=obj.id,
            urn=obj.urn,
            olds=marshal(obj.state),
            news=marshal(inputs),
            old_inputs=marshal(obj.inputs),
            ignoreChanges=ignore or [],
        )
        return self._call(self.stub.Diff, request)

    def update(self, obj: Object, news: dict[str, Any], timeout: float = 0) -> Object:
        """Check new inputs and update a resource to them."""
        inputs = self.check(obj.urn, news, obj.inputs)
        request = provider_pb2.UpdateRequest(
            id=obj.id, urn=obj.urn, olds=marshal(obj.state), news=marshal(inputs), timeout=timeout
        )
        answer = self._call(self.stub.Update, request)
        return Object(obj.urn, obj.id, inputs, unmarshal(answer.properties))

    def refresh(self, obj: Object) -> Object | None:
        """Read a resource back, None where it is gone."""
        request = provider_pb2.ReadRequest(
            id=obj.id, urn=obj.urn, properties=marshal(obj.state), inputs=marshal(obj.inputs)
        )
        answer = self._call(self.stub.Read, request)
        return Object(obj.urn, answer.id, unmarshal(answer.inputs), unmarshal(answer.properties)) if answer.id else None

    def import_(self, token: str, name: str, resource_id: str) -> Object | None:
        """Read an object that the stack does not know."""
        urn = self.urn(token, name)
        answer = self._call(self.stub.Read, provider_pb2.ReadRequest(id=resource_id, urn=urn))
        return Object(urn, answer.id, unmarshal(answer.inputs), unmarshal(answer.properties)) if answer.id else None

    def delete(self, obj: Object, timeout: float = 0) -> None:
        """Delete a resource."""
        request = provider_pb2.DeleteRequest(id=obj.id, urn=obj.urn, properties=marshal(obj.state), timeout=timeout)
        self._call(self.stub.Delete, request)

    @staticmethod
    def _call(method: Any, request: Any) -> Any:  # noqa: ANN401 - generated stubs
        try:
            return method(request)
        except grpc.RpcError as error:
            raise FailedError(error) from None
