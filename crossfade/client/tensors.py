"""numpy arrays ↔ TensorFlow's TensorProto, for the types models exchange. No TensorFlow needed.

Types: the numeric ones and bool, as raw `tensor_content` out, and as content or the typed value fields in; strings (of
bytes) both ways. Half, complex, quantised and resource tensors are not covered.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from crossfade.errors import InputError, ServerError
from crossfade.protos import tensor_pb2, types_pb2

# TensorFlow's type → numpy's, and the field that holds its values where `tensor_content` is not used (tensor.proto).
_KINDS: dict[int, tuple[Any, str]] = {
    types_pb2.DT_FLOAT: (np.dtype(np.float32), "float_val"),
    types_pb2.DT_DOUBLE: (np.dtype(np.float64), "double_val"),
    types_pb2.DT_INT32: (np.dtype(np.int32), "int_val"),
    types_pb2.DT_UINT8: (np.dtype(np.uint8), "int_val"),
    types_pb2.DT_INT64: (np.dtype(np.int64), "int64_val"),
    types_pb2.DT_BOOL: (np.dtype(np.bool_), "bool_val"),
    types_pb2.DT_STRING: (np.dtype(np.object_), "string_val"),
}
_BY_NUMPY = {dtype: kind for kind, (dtype, _) in _KINDS.items()}


def to_proto(array: npt.NDArray[Any]) -> Any:  # noqa: ANN401 - a TensorProto
    """Return `array` as a TensorProto; object and bytes arrays become strings. Raises InputError for other types."""
    if array.dtype.kind == "S":
        array = array.astype(np.object_)
    kind = _BY_NUMPY.get(array.dtype)
    if kind is None:
        raise InputError(
            f"an input of type {array.dtype} cannot be sent: use float32, float64, int32, int64, uint8, bool or bytes."
        )
    proto = tensor_pb2.TensorProto(dtype=kind)
    for size in array.shape:
        proto.tensor_shape.dim.add(size=size)
    if kind == types_pb2.DT_STRING:
        proto.string_val.extend(array.ravel().tolist())
    else:
        proto.tensor_content = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
    return proto


def from_proto(proto: Any) -> npt.NDArray[Any]:  # noqa: ANN401 - a TensorProto
    """Return the array in `proto`. Raises ServerError for a type or a size that does not fit."""
    if proto.dtype not in _KINDS:
        raise ServerError(f"the server answered with an unknown tensor type: {proto.dtype}.", "INTERNAL")
    dtype, field = _KINDS[proto.dtype]
    shape = tuple(dim.size for dim in proto.tensor_shape.dim)
    if proto.tensor_content:
        values = np.frombuffer(proto.tensor_content, dtype=dtype.newbyteorder("<")).astype(dtype)
    else:
        values = np.array(list(getattr(proto, field)), dtype=dtype)
    count = math.prod(shape)
    if 0 < len(values) < count:
        # TensorFlow leaves out a tail of equal values.
        values = np.concatenate([values, np.repeat(values[-1:], count - len(values))])
    if len(values) != count:
        raise ServerError(f"the server's tensor holds {len(values)} values for the shape {list(shape)}.", "INTERNAL")
    return values.reshape(shape)
