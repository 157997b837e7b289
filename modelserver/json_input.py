"""A JSON body to a Predict, Classify or Regress request.

Formats, checks and texts follow TensorFlow Serving's util/json_tensor.cc. Numbers in regular nested lists are
converted by numpy in one go; anything else goes through `json_tensor`, value by value, which finds the exact
complaint.
"""

# Generated protos declare their messages at run time, where the type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

from collections.abc import Callable, Mapping
from typing import Any

from tensorflow.core.example.example_pb2 import Example
from tensorflow.core.example.feature_pb2 import Feature
from tensorflow_serving.apis import classification_pb2, input_pb2, predict_pb2, regression_pb2

from modelserver.json_parse import as_bytes, debug, parse, type_name
from modelserver.json_tensor import decode_b64, from_column, from_rows, is_b64
from modelserver.status import ServingError, invalid
from modelserver.tensors import Array

Inputs = Mapping[str, tuple[str, int]]
"""A signature's inputs: alias to tensor name and DataType number."""

ROW, COLUMN = "predictions", "outputs"
"""The format of a request, named after the key of the answer to it."""


def read_predict(
    body: bytes, request: predict_pb2.PredictRequest, inputs_of: Callable[[str], Inputs]
) -> tuple[str, dict[str, Array]]:
    """Read a `:predict` body: fills the signature name, returns the format and the inputs by alias.

    `inputs_of` gives the inputs of a signature by its name (empty for the default one).

    Raises:
        ServingError: INVALID_ARGUMENT for anything that is not a well-formed request for that signature.
    """
    doc = parse(body)
    _signature(doc, request)
    inputs = inputs_of(request.model_spec.signature_name)
    if not inputs:
        raise invalid(f"Failed to get input map for signature: {request.model_spec.signature_name or 'DEFAULT'}")
    plain = b"true" not in body and b"false" not in body  # numpy would take a boolean among numbers for a number
    if "instances" in doc:
        if "inputs" in doc:
            raise _bad(doc, "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist ")
        if not isinstance(doc["instances"], list):
            raise _bad(doc, "Expecting 'instances' to be an list/array")
        if not doc["instances"]:
            raise _bad(doc, "No values in 'instances' array")
        return ROW, _rows(doc["instances"], inputs, plain=plain)
    if "inputs" in doc:
        return COLUMN, _columns(doc["inputs"], inputs, plain=plain)
    raise invalid("Missing 'inputs' or 'instances' key")


def _bad(doc: Any, text: str) -> ServingError:  # noqa: ANN401
    return invalid(f"JSON Value: {debug(doc)} {text}")


def _signature(doc: dict[str, Any], request: Any) -> None:  # noqa: ANN401  three message types, one field
    if "signature_name" in doc:
        if not isinstance(doc["signature_name"], str):
            raise _bad(doc, "not formatted correctly. 'signature_name' key must be a string value.")
        try:
            request.model_spec.signature_name = doc["signature_name"]
        except UnicodeEncodeError:
            raise _bad(doc, "not formatted correctly. 'signature_name' key must be a string value.") from None


def _is_object(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, dict) and not is_b64(value)


def _rows(items: list[Any], inputs: Inputs, *, plain: bool) -> dict[str, Array]:
    if not isinstance(items[0], dict) and len(inputs) > 1:
        raise invalid(
            "instances is a plain list, but expecting list of objects as multiple input tensors required as per "
            "tensorinfo_map"
        )
    if not _is_object(items[0]):
        for number, item in enumerate(items):
            if _is_object(item):
                raise invalid(f"Expecting value/list but got object at item {number} of input list")
        alias, (_, dtype) = next(iter(inputs.items()))
        return {alias: from_rows(items, dtype, plain=plain)}
    for number, item in enumerate(items):
        if not _is_object(item):
            raise invalid(f"Expecting object but got list at item {number} of input list")
        for key in item:
            if key not in inputs:
                raise invalid(
                    f"Failed to process element: {number} key: {key} of 'instances' list. Error: INVALID_ARGUMENT: "
                    f"JSON object: does not have named input: {key}"
                )
        if set(item) != set(inputs):
            raise invalid(
                f"Failed to process element: {number} of 'instances' list. JSON object: {debug(item)} keys must be "
                "equal to: "
                f"{','.join(sorted(inputs))}"
            )
    return {
        alias: from_rows([item[alias] for item in items], dtype, key=alias, plain=plain)
        for alias, (_, dtype) in inputs.items()
    }


def _columns(value: Any, inputs: Inputs, *, plain: bool) -> dict[str, Array]:  # noqa: ANN401
    if not _is_object(value):
        if len(inputs) > 1:
            raise invalid(
                "inputs is a plain value/list, but expecting an object as multiple input tensors required as per "
                "tensorinfo_map"
            )
        alias, (_, dtype) = next(iter(inputs.items()))
        return {alias: from_column(value, dtype, plain=plain)}
    for alias in inputs:
        if alias not in value:
            raise invalid(f"Missing named input: {alias} in 'inputs' object.")
    return {alias: from_column(value[alias], dtype, plain=plain) for alias, (_, dtype) in inputs.items()}


def read_examples(
    body: bytes, request: classification_pb2.ClassificationRequest | regression_pb2.RegressionRequest
) -> None:
    """Read a `:classify` or `:regress` body into `request`. Raises ServingError, INVALID_ARGUMENT."""
    doc = parse(body)
    _signature(doc, request)
    given: input_pb2.Input = request.input
    with_context = "context" in doc
    if with_context:
        _example(doc["context"], given.example_list_with_context.context)
    if "examples" not in doc:
        raise _bad(doc, "When method is classify, key 'examples' is expected and was not found")
    if not isinstance(doc["examples"], list):
        raise _bad(doc, "Expecting 'examples' value to be an list/array")
    if not doc["examples"]:
        raise _bad(doc, "'examples' value is an empty array")
    rows = given.example_list_with_context.examples if with_context else given.example_list.examples
    for item in doc["examples"]:
        _example(item, rows.add())


def _example(value: Any, example: Example) -> None:  # noqa: ANN401
    if not isinstance(value, dict):
        raise invalid(f"Example must be JSON object but got JSON {type_name(value)}")
    for name, content in value.items():
        feature = Feature()
        for item in content if isinstance(content, list) else [content]:
            _feature_value(name, item, feature)
        try:
            example.features.feature[name].CopyFrom(feature)
        except UnicodeEncodeError:
            raise invalid(f"Feature: {debug(name)} is not a valid name") from None


def _feature_value(name: str, value: Any, feature: Feature) -> None:  # noqa: ANN401
    if isinstance(value, bool | int):
        if not isinstance(value, bool) and 2**63 <= value < 2**64:
            raise invalid(f"Feature: {name} has uint64_t element. Only int64_t is supported.")
        kind, item = "int64_list", int(value)
        if not -(2**63) <= item < 2**63:
            kind, item = "float_list", float(item)
    elif isinstance(value, float):
        kind, item = "float_list", value
    elif isinstance(value, str) or is_b64(value):
        kind, item = "bytes_list", as_bytes(value) if isinstance(value, str) else decode_b64(value)
    else:
        raise invalid(f"Feature: {name} has element with unexpected JSON type: {type_name(value)}")
    present = feature.WhichOneof("kind")
    if present not in (None, kind):
        raise invalid(f"Unexpected element type in feature: {name} expecting type: {present.removesuffix('_list')}")
    getattr(feature, kind).value.append(item)
