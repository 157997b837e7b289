"""Outputs to a JSON answer, in the layout and number format of TensorFlow Serving's util/json_tensor.cc.

Floats have six significant digits if those give the same value back, else nine (float) or seventeen (double); whole
numbers get `.0`; NaN and infinities are bare tokens. Outputs whose name ends in `_bytes` are `{"b64": …}`.
"""

# Generated protos declare their messages at run time, where the type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from tensorflow_serving.apis import classification_pb2, regression_pb2

from modelserver.json_input import ROW
from modelserver.json_parse import encode_b64
from modelserver.status import ServingError, invalid
from modelserver.tensors import DT_STRING, Array, dtype_name, dtype_number

_FLOAT, _DOUBLE, _BOOL = 1, 2, 10
_WRITABLE = (_FLOAT, _DOUBLE, 3, 4, 5, 6, DT_STRING, 9, _BOOL, 22, 23)


def write_predict(layout: str, outputs: Mapping[str, Any]) -> bytes:
    """Write the answer to a `:predict` in the layout of its request (ROW or COLUMN).

    Raises:
        ServingError: INVALID_ARGUMENT if rows are wanted and an output has no batch dimension, or another size of it;
            or if an output's dtype has no JSON form.
    """
    arrays = {
        name: np.asarray(value, np.object_) if isinstance(value, bytes) else np.asarray(value)
        for name, value in outputs.items()
    }
    if not arrays:
        raise invalid("Cannot convert empty tensor map to JSON")
    text = _rows(arrays) if layout == ROW else _columns(arrays)
    return text.encode("utf-8", "surrogateescape")


def _rows(arrays: dict[str, Array]) -> str:
    size = -1
    for name, array in arrays.items():
        if array.ndim == 0:
            raise invalid(f"Tensor name: {name} has no shape information ")
        if size not in (-1, array.shape[0]):
            raise invalid(f"Tensor name: {name} has inconsistent batch size: {array.shape[0]} expecting: {size}")
        size = array.shape[0]
    columns = {name: [_inline(row) for row in _leaves(name, array)] for name, array in arrays.items()}
    if size == 0:
        return '{\n    "predictions": []\n}'
    if len(columns) == 1:
        return '{\n    "predictions": [' + ", ".join(next(iter(columns.values()))) + "\n    ]\n}"
    keys = [f"\n            {json.dumps(name)}: " for name in columns]
    rows = (
        "\n        {" + ",".join(key + cell for key, cell in zip(keys, cells, strict=True)) + "\n        }"
        for cells in zip(*columns.values(), strict=True)
    )
    return '{\n    "predictions": [' + ",".join(rows) + "\n    ]\n}"


def _columns(arrays: dict[str, Array]) -> str:
    if len(arrays) == 1:
        name, array = next(iter(arrays.items()))
        return f'{{\n    "outputs": {_spread(_leaves(name, array), 1)}\n}}'
    cells = [f"\n        {json.dumps(name)}: {_spread(_leaves(name, array), 2)}" for name, array in arrays.items()]
    return '{\n    "outputs": {' + ",".join(cells) + "\n    }\n}"


def _inline(value: Any) -> str:  # noqa: ANN401  nested lists of written values
    return f"[{', '.join(map(_inline, value))}]" if isinstance(value, list) else value


def _spread(value: Any, depth: int) -> str:  # noqa: ANN401
    if not isinstance(value, list):
        return value
    if not value:
        return "[]"
    lead = "\n" + "    " * (depth + 1)
    return f"[{','.join(lead + _spread(item, depth + 1) for item in value)}\n{'    ' * depth}]"


def _leaves(name: str, array: Array) -> Any:  # noqa: ANN401
    """Return nested lists of written values in the shape of `array`."""
    number = dtype_number(array)
    if number not in _WRITABLE:
        raise invalid(f"Failed to write JSON value for tensor type: {dtype_name(number)}")
    values = array.ravel().tolist()
    if number in (_FLOAT, _DOUBLE):
        flat = decimals(values, array.ravel())
    elif number == DT_STRING:
        flat = [_bytes(value) if name.endswith("_bytes") else _text(value) for value in values]
    elif number == _BOOL:
        flat = ["true" if value else "false" for value in values]
    else:
        flat = list(map(str, values))
    written = np.empty(len(flat), np.object_)
    written[:] = flat
    return written.reshape(array.shape).tolist()


def _text(value: bytes) -> str:
    return json.dumps(value.decode("utf-8", "surrogateescape"), ensure_ascii=False)


def _bytes(value: bytes) -> str:
    return f'{{"b64": "{encode_b64(value)}"}}'


def decimals(values: list[float], exact: Array) -> list[str]:
    """Write floats. `exact` holds the same values in their own dtype, which decides what counts as the same value."""
    short = [f"{value:g}" for value in values]
    same = np.array(list(map(float, short)), exact.dtype) == exact
    digits = 9 if exact.dtype == np.float32 else 17
    return [
        _decimal(text if ok else f"{value:.{digits}g}", value)
        for text, ok, value in zip(short, same, values, strict=True)
    ]


def _decimal(text: str, value: float) -> str:
    if not math.isfinite(value):
        return "NaN" if value != value else ("Infinity" if value > 0 else "-Infinity")
    return text if "." in text or "e" in text else text + ".0"


def write_classes(result: classification_pb2.ClassificationResult) -> bytes:
    """Write the answer to a `:classify`: for each example, pairs of label and score."""
    rows: list[str] = []
    for classification in result.classifications:
        scores = [entry.score for entry in classification.classes]
        written = decimals(scores, np.array(scores, np.float32))
        pairs = [
            f"[{json.dumps(entry.label)}, {score}]"
            for entry, score in zip(classification.classes, written, strict=True)
        ]
        rows.append(f"[{', '.join(pairs)}]")
    return ('{\n    "results": [' + ", ".join(rows) + "\n    ]\n}").encode()


def write_values(result: regression_pb2.RegressionResult) -> bytes:
    """Write the answer to a `:regress`: one number for each example."""
    values = [entry.value for entry in result.regressions]
    return ('{\n    "results": [' + ", ".join(decimals(values, np.array(values, np.float32))) + "]\n}").encode()


def write_error(error: ServingError) -> bytes:
    """Write a failure: `{"error": "…"}`."""
    return f'{{\n    "error": {json.dumps(error.message, ensure_ascii=False)}\n}}'.encode("utf-8", "replace")
