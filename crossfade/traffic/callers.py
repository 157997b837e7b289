"""One call, as fast as Python allows: serialised before, one connection a thread, the answer read from its own bytes.

A caller never raises for a call that failed; it tells the failure's code. It never tries again.
"""

import http.client
import json
from collections.abc import Callable
from dataclasses import dataclass

import grpc
import numpy as np

from crossfade.client import rest_api, tensors
from crossfade.client.grpc_api import CHANNEL_OPTIONS
from crossfade.client.types import VERSION_HEADER
from crossfade.errors import ServerError
from crossfade.protos import predict_pb2
from crossfade.traffic.types import UNTOLD, Headers, Plan

METHOD = "/tensorflow.serving.PredictionService/Predict"
MALFORMED = "MALFORMED ANSWER"


@dataclass(frozen=True, slots=True)
class Reply:
    """`failure` is empty for a good answer."""

    failure: str
    version: str = UNTOLD
    servable: int | None = None
    label: int = -1


Call = Callable[[bytes, Headers], Reply]
Close = Callable[[], None]


def open_caller(plan: Plan) -> tuple[Call, Close]:
    """Open one thread's own connection. Return its call, and what closes it."""
    return _grpc(plan) if plan.protocol == "grpc" else _rest(plan)


def _grpc(plan: Plan) -> tuple[Call, Close]:
    # Channels of one process to one address share a connection unless each has a pool of its own.
    channel = grpc.insecure_channel(plan.server, options=(*CHANNEL_OPTIONS, ("grpc.use_local_subchannel_pool", 1)))
    method = channel.unary_unary(METHOD, request_serializer=None, response_deserializer=None)

    def call(payload: bytes, headers: Headers) -> Reply:
        try:
            body, answer = method.with_call(payload, timeout=plan.deadline, metadata=headers)
        except grpc.RpcError as error:
            code = getattr(error, "code", lambda: None)()
            return Reply(code.name if code else type(error).__name__)
        try:
            response = predict_pb2.PredictResponse.FromString(body)
            label = int(np.argmax(tensors.from_proto(response.outputs["probabilities"])[0]))
        except (ServerError, ValueError, IndexError):
            return Reply(MALFORMED)
        spec = response.model_spec
        servable = spec.version.value if spec.HasField("version") else None
        route = next((value for key, value in answer.initial_metadata() or () if key == VERSION_HEADER), None)
        named = route if isinstance(route, str) else UNTOLD if servable is None else str(servable)
        return Reply("", named, servable, label)

    return call, channel.close


def _rest(plan: Plan) -> tuple[Call, Close]:
    host, _, port = plan.server.rpartition(":")
    connection = http.client.HTTPConnection(host.strip("[]"), int(port), timeout=plan.deadline)
    path = rest_api.path(plan.model)

    def call(payload: bytes, headers: Headers) -> Reply:
        try:
            connection.request("POST", path, payload, {"Content-Type": "application/json", **dict(headers)})
            response = connection.getresponse()
            body = response.read()
        except TimeoutError:
            connection.close()
            return Reply("TIMEOUT")
        except (OSError, http.client.HTTPException) as error:
            connection.close()  # the next call opens a new one
            return Reply(type(error).__name__)
        if response.status != 200:
            return Reply(f"HTTP {response.status}")
        try:
            label = int(np.argmax(json.loads(body)["outputs"]["probabilities"][0]))
        except (ValueError, KeyError, TypeError, IndexError):
            return Reply(MALFORMED)
        return Reply("", response.headers.get(VERSION_HEADER, UNTOLD), None, label)

    return call, connection.close
