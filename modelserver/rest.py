"""The REST interface: URLs to methods of the service, JSON in and out.

URLs, texts and statuses follow TensorFlow Serving's model_servers/http_rest_api_handler.cc and http_server.cc. The
transport is `http_server`.
"""

# Generated protos declare their messages at run time, where the type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

import asyncio
import logging
import re
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any
from urllib.parse import unquote

from google.protobuf import json_format
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_pb2,
    predict_pb2,
    regression_pb2,
)

from modelserver import json_input, json_output, predict
from modelserver.json_input import Inputs
from modelserver.service import SIGNATURE_DEF, Service
from modelserver.status import HTTP_STATUS, Code, ServingError, from_exception, invalid

_LOG = logging.getLogger(__name__)
_API = re.compile(r"/v1/.*", re.IGNORECASE | re.DOTALL)
_VERSION = r"(?:/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?"
_POST = re.compile(
    rf"/v1/models/(?P<name>[^/:]+){_VERSION}:(?P<method>classify|regress|predict)", re.IGNORECASE | re.ASCII
)
_GET = re.compile(rf"/v1/models(?:/(?P<name>[^/:]+))?{_VERSION}(?:/(?P<method>metadata))?", re.IGNORECASE | re.ASCII)
_INLINE_BODY = 64 * 1024
_JSON = {"Content-Type": "application/json"}
_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "POST, GET",
    "Access-Control-Allow-Headers": "Content-Type",
}


@dataclass(frozen=True)
class Reply:
    """An HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, kw_only=True)
class RestApi:
    """Answers HTTP requests. `metrics_path` is None if metrics are off; `timeout_seconds` bounds one call."""

    service: Service
    pool: Executor
    timeout_seconds: float
    metrics_path: str | None
    cors: bool = False

    async def answer(self, method: str, path: str, body: bytes, origin: str = "") -> Reply:
        """Answer one request; never raises. `path` is without the query."""
        if self.metrics_path is not None and path == self.metrics_path:
            return Reply(200, {"Content-Type": "text/plain"}, self.service.metrics.page().encode())
        if not _API.fullmatch(path):
            page = b"<HTML><HEAD>\n<TITLE>404 Not Found</TITLE>\n</HEAD><BODY>\n<H1>Not Found</H1>\n</BODY></HTML>\n"
            return Reply(404, {"Content-Type": "text/html"}, page)
        start = perf_counter()
        headers = dict(_JSON, **_CORS) if self.cors else _JSON
        name, call, outcome = "", "", Code.OK
        try:
            if method == "OPTIONS":
                content = _preflight(origin)
            else:
                match = {"POST": _POST, "GET": _GET}[method].fullmatch(path) if method in ("POST", "GET") else None
                if match is None:
                    raise invalid(f"Malformed request: {method} {path}")
                name, call = unquote(match["name"] or ""), match["method"] or ""
                content = await self._dispatch(method, name, call.lower(), match, body)
        except Exception as error:
            failure = from_exception(error)
            if not isinstance(error, ServingError):
                _LOG.error("Unexpected failure: %s", failure, exc_info=error)
            content, outcome = json_output.write_error(failure), failure.code
        else:
            self.service.metrics.request_latency.add(name, call, "REST", micros=(perf_counter() - start) * 1e6)
        self.service.metrics.requests.add(name, outcome.name)
        return Reply(HTTP_STATUS[outcome], headers, content)

    async def _dispatch(self, method: str, name: str, call: str, match: re.Match[str], body: bytes) -> bytes:
        spec = model_pb2.ModelSpec(name=name)
        if match["version"]:
            if int(match["version"]) >= 2**63:
                raise invalid(f"Failed to convert version: {match['version']} to numeric.")
            spec.version.value = int(match["version"])
        if match["label"]:
            spec.version_label = unquote(match["label"])
        if method == "GET":
            if not name:
                raise invalid("Missing model name in request.")
            return self._metadata(spec) if call else self._status(spec)
        run = {"predict": self._predict, "classify": self._classify, "regress": self._regress}[call]
        try:
            return await asyncio.wait_for(run(spec, body), self.timeout_seconds)
        except TimeoutError:
            raise ServingError(Code.DEADLINE_EXCEEDED, "Timed out waiting for notification") from None

    async def _predict(self, spec: model_pb2.ModelSpec, body: bytes) -> bytes:
        request = predict_pb2.PredictRequest(model_spec=spec)
        layout, inputs = await self._maybe_on_thread(
            len(body), json_input.read_predict, body, request, partial(self._inputs_of, spec)
        )
        with self.service.core.find(spec) as servable:
            plan = predict.plan_arrays(
                servable, request.model_spec.signature_name, inputs, check_method=self.service.check_method
            )
            outputs = await self.service.run(spec.name, "Predict", plan, self.pool)
        named = dict(sorted(zip(plan.aliases, outputs, strict=True)))
        size = sum(getattr(output, "nbytes", 0) for output in outputs)
        return await self._maybe_on_thread(size, json_output.write_predict, layout, named)

    async def _classify(self, spec: model_pb2.ModelSpec, body: bytes) -> bytes:
        request = classification_pb2.ClassificationRequest(model_spec=spec)
        await self._maybe_on_thread(len(body), json_input.read_examples, body, request)
        return json_output.write_classes((await self.service.classify(request, self.pool)).result)

    async def _regress(self, spec: model_pb2.ModelSpec, body: bytes) -> bytes:
        request = regression_pb2.RegressionRequest(model_spec=spec)
        await self._maybe_on_thread(len(body), json_input.read_examples, body, request)
        return json_output.write_values((await self.service.regress(request, self.pool)).result)

    async def _maybe_on_thread(self, size: int, call: Any, *arguments: Any) -> Any:  # noqa: ANN401
        """Convert large bodies off the event loop, which would otherwise stand still for every client."""
        if size <= _INLINE_BODY:
            return call(*arguments)
        return await asyncio.get_running_loop().run_in_executor(self.pool, call, *arguments)

    def _inputs_of(self, spec: model_pb2.ModelSpec, signature_name: str) -> Inputs:
        name = signature_name or predict.DEFAULT_SIGNATURE
        signature = self.service.core.find(spec).signatures.get(name)
        if signature is None:
            raise invalid(f'Serving signature name: "{name}" not found in signature def')
        return signature.inputs

    def _status(self, spec: model_pb2.ModelSpec) -> bytes:
        response = self.service.status(get_model_status_pb2.GetModelStatusRequest(model_spec=spec))
        return _json(response).encode() + b"\n"

    def _metadata(self, spec: model_pb2.ModelSpec) -> bytes:
        request = get_model_metadata_pb2.GetModelMetadataRequest(model_spec=spec, metadata_field=[SIGNATURE_DEF])
        response = self.service.metadata(request)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        response.metadata[SIGNATURE_DEF].Unpack(signatures)
        spec_json, signatures_json = _json(response.model_spec), _json(signatures)
        return f'{{\n"model_spec":{spec_json}\n,\n"metadata": {{"signature_def": {signatures_json}\n}}\n}}\n'.encode()


def _json(message: Any) -> str:  # noqa: ANN401  any message
    return json_format.MessageToJson(
        message, indent=1, always_print_fields_with_no_presence=True, preserving_proto_field_name=True
    )


def _preflight(origin: str) -> bytes:
    if not re.search(r"https?://", origin):
        raise ServingError(Code.FAILED_PRECONDITION, "Origin header is missing in CORS preflight")
    return b""
