"""TensorProto to numpy and back.

The input side follows TensorFlow's Tensor::FromProto: `tensor_content` or typed values; too few values repeat the
last one; none at all means zeros; a shape that is unknown, negative or disagrees with `tensor_content` is a parsing
error. The output side writes typed values (or `tensor_content` by flag), as TensorFlow Serving does.
"""

# Generated protos declare their messages at run time, where the type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

import math
from typing import Any

import ml_dtypes
import numpy as np
from tensorflow.core.framework.tensor_pb2 import TensorProto

from modelserver.status import Code, ServingError, invalid

Array = np.ndarray[Any, np.dtype[Any]]

DTYPES: dict[int, tuple[str, Any, str]] = {
    1: ("float", np.float32, "float_val"),
    2: ("double", np.float64, "double_val"),
    3: ("int32", np.int32, "int_val"),
    4: ("uint8", np.uint8, "int_val"),
    5: ("int16", np.int16, "int_val"),
    6: ("int8", np.int8, "int_val"),
    7: ("string", np.object_, "string_val"),
    8: ("complex64", np.complex64, "scomplex_val"),
    9: ("int64", np.int64, "int64_val"),
    10: ("bool", np.bool_, "bool_val"),
    14: ("bfloat16", ml_dtypes.bfloat16, "half_val"),
    17: ("uint16", np.uint16, "int_val"),
    18: ("complex128", np.complex128, "dcomplex_val"),
    19: ("half", np.float16, "half_val"),
    22: ("uint32", np.uint32, "uint32_val"),
    23: ("uint64", np.uint64, "uint64_val"),
}
"""By tensorflow.DataType number.

TensorFlow's name of it, numpy's type, and the TensorProto field that holds its values.
"""

DT_STRING = 7
_NUMBERS = {np.dtype(kind): number for number, (_, kind, _) in DTYPES.items()}
_PACKED = {
    1: b"\x2a",
    2: b"\x32",
}  # key of float_val and double_val: packed little-endian values, which is what numpy holds
_LIMIT = (
    2**31
)  # a shape may ask for at most 2 GiB that the message does not carry: else 20 bytes could claim all memory


def dtype_name(number: int) -> str:
    """Return TensorFlow's name of a DataType, e.g. `float` for 1."""
    return DTYPES[number][0] if number in DTYPES else f"unknown dtype enum ({number})"


def to_array(alias: str, tensor: TensorProto) -> Array:
    """Convert an input to an array of the dtype and shape the message gives; strings become an object array of bytes.

    Raises:
        ServingError: INVALID_ARGUMENT `tensor parsing error: <alias>`, TensorFlow Serving's text.
    """
    try:
        return _to_array(tensor)
    except (ValueError, OverflowError, TypeError, KeyError):
        raise invalid(f"tensor parsing error: {alias}") from None


def _to_array(tensor: TensorProto) -> Array:
    _, kind, name = DTYPES[tensor.dtype]
    if tensor.tensor_shape.unknown_rank:
        raise ValueError
    shape = [dim.size for dim in tensor.tensor_shape.dim]
    if min(shape, default=0) < 0 or len(shape) > 32:
        raise ValueError
    count = math.prod(shape)
    if tensor.tensor_content and kind is not np.object_:
        content = np.frombuffer(tensor.tensor_content, kind)
        if content.size != count:
            raise ValueError
        return content.reshape(shape)
    values = getattr(tensor, name)
    if kind is np.object_:
        flat = np.empty(len(values), np.object_)
        flat[:] = values
        nothing: Any = b""
    elif name == "half_val":
        flat, nothing = np.array(values, np.uint16).view(kind), 0
    elif name.endswith("complex_val"):
        flat, nothing = np.array(values, np.float64).view(np.complex128).astype(kind), 0
    else:
        # int_val carries int8 … uint16 as int32: the narrowing cast wraps, as C++'s does.
        flat, nothing = np.array(values, np.int32 if name == "int_val" else kind).astype(kind, copy=False), 0
    if flat.size < count:
        if count * 8 > _LIMIT:
            raise ValueError
        padding = np.full(count - flat.size, flat[-1] if flat.size else nothing, flat.dtype)
        flat = np.concatenate([flat, padding])
    return flat[:count].reshape(shape)


def dtype_number(array: Array) -> int:
    """Return the DataType number of an array that TensorFlow produced."""
    try:
        return _NUMBERS[array.dtype]
    except KeyError:
        raise ServingError(
            Code.UNIMPLEMENTED, f"outputs of type {array.dtype} are not supported by this stand-in"
        ) from None


def fill_proto(tensor: TensorProto, value: Any, *, as_content: bool = False) -> None:  # noqa: ANN401  numpy gives scalars as such
    """Write an output into an empty TensorProto. `value` is an array, or a scalar for rank 0."""
    array = np.asarray(value, np.object_) if isinstance(value, bytes) else np.asarray(value)
    number = dtype_number(array)
    tensor.dtype = number  # type: ignore[assignment]
    dims = tensor.tensor_shape.dim
    tensor.tensor_shape.SetInParent()
    for size in array.shape:
        dims.add().size = size
    if as_content and number != DT_STRING:
        tensor.tensor_content = array.tobytes()
    elif number in _PACKED and array.size:
        raw = array.tobytes()
        tensor.MergeFromString(_PACKED[number] + _varint(len(raw)) + raw)
    elif DTYPES[number][2] == "half_val":
        tensor.half_val.extend(array.view(np.uint16).ravel().tolist())
    elif array.dtype.kind == "c":
        part = np.float32 if number == 8 else np.float64
        getattr(tensor, DTYPES[number][2]).extend(np.ascontiguousarray(array).view(part).ravel().tolist())
    else:
        getattr(tensor, DTYPES[number][2]).extend(array.ravel().tolist())


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)
