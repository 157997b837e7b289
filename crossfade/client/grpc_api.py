"""TensorFlow Serving's gRPC API: PredictionService.Predict.

Plain-text HTTP/2 to one address; TLS ends at the gateway or is the mesh's.
"""

import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

import grpc
import numpy.typing as npt

from crossfade.client import tensors, types
from crossfade.errors import ServerError
from crossfade.protos import predict_pb2, prediction_service_pb2_grpc

CHANNEL_OPTIONS: tuple[tuple[str, Any], ...] = (
    ("grpc.max_receive_message_length", types.MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", types.MAX_MESSAGE_BYTES),
    # gRPC repeats a call by itself where a connection closes before the server saw it. That would hide failures.
    ("grpc.enable_retries", 0),
    # An http_proxy of the environment is not meant for a cluster's address.
    ("grpc.enable_http_proxy", 0),
)
_REASONS = {
    grpc.StatusCode.UNAVAILABLE: "cannot be reached, or no server is ready behind it",
    grpc.StatusCode.DEADLINE_EXCEEDED: "gave no answer in time",
    grpc.StatusCode.NOT_FOUND: "does not know this model, version or signature",
    grpc.StatusCode.INVALID_ARGUMENT: "refuses the input",
    grpc.StatusCode.UNIMPLEMENTED: "does not serve this method here",
}


def build_request(
    model: str,
    inputs: Mapping[str, npt.NDArray[Any]],
    *,
    signature: str = types.DEFAULT_SIGNATURE,
    version: int | None = None,
) -> Any:  # noqa: ANN401 - a generated message
    """Return a PredictRequest. `version` None leaves it to the server, and so to the traffic split."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    request.model_spec.signature_name = signature
    if version is not None:
        request.model_spec.version.value = version
    for name, array in inputs.items():
        request.inputs[name].CopyFrom(tensors.to_proto(array))
    return request


class GrpcClient:
    """A connection to `HOST:PORT`, opened at the first call and shared by threads. Close it, or use it in a `with`."""

    def __init__(
        self, server: str, *, deadline: float = types.DEADLINE_SECONDS, headers: Sequence[tuple[str, str]] = ()
    ) -> None:
        """`deadline` is in seconds for each call; `headers` go with every call, names in lower case."""
        self.server = types.address(server)
        self.deadline = deadline
        self._headers = tuple((name.lower(), value) for name, value in headers)
        self._channel = grpc.insecure_channel(self.server, options=CHANNEL_OPTIONS)
        self._stub = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)

    def predict(
        self,
        model: str,
        inputs: Mapping[str, npt.NDArray[Any]],
        *,
        signature: str = types.DEFAULT_SIGNATURE,
        version: int | None = None,
    ) -> types.Prediction:
        """One prediction; each input's first dimension is the batch.

        Raises ServerError with the gRPC status name as `code`, InputError for a type that cannot be sent.
        """
        request = build_request(model, inputs, signature=signature, version=version)
        begun = time.perf_counter()
        try:
            response, call = self._stub.Predict.with_call(request, timeout=self.deadline, metadata=self._headers)
        except grpc.RpcError as error:
            raise self._explained(error) from error
        seconds = time.perf_counter() - begun
        headers = {key: value for key, value in call.initial_metadata() or () if isinstance(value, str)}
        return types.Prediction(
            outputs={name: tensors.from_proto(proto) for name, proto in response.outputs.items()},
            model=response.model_spec.name,
            version=response.model_spec.version.value if response.model_spec.HasField("version") else None,
            signature=response.model_spec.signature_name,
            route=headers.get(types.VERSION_HEADER),
            seconds=seconds,
        )

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    def __enter__(self) -> "GrpcClient":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _explained(self, error: Any) -> ServerError:  # noqa: ANN401 - an RpcError that is also a Call
        status = error.code()
        reason = _REASONS.get(status, "failed")
        return ServerError(f"{self.server} {reason} (gRPC {status.name}): {error.details()}", status.name)
