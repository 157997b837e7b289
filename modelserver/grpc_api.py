"""The gRPC port: PredictionService and ModelService.

Answers and errors are the service's; this module adds the transport, the request metrics and draining.
"""

# Generated protos declare their messages at run time, where the type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from time import perf_counter
from typing import Any

import grpc
from google.protobuf.message import Message
from grpc import aio
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    predict_pb2,
    regression_pb2,
)

from modelserver import STAND_IN
from modelserver.service import Service
from modelserver.status import Code, ServingError, from_exception

_LOG = logging.getLogger(__name__)
_CODES = {code.value[0]: code for code in grpc.StatusCode}
_DRAIN_SECONDS = 3600.0  # longer than any pod's grace period: the kubelet, not the server, decides when to stop waiting

Method = Callable[[Any], Awaitable[Message]]


class GrpcServer:
    """The gRPC server of one process. Create and use it on the event loop."""

    def __init__(self, service: Service, pool: Executor, *, port: int, arguments: str) -> None:
        """Bind to `port` on all addresses.

        Raises:
            ServingError: UNKNOWN if the port cannot be had; INVALID_ARGUMENT for channel arguments that are not
                key=value.
        """
        self._service = service
        options: list[tuple[str, int | str]] = [("grpc.max_receive_message_length", -1), ("grpc.so_reuseport", 0)]
        self._server = aio.server(options=[*options, *_channel_arguments(arguments)])
        self._server.add_generic_rpc_handlers(self._handlers(service, pool))
        try:
            self.port = self._server.add_insecure_port(f"0.0.0.0:{port}")
        except RuntimeError as error:
            raise ServingError(
                Code.UNKNOWN, f"Failed to bind gRPC to 0.0.0.0:{port}: the port is taken or not allowed"
            ) from error

    def _handlers(self, service: Service, pool: Executor) -> "tuple[grpc.GenericRpcHandler, ...]":
        prediction = {
            "Predict": self._counted("Predict", lambda asked: service.predict(asked, pool), predict_pb2.PredictRequest),
            "Classify": self._counted(
                "Classify", lambda asked: service.classify(asked, pool), classification_pb2.ClassificationRequest
            ),
            "Regress": self._counted(
                "Regress", lambda asked: service.regress(asked, pool), regression_pb2.RegressionRequest
            ),
            "GetModelMetadata": _method(_ready(service.metadata), get_model_metadata_pb2.GetModelMetadataRequest),
            "MultiInference": _method(_multi_inference, inference_pb2.MultiInferenceRequest),
        }
        model = {
            "GetModelStatus": _method(_ready(service.status), get_model_status_pb2.GetModelStatusRequest),
            "HandleReloadConfigRequest": _method(service.reload, model_management_pb2.ReloadConfigRequest),
        }
        return (
            grpc.method_handlers_generic_handler("tensorflow.serving.PredictionService", prediction),
            grpc.method_handlers_generic_handler("tensorflow.serving.ModelService", model),
        )

    async def start(self) -> None:
        """Begin to answer."""
        await self._server.start()

    async def drain(self) -> None:
        """Take no new requests, and return when those under way have been answered."""
        await self._server.stop(_DRAIN_SECONDS)

    def _counted(self, api: str, call: Method, kind: type[Message]) -> "grpc.RpcMethodHandler[Any, Any]":
        metrics = self._service.metrics

        async def handle(request: Any) -> Message:  # noqa: ANN401  three message types, one shape
            start, name, outcome = perf_counter(), request.model_spec.name, Code.OK
            try:
                response = await call(request)
            except Exception as error:
                outcome = from_exception(error).code
                raise
            finally:
                metrics.requests.add(name, outcome.name)
            metrics.request_latency.add(name, api, "GRPC", micros=(perf_counter() - start) * 1e6)
            return response

        return _method(handle, kind)


def _ready(call: Callable[[Any], Message]) -> Method:
    async def handle(request: Any) -> Message:  # noqa: ANN401
        return call(request)

    return handle


async def _multi_inference(_: Message) -> Message:
    raise ServingError(Code.UNIMPLEMENTED, f"MultiInference is not implemented by this {STAND_IN}")


def _method(call: Method, kind: type[Message]) -> "grpc.RpcMethodHandler[Any, Any]":
    async def handle(request: Any, context: "aio.ServicerContext[Any, Any]") -> Message:  # noqa: ANN401
        try:
            return await call(request)
        except Exception as error:
            failure = from_exception(error)
            if not isinstance(error, ServingError):
                _LOG.error("Unexpected failure: %s", failure, exc_info=error)
        await context.abort(_CODES[int(failure.code)], failure.grpc_message)
        raise AssertionError("abort raises")

    return grpc.unary_unary_rpc_method_handler(
        handle, request_deserializer=kind.FromString, response_serializer=kind.SerializeToString
    )


def _channel_arguments(text: str) -> list[tuple[str, int | str]]:
    arguments: list[tuple[str, int | str]] = []
    for pair in filter(None, text.split(",")):
        key, equals, value = pair.partition("=")
        if not equals:
            raise ServingError(Code.INVALID_ARGUMENT, f"--grpc_channel_arguments: '{pair}' is not key=value")
        arguments.append((key, int(value) if value.lstrip("-").isdigit() else value))
    return arguments
