"""Predict: checks a request against its signature, runs it and builds the answer.

Order of checks, codes and texts follow TensorFlow Serving's servables/tensorflow/predict_util.cc and TensorFlow's
cc/saved_model/util.cc. Dtype and shape are not checked here: TensorFlow's runtime does, with its own texts, as in the
real server.
"""

# Generated protos declare their messages at run time, where the type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from google.protobuf.internal.containers import MessageMap
from tensorflow.core.framework.tensor_pb2 import TensorProto
from tensorflow_serving.apis import model_pb2, predict_pb2

from modelserver.servable import Servable, Signature
from modelserver.status import Code, ServingError, invalid
from modelserver.tensors import Array, fill_proto, to_array

DEFAULT_SIGNATURE = "serving_default"
METHODS = ("tensorflow/serving/predict", "tensorflow/serving/classify", "tensorflow/serving/regress")


@dataclass(frozen=True)
class Plan:
    """One run of one signature: what to feed and fetch, and the names the outputs go by."""

    signature: Signature
    feeds: dict[str, Array]
    fetches: list[str]
    aliases: list[str]


def plan(servable: Servable, request: predict_pb2.PredictRequest, *, check_method: bool) -> Plan:
    """Check a request.

    Raises:
        ServingError: FAILED_PRECONDITION for an unknown signature; INVALID_ARGUMENT for inputs that are missing,
            unknown or malformed and for an output filter that is unknown or repeats; INTERNAL for a method name that
            is not servable, if that is checked.
    """
    signature = _signature(servable, request.model_spec.signature_name, check_method=check_method)
    aliases = _outputs(signature, request.output_filter)
    return Plan(signature, _inputs(signature, request.inputs), [signature.outputs[alias] for alias in aliases], aliases)


def plan_arrays(servable: Servable, signature_name: str, inputs: dict[str, Array], *, check_method: bool) -> Plan:
    """Plan a run of every output on inputs that have been read and checked against the signature already.

    Raises as `plan` does.
    """
    signature = _signature(servable, signature_name, check_method=check_method)
    feeds = {signature.inputs[alias][0]: value for alias, value in inputs.items()}
    return Plan(signature, feeds, list(signature.outputs.values()), list(signature.outputs))


def _signature(servable: Servable, signature_name: str, *, check_method: bool) -> Signature:
    name = signature_name or DEFAULT_SIGNATURE
    signature = servable.signatures.get(name)
    if signature is None:
        raise ServingError(Code.FAILED_PRECONDITION, f'Serving signature key "{name}" not found.')
    method = signature.definition.method_name
    if check_method and method not in METHODS:
        raise ServingError(
            Code.INTERNAL,
            f"Expected prediction signature method_name to be one of {{{', '.join(METHODS)}}}. Was: {method}",
        )
    return signature


def _joined(names: Iterable[str]) -> str:
    return ",".join(sorted(names))


def _inputs(signature: Signature, given: "MessageMap[str, TensorProto]") -> dict[str, Array]:
    known, defaults = signature.inputs, signature.definition.defaults
    if len(given) > len(known) or (len(given) < len(known) and not defaults):
        raise invalid(
            f"input size does not match signature: {len(given)}!={len(known)} len({{{_joined(given)}}}) != "
            f"len({{{_joined(known)}}}). Sent extra: {{{_joined(set(given) - set(known))}}}. "
            f"Missing but required: {{{_joined(set(known) - set(given))}}}."
        )
    feeds: dict[str, Array] = {}
    for alias, (tensor_name, _) in known.items():
        if alias in given:
            feeds[tensor_name] = to_array(alias, given[alias])
        elif alias in defaults:
            feeds[tensor_name] = to_array(alias, defaults[alias])
        else:
            raise invalid(
                f"Signature input alias: {alias}(feed name: {tensor_name}) not found in request and no default value "
                "provided. "
                f"Inputs expected to be in the request {{{_joined(given)}}}, or default input alias set: "
                f"{_joined(defaults)}"
            )
    if any(alias not in known for alias in given):
        raise invalid(
            f"Inputs contains invalid name. Used request inputs: {_joined(set(given) & set(known))}, request "
            f"input: {_joined(given)}"
        )
    return feeds


def _outputs(signature: Signature, wanted: Iterable[str]) -> list[str]:
    seen: list[str] = []
    for alias in wanted:
        if alias not in signature.outputs:
            raise invalid(
                f"output tensor alias not found in signature: {alias} Outputs expected to be in the set "
                f"{{{_joined(signature.outputs)}}}."
            )
        if alias in seen:
            raise invalid(f"duplicate output tensor alias: {alias}")
        seen.append(alias)
    return seen or list(signature.outputs)


def respond(
    servable: Servable, spec: model_pb2.ModelSpec, aliases: list[str], outputs: list[Any], *, as_content: bool
) -> predict_pb2.PredictResponse:
    """Build the answer: every output, and the name, version and signature that gave it."""
    response = predict_pb2.PredictResponse()
    response.model_spec.name = spec.name
    response.model_spec.version.value = servable.version
    response.model_spec.signature_name = spec.signature_name or DEFAULT_SIGNATURE
    for alias, output in zip(aliases, outputs, strict=True):
        fill_proto(response.outputs[alias], output, as_content=as_content)
    return response
