"""Runs model servers for tests: in this process where that is enough, as the command where its life is the subject."""

# ruff: noqa: ANN401  (arrays, JSON values and generated messages have no useful static type here)

import asyncio
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import httpx
import numpy as np
from tensorflow_serving.apis import (
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from modelserver.flags import parse
from modelserver.server import Server
from modelserver.tensors import fill_proto, to_array

# Generated protos declare their messages at run time, where the type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

ROOT = Path(__file__).resolve().parents[3]
_DEADLINE = 60.0


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for entry in sockets:
            entry.bind(("127.0.0.1", 0))
        return [entry.getsockname()[1] for entry in sockets]
    finally:
        for entry in sockets:
            entry.close()


@dataclass
class Client:
    """Calls a running server. `channel` is gRPC's, `http` REST's."""

    channel: grpc.Channel
    http: httpx.Client
    rest_port: int
    server: Any = None

    @property
    def prediction(self) -> Any:
        """The stub of PredictionService."""
        return prediction_service_pb2_grpc.PredictionServiceStub(self.channel)

    @property
    def models(self) -> Any:
        """The stub of ModelService."""
        return model_service_pb2_grpc.ModelServiceStub(self.channel)

    def predict(self, model: str, /, signature: str = "", **inputs: Any) -> dict[str, Any]:
        """Predict over gRPC; returns the outputs as arrays."""
        answer = self.prediction.Predict(request_for(model, signature, **inputs), timeout=_DEADLINE)
        return {name: to_array(name, tensor) for name, tensor in answer.outputs.items()}

    def metrics(self) -> dict[str, float]:
        """Return the Prometheus series by name and labels."""
        page = self.http.get("/monitoring/prometheus/metrics").text
        rows = [line.rsplit(" ", 1) for line in page.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, value in rows}


def request_for(model: str, /, signature: str = "", **inputs: Any) -> Any:
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    request.model_spec.signature_name = signature
    for name, value in inputs.items():
        fill_proto(request.inputs[name], np.asarray(value))
    return request


@contextmanager
def _client(grpc_port: int, rest_port: int) -> Iterator[Client]:
    with (
        grpc.insecure_channel(f"127.0.0.1:{grpc_port}") as channel,
        httpx.Client(base_url=f"http://127.0.0.1:{rest_port}", timeout=_DEADLINE) as http,
    ):
        yield Client(channel, http, rest_port)


@contextmanager
def serving(*flags: str) -> Iterator[Client]:
    """Run a server in this process, on an event loop of its own thread. Raises what its start raises."""
    grpc_port, rest_port = free_ports(2)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def start() -> Server:
        server = Server(parse([f"--port={grpc_port}", f"--rest_api_port={rest_port}", *flags]))
        await server.start()
        return server

    try:
        server = asyncio.run_coroutine_threadsafe(start(), loop).result(_DEADLINE)
        try:
            with _client(grpc_port, rest_port) as client:
                client.server = server
                yield client
        finally:
            asyncio.run_coroutine_threadsafe(server.drain(), loop).result(_DEADLINE)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


@dataclass
class Command:
    """The server as a process."""

    process: "subprocess.Popen[str]"
    client: Client


def environment() -> dict[str, str]:
    """Return what a container gives: no HOME, nothing to write to."""
    return {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(ROOT)}


def run_command(*flags: str) -> "subprocess.CompletedProcess[str]":
    """Run the command to its end."""
    line = [sys.executable, "-m", "modelserver", *flags]
    return subprocess.run(
        line, cwd="/", env=environment(), capture_output=True, text=True, timeout=_DEADLINE, check=False
    )


@contextmanager
def command(*flags: str) -> Iterator[Command]:
    """Run the command and wait until it says that its ports are open."""
    grpc_port, rest_port = free_ports(2)
    line = [sys.executable, "-m", "modelserver", f"--port={grpc_port}", f"--rest_api_port={rest_port}", *flags]
    with subprocess.Popen(line, cwd="/", env=environment(), stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            said: list[str] = []
            while "Exporting HTTP/REST API" not in (said or [""])[-1]:
                said.append(process.stderr.readline())
                assert said[-1], "".join(said)
            with _client(grpc_port, rest_port) as client:
                yield Command(process, client)
        finally:
            process.kill()
