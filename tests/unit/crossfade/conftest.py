"""Real servers on loopback for the command line's tests: a tiny model server, and the S3 server the project uses."""

import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import numpy.typing as npt
import pytest

from crossfade.client import tensors
from crossfade.protos import predict_pb2, prediction_service_pb2_grpc, saved_model_pb2
from crossfade.publishing.store import Keys, connect

ROOT = Path(__file__).resolve().parents[3]


@dataclass
class Behaviour:
    """How it answers: every `canary_every`-th request as v2, every `fail_every`-th with an error (0: none)."""

    canary_every: int = 0
    fail_every: int = 0
    delay: float = 0.0
    told_headers: list[dict[str, str]] = field(default_factory=list)
    count: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next(self) -> tuple[int, bool]:
        """Return the version that answers the next request, and whether it fails."""
        with self.lock:
            self.count += 1
            canary = bool(self.canary_every) and self.count % self.canary_every == 0
            return (2 if canary else 1), bool(self.fail_every) and self.count % self.fail_every == 0


@dataclass
class TinyServer:
    """Answers `probabilities`: 1.0 for the digit in the picture's first pixel (tenths)."""

    grpc: str
    rest: str
    behaviour: Behaviour


def probabilities(images: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.eye(10, dtype=np.float32)[np.rint(images[:, 0, 0] * 10).astype(int) % 10]


class _Servicer(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour

    def Predict(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: ANN401, N802 - the service's method
        version, fail = self._behaviour.next()
        self._behaviour.told_headers.append({key: str(value) for key, value in context.invocation_metadata()})
        time.sleep(self._behaviour.delay)
        if fail:
            context.abort(grpc.StatusCode.UNAVAILABLE, "no healthy upstream")
        if request.model_spec.name != "mnist":
            context.abort(grpc.StatusCode.NOT_FOUND, "Servable not found for request: Latest(nope)")
        context.send_initial_metadata((("x-crossfade-version", f"v{version}"),))
        response = predict_pb2.PredictResponse()
        response.model_spec.CopyFrom(request.model_spec)
        response.model_spec.version.value = version
        images = tensors.from_proto(request.inputs["image"])
        response.outputs["probabilities"].CopyFrom(tensors.to_proto(probabilities(images)))
        if len(images) > 1:
            response.outputs["echo"].CopyFrom(request.inputs["image"])
        return response


def _handler(behaviour: Behaviour) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            version, fail = behaviour.next()
            behaviour.told_headers.append(dict(self.headers.items()))
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            time.sleep(behaviour.delay)
            if fail:
                self._answer(503, {"error": "no healthy upstream"}, version)
            elif self.path != "/v1/models/mnist:predict":
                self._answer(404, {"error": "Servable not found for request: Latest(nope)"}, version)
            else:
                images = np.array(body["inputs"]["image"], dtype=np.float32)
                self._answer(200, {"outputs": {"probabilities": probabilities(images).tolist()}}, version)

        def _answer(self, status: int, document: dict[str, Any], version: int) -> None:
            content = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("x-crossfade-version", f"v{version}")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401 - the base class's signature
            """Keep the test's output clean."""

    return Handler


@contextmanager
def serve(behaviour: Behaviour) -> Iterator[TinyServer]:
    server = grpc.server(ThreadPoolExecutor(16), options=[("grpc.max_receive_message_length", -1)])
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(_Servicer(behaviour), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    web = ThreadingHTTPServer(("127.0.0.1", 0), _handler(behaviour))
    web.daemon_threads = True
    thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield TinyServer(f"127.0.0.1:{port}", f"127.0.0.1:{web.server_port}", behaviour)
    finally:
        web.shutdown()
        thread.join()
        web.server_close()
        server.stop(grace=None).wait()


@pytest.fixture
def tiny() -> Iterator[Callable[..., TinyServer]]:
    """Start a tiny server with the behaviour given; ended with the test."""
    with ExitStack() as stack:
        yield lambda **behaviour: stack.enter_context(serve(Behaviour(**behaviour)))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class S3:
    """A running S3 server, an empty bucket in it, and its root client."""

    endpoint: str
    bucket: str
    client: Any


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run the project's own versitygw on loopback; `crossfade cluster tools` builds it."""
    binary = ROOT / ".crossfade" / "bin" / "versitygw"
    assert binary.is_file(), f"{binary} is missing: `crossfade cluster tools` builds it"
    data = tmp_path_factory.mktemp("s3")
    port = free_port()
    environment = {**os.environ, "ROOT_ACCESS_KEY": "root-key", "ROOT_SECRET_KEY": "root-secret"}
    process = subprocess.Popen(
        [str(binary), "--port", f"127.0.0.1:{port}", "--quiet", "posix", str(data)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + 20
        while True:
            assert process.poll() is None, "versitygw ended"
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert time.monotonic() < until, "versitygw did not open its port"
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def s3(s3_server: str, request: pytest.FixtureRequest) -> S3:
    """Make an empty bucket of this test's own."""
    client = connect(s3_server, Keys("root-key", "root-secret"))
    bucket = f"b{abs(hash(request.node.nodeid)):x}"
    client.create_bucket(Bucket=bucket)
    return S3(s3_server, bucket, client)


@pytest.fixture
def saved_model(tmp_path: Path) -> Path:
    """Write a small SavedModel without variables, with a second file."""
    folder = tmp_path / "model"
    (folder / "assets").mkdir(parents=True)
    message = saved_model_pb2.SavedModel(saved_model_schema_version=1)
    graph = message.meta_graphs.add()
    graph.meta_info_def.tags.append("serve")
    graph.signature_def["serving_default"].method_name = "tensorflow/serving/predict"
    (folder / "saved_model.pb").write_bytes(message.SerializeToString())
    (folder / "assets" / "labels.txt").write_text("zero\none\n")
    return folder
