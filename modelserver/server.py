"""Assembles a server from flags, runs it, and drains it.

Order, as in TensorFlow Serving's model_servers/server.cc: read the configuration, load the models, and only then open
the ports, gRPC first. On SIGTERM or SIGINT the ports stop taking requests, those under way are answered, and the
process exits 0.
"""

# Generated protos declare their messages at run time, where the type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from modelserver import textproto, versions, warmup
from modelserver.batching import BatchQueue, BatchThreads
from modelserver.core import Core
from modelserver.flags import Flags
from modelserver.grpc_api import GrpcServer
from modelserver.http_server import HttpServer
from modelserver.manager import Manager, Retries
from modelserver.metrics import Metrics
from modelserver.rest import RestApi
from modelserver.saved_model import SessionOptions, load
from modelserver.servable import Servable
from modelserver.service import Service
from modelserver.status import ServingError, invalid

_LOG = logging.getLogger(__name__)


class Server:
    """One server. Create it on the event loop it runs on."""

    def __init__(self, flags: Flags) -> None:
        """Read the configuration files.

        Raises:
            ServingError: flags contradict each other, or a file is missing or malformed.
        """
        self._flags = flags
        self._config = _model_config(flags)
        self._metrics_path = (
            textproto.read_metrics_path(flags.monitoring_config_file) if flags.monitoring_config_file else None
        )
        self.metrics = Metrics()
        self._options = _session_options(flags)
        self._batching: BatchThreads | None = None
        if flags.enable_batching:
            params = textproto.read_batching(flags.batching_parameters_file, cpus=len(os.sched_getaffinity(0)))
            self._batching = BatchThreads(params, ThreadPoolExecutor(params.num_batch_threads, "batch"))
        elif flags.batching_parameters_file:
            raise invalid(
                "server_options.batching_parameters_file is set without setting server_options.enable_batching to true."
            )
        retries = Retries(count=max(flags.max_num_load_retries, 0), pause_micros=flags.load_retry_interval_micros)
        self.core = Core(
            Manager(self._load, retries), labels_for_unavailable=flags.allow_version_labels_for_unavailable_models
        )
        self._service = Service(
            core=self.core,
            metrics=self.metrics,
            check_method=flags.enable_signature_method_name_check,
            as_content=flags.enable_serialization_as_tensor_content,
        )
        self._grpc: GrpcServer | None = None
        self._http: HttpServer | None = None
        self._polls: list[asyncio.Task[None]] = []

    async def run(self) -> None:
        """Load, serve until SIGTERM or SIGINT, drain.

        Raises ServingError if the models or the ports cannot be had.
        """
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        starting = asyncio.create_task(self.start())
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait([starting, stopped], return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            await starting
            await stopped
        _LOG.info("Stopping: requests under way are answered first")
        starting.cancel()
        await self.drain()

    async def start(self) -> tuple[int, int]:
        """Load the models, then open the ports; returns the gRPC and REST ports (REST 0 if it is off)."""
        await self.core.start(self._config, poll_seconds=self._flags.file_system_poll_wait_seconds)
        grpc_pool = ThreadPoolExecutor(max(self._flags.grpc_max_threads, 1), "grpc")
        self._grpc = GrpcServer(
            self._service, grpc_pool, port=self._flags.port, arguments=self._flags.grpc_channel_arguments
        )
        await self._grpc.start()
        _LOG.info("Running gRPC ModelServer at 0.0.0.0:%d ...", self._grpc.port)
        rest_port = await self._start_rest() if self._flags.rest_api_port else 0
        if self._flags.file_system_poll_wait_seconds > 0:
            self._polls.append(
                asyncio.create_task(self._every(self._flags.file_system_poll_wait_seconds, self.core.poll))
            )
        if self._flags.model_config_file and self._flags.model_config_file_poll_wait_seconds > 0:
            self._polls.append(
                asyncio.create_task(self._every(self._flags.model_config_file_poll_wait_seconds, self._reread))
            )
        return self._grpc.port, rest_port

    async def drain(self) -> None:
        """Answer the requests under way, then close the ports."""
        for task in self._polls:
            task.cancel()
        await asyncio.gather(*(part.drain() for part in (self._grpc, self._http) if part is not None))

    async def _start_rest(self) -> int:
        rest = RestApi(
            service=self._service,
            pool=ThreadPoolExecutor(max(self._flags.rest_api_num_threads, 1), "rest"),
            timeout_seconds=self._flags.rest_api_timeout_in_ms / 1000,
            metrics_path=self._metrics_path,
            cors=self._flags.rest_api_enable_cors_support,
        )
        self._http = HttpServer(rest.answer)
        try:
            port = await self._http.start(self._flags.rest_api_port)
        except OSError as error:
            raise invalid(
                f"Failed to start HTTP Server at 0.0.0.0:{self._flags.rest_api_port}: {error.strerror}"
            ) from error
        _LOG.info("Exporting HTTP/REST API at:0.0.0.0:%d ...", port)
        return port

    def _load(self, name: str, version: int, path: Path) -> Servable:
        bundle = load(path, self._options, self.metrics)
        servable = Servable(name, version, bundle, BatchQueue(self._batching) if self._batching is not None else None)
        if self._flags.enable_model_warmup:
            replay = warmup.Replay(
                iterations=max(self._flags.num_request_iterations_for_warmup, 1),
                check_method=self._flags.enable_signature_method_name_check,
            )
            try:
                warmup.run(servable, path, replay, self.metrics)
            except ServingError:
                bundle.close()
                raise
        return servable

    async def _reread(self) -> None:
        await self.core.reload(textproto.read_model_config(self._flags.model_config_file))

    @staticmethod
    async def _every(seconds: float, action: Callable[[], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await action()
            except ServingError as error:
                _LOG.error("Polling failed, what was loaded goes on serving: %s", error)


def _model_config(flags: Flags) -> ModelServerConfig:
    if flags.port == 0:
        raise invalid("At least one of server_options.grpc_port or server_options.grpc_socket_path must be set.")
    if flags.rest_api_port == flags.port:
        raise invalid(
            "server_options.http_port cannot be same as grpc_port. Please use a different port for HTTP/REST API."
        )
    if flags.file_system_poll_wait_seconds < 0:
        raise invalid("--file_system_poll_wait_seconds must not be negative: this stand-in would never load a model")
    if flags.model_config_file:
        return textproto.read_model_config(flags.model_config_file)
    if not flags.model_base_path:
        raise invalid("Both server_options.model_base_path and server_options.model_config_file are empty!")
    config = ModelServerConfig()
    config.model_config_list.config.add(
        name=flags.model_name, base_path=flags.model_base_path, model_platform=versions.PLATFORM
    )
    return config


def _session_options(flags: Flags) -> SessionOptions:
    both, intra, inter = (
        flags.tensorflow_session_parallelism,
        flags.tensorflow_intra_op_parallelism,
        flags.tensorflow_inter_op_parallelism,
    )
    if both > 0 and intra > 0 and inter > 0:
        raise invalid(
            "Either configure server_options.tensorflow_session_parallelism or "
            "(server_options.tensorflow_intra_op_parallelism, "
            "server_options.tensorflow_inter_op_parallelism) separately. You cannot configure all."
        )
    if not (intra > 0 or inter > 0):
        intra = inter = both
    return SessionOptions(
        intra_op_threads=intra, inter_op_threads=inter, tags=tuple(filter(None, flags.saved_model_tags.split(",")))
    )
