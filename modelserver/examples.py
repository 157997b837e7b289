"""Classify and Regress: signatures that take serialised tensorflow.Example and give labels, scores or values.

Checks, codes and texts follow TensorFlow Serving's servables/tensorflow/classifier.cc, regressor.cc and util.cc.
"""

# Generated protos declare their messages at run time, where the type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

from collections.abc import Sequence
from typing import Any

import numpy as np
from tensorflow.core.framework import types_pb2
from tensorflow_serving.apis import classification_pb2, input_pb2, regression_pb2

from modelserver.predict import DEFAULT_SIGNATURE, Plan
from modelserver.servable import Servable, Signature
from modelserver.status import invalid
from modelserver.tensors import Array, dtype_number

CLASSIFY, REGRESS = "classification", "regression"
_METHOD = {CLASSIFY: "tensorflow/serving/classify", REGRESS: "tensorflow/serving/regress"}
_OUTPUTS = {CLASSIFY: ("classes", "scores"), REGRESS: ("outputs",)}


def plan(
    servable: Servable, kind: str, signature_name: str, given: input_pb2.Input, *, check_method: bool
) -> tuple[Plan, int]:
    """Check a request of `kind` (CLASSIFY or REGRESS); returns what to run and the number of examples.

    Raises:
        ServingError: INVALID_ARGUMENT for an unknown signature, one of another kind, or an empty input.
    """
    name = signature_name or DEFAULT_SIGNATURE
    signature = servable.signatures.get(name)
    if signature is None:
        raise invalid(f"No signature was found with the name: {name}")
    aliases = _check(kind, signature, check_method=check_method)
    examples = _examples(given)
    feeds: dict[str, Array] = {signature.inputs["inputs"][0]: examples}
    return Plan(signature, feeds, [signature.outputs[alias] for alias in aliases], aliases), len(examples)


def _check(kind: str, signature: Signature, *, check_method: bool) -> list[str]:
    method = signature.definition.method_name
    if check_method and method != _METHOD[kind]:
        raise invalid(f"Expected {kind} signature method_name to be {_METHOD[kind]}. Was: {method}")
    if len(signature.inputs) != 1:
        raise invalid("Expected one input Tensor.")
    count = len(signature.outputs)
    if kind == CLASSIFY and count not in (1, 2):
        raise invalid(f"Expected one or two output Tensors, found {count}")
    if kind == REGRESS and count != 1:
        raise invalid("Expected one output Tensor.")
    if "inputs" not in signature.inputs:
        raise invalid(f"No {kind} inputs found in SignatureDef: {signature.definition}")
    aliases = [alias for alias in _OUTPUTS[kind] if alias in signature.outputs]
    if not aliases and kind == CLASSIFY:
        raise invalid(
            'Expected classification signature outputs to contain at least one of "classes" or "scores". '
            f"Signature was: {signature.definition}"
        )
    if not aliases:
        raise invalid(f"No regression outputs found in SignatureDef: {signature.definition}")
    return aliases


def _examples(given: input_pb2.Input) -> Array:
    """Serialise the examples. The context's features are put before each example's own, which then win."""
    if given.WhichOneof("kind") == "example_list_with_context":
        context = given.example_list_with_context.context.SerializeToString()
        rows = [context + example.SerializeToString() for example in given.example_list_with_context.examples]
    else:
        rows = [example.SerializeToString() for example in given.example_list.examples]
    if not rows:
        raise invalid("Input is empty.")
    flat = np.empty(len(rows), np.object_)
    flat[:] = rows
    return flat


def _shape(array: Array) -> str:
    return f"[{','.join(str(size) for size in array.shape)}]"


def _type(array: Array) -> str:
    return types_pb2.DataType.Name(dtype_number(array))  # type: ignore[arg-type]


def _check_matrix(name: str, array: Array, kind: str, examples: int) -> None:
    if array.ndim != 2:
        raise invalid(f"Expected Tensor shape: [batch_size num_classes] but got {_shape(array)}")
    if _type(array) != kind:
        raise invalid(f"Expected {name} Tensor of {kind}. Got: {_type(array)}")
    if array.shape[0] != examples:
        raise invalid(f"Expected {name} output batch size of {examples}. Got: {array.shape[0]}")


def fill_classes(
    result: classification_pb2.ClassificationResult, aliases: Sequence[str], outputs: Sequence[Any], examples: int
) -> None:
    """Turn label and score matrices into classifications. Raises ServingError if they have another shape or dtype."""
    found = dict(zip(aliases, (np.asarray(output) for output in outputs), strict=True))
    classes, scores = found.get("classes"), found.get("scores")
    if classes is not None:
        _check_matrix("classes", classes, "DT_STRING", examples)
    if scores is not None:
        _check_matrix("scores", scores, "DT_FLOAT", examples)
    if classes is not None and scores is not None and classes.shape[1] != scores.shape[1]:
        raise invalid(
            f"Tensors class and score should match in dim_size(1). Got {classes.shape[1]} vs. {scores.shape[1]}"
        )
    width = next(array.shape[1] for array in (classes, scores) if array is not None)
    for row in range(examples):
        classification = result.classifications.add()
        for column in range(width):
            entry = classification.classes.add()
            if classes is not None:
                entry.label = classes[row, column].decode(errors="replace")
            if scores is not None:
                entry.score = float(scores[row, column])


def fill_values(result: regression_pb2.RegressionResult, outputs: Sequence[Any], examples: int) -> None:
    """Turn a vector, or a matrix of one column, into regressions.

    Raises ServingError if it has another shape or dtype.
    """
    array = np.asarray(outputs[0])
    if array.ndim != 1 and not (array.ndim == 2 and array.shape[1] == 1):
        raise invalid(
            f"Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got {_shape(array)}"
        )
    if array.shape[0] != examples:
        raise invalid(f"Input batch size did not match output batch size: {examples} vs. {array.shape[0]}")
    if _type(array) != "DT_FLOAT":
        raise invalid(f"Expected output Tensor of DT_FLOAT.  Got: {_type(array)}")
    for value in array.ravel().tolist():
        result.regressions.add().value = value
