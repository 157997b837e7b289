"""One JSON value, or the rows of a list, to one array.

Regular lists of numbers take numpy's path. All else is walked value by value in TensorFlow Serving's order
(util/json_tensor.cc), which is slow, but only strings, booleans and mistakes come here.
"""

import base64
import binascii
from typing import Any

import numpy as np

from modelserver.json_parse import as_bytes, debug, type_name
from modelserver.status import Code, ServingError, invalid
from modelserver.tensors import DT_STRING, DTYPES, Array, dtype_name

_INT_RANGES = {
    3: (-(2**31), 2**31), 4: (-(2**31), 2**31), 5: (-(2**31), 2**31), 6: (-(2**31), 2**31),
    9: (-(2**63), 2**63), 22: (0, 2**32), 23: (0, 2**64),
}  # fmt: skip
"""What RapidJSON's IsInt, IsInt64, IsUint and IsUint64 accept.

Int8 … uint8 are checked as int32 and then narrowed, as there.
"""
_FLOATS = (1, 2)
_DT_BOOL = 10
_MAX_DEPTH = 32


def is_b64(value: Any) -> bool:  # noqa: ANN401  any JSON value, here and below
    """Tell whether a value is `{"b64": "…"}`."""
    return isinstance(value, dict) and len(value) == 1 and isinstance(value.get("b64"), str)


def decode_b64(value: Any) -> bytes:  # noqa: ANN401
    """Return the bytes of `{"b64".

    "…"}`. Raises ServingError, INVALID_ARGUMENT, if it is not one or is not base64.
    """
    if not is_b64(value):
        raise invalid(f"JSON Value: {debug(value)} not formatted correctly for base64 data")
    text = value["b64"].translate({ord(space): None for space in " \t\r\n"}).rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise invalid("Unable to base64 decode") from None


def from_rows(items: list[Any], dtype: int, *, key: str = "", plain: bool) -> Array:
    """Stack `items`, one row each, into an array with a leading batch dimension.

    Raises:
        ServingError: INVALID_ARGUMENT naming the first row that is wrong; `key` is the input's name in rows that are
            objects.
    """
    if plain and (fast := _fast(items, dtype)) is not None:
        return fast
    flat: list[Any] = []
    first: list[int] | None = None
    first_size = 0
    for number, item in enumerate(items):
        before = len(flat)
        try:
            shape = _shape(item)
            _walk(item, 0, shape, dtype, flat)
            if first is None:
                first, first_size = shape, len(flat) - before
            elif len(flat) - before != first_size:
                raise invalid(f"Expecting tensor size: {first_size} but got: {len(flat) - before}")
            elif shape != first:
                raise invalid(f"Expecting shape {_show(first)} but got: {_show(shape)}")
        except ServingError as error:
            named = f" key: {key}" if key else ""
            raise invalid(f"Failed to process element: {number}{named} of 'instances' list. Error: {error}") from None
    return _build(flat, [len(items), *(first or [])], dtype)


def from_column(value: Any, dtype: int, *, plain: bool) -> Array:  # noqa: ANN401
    """Convert a whole column.

    Raises ServingError, INVALID_ARGUMENT or UNIMPLEMENTED, for the first value that is wrong.
    """
    if plain and (fast := _fast(value, dtype)) is not None:
        return fast
    flat: list[Any] = []
    shape = _shape(value)
    _walk(value, 0, shape, dtype, flat)
    return _build(flat, shape, dtype)


def _fast(value: Any, dtype: int) -> Array | None:  # noqa: ANN401
    """Convert regular lists of numbers.

    None if there is anything else in them, or a number that `dtype` cannot take.
    """
    if dtype not in _FLOATS and dtype not in _INT_RANGES:
        return None
    try:
        array = np.array(value)
    except (ValueError, OverflowError, RecursionError):
        return None
    kind = array.dtype.kind
    if dtype in _FLOATS:
        with np.errstate(over="ignore"):
            return array.astype(DTYPES[dtype][1]) if kind in "fiu" and array.size else None
    if kind not in "iu" or not array.size:
        return None
    low, high = _INT_RANGES[dtype]
    return array.astype(DTYPES[dtype][1]) if low <= int(array.min()) and int(array.max()) < high else None


def _shape(value: Any) -> list[int]:  # noqa: ANN401
    shape: list[int] = []
    while isinstance(value, list):
        shape.append(len(value))
        if not value:
            break
        value = value[0]
    if len(shape) > _MAX_DEPTH:
        raise invalid(f"Lists are nested {len(shape)} deep; at most {_MAX_DEPTH} dimensions are supported")
    return shape


def _show(shape: list[int]) -> str:
    return f"[{','.join(map(str, shape))}]"


def _walk(value: Any, level: int, shape: list[int], dtype: int, flat: list[Any]) -> None:  # noqa: ANN401
    rank = len(shape)
    if not isinstance(value, list):
        if level != rank:
            raise invalid(
                f"JSON Value: {debug(value)} found at incorrect level: {level + 1} in the JSON DOM. Expected at "
                f"level: {rank}"
            )
        flat.append(_leaf(value, dtype))
        return
    if level >= rank:
        raise invalid(f"Encountered list at unexpected level: {level} expected < {rank}")
    if len(value) != shape[level]:
        raise invalid(
            f"Encountered list at unexpected size: {len(value)} at level: {level} expected size: {shape[level]}"
        )
    for item in value:
        _walk(item, level + 1, shape, dtype, flat)


def _leaf(value: Any, dtype: int) -> Any:  # noqa: ANN401
    if isinstance(value, dict):
        if dtype == DT_STRING:
            return decode_b64(value)
        raise _type_error(value, dtype)
    if dtype == DT_STRING:
        good = isinstance(value, str)
    elif dtype == _DT_BOOL:
        good = isinstance(value, bool)
    elif dtype in _FLOATS:
        good = isinstance(value, int | float) and not isinstance(value, bool)
    elif dtype in _INT_RANGES:
        low, high = _INT_RANGES[dtype]
        good = isinstance(value, int) and not isinstance(value, bool) and low <= value < high
    else:
        raise ServingError(Code.UNIMPLEMENTED, f"Conversion of JSON Value: {debug(value)} to type: {dtype_name(dtype)}")
    if not good:
        raise _type_error(value, dtype)
    return as_bytes(value) if isinstance(value, str) else value


def _type_error(value: Any, dtype: int) -> ServingError:  # noqa: ANN401
    return invalid(f"JSON Value: {debug(value)} Type: {type_name(value)} is not of expected type: {dtype_name(dtype)}")


def _build(flat: list[Any], shape: list[int], dtype: int) -> Array:
    if dtype == DT_STRING:
        array = np.empty(len(flat), np.object_)
        array[:] = flat
        return array.reshape(shape)
    kind = DTYPES[dtype][1] if dtype in DTYPES else np.float32
    try:
        with np.errstate(over="ignore"):
            wide = np.array(flat, np.int64 if dtype in (4, 5, 6) else kind)
    except OverflowError:
        raise invalid("JSON Parse error: Number too big to be stored in double. at offset: 0") from None
    return wide.astype(kind).reshape(shape)
