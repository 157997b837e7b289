"""The configuration files, which are text protos.

ModelServerConfig ships with tensorflow-serving-api. MonitoringConfig and BatchingParameters do not: they are declared
here with the official names, numbers and types (config/monitoring_config.proto,
servables/tensorflow/session_bundle_config.proto).
"""

# Generated protos declare their messages at run time, where the type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format, wrappers_pb2
from google.protobuf.message import Message
from tensorflow_serving.config import model_server_config_pb2

from modelserver.status import Code, ServingError, invalid

_F = descriptor_pb2.FieldDescriptorProto
_WRAPPED = {"Int64Value": ["max_batch_size", "batch_timeout_micros", "max_enqueued_batches", "num_batch_threads"]}
DEFAULT_METRICS_PATH = "/monitoring/prometheus/metrics"


def _declare() -> tuple[type[Message], type[Message]]:
    file = descriptor_pb2.FileDescriptorProto(
        name="modelserver/textproto.proto",
        package="modelserver",
        syntax="proto3",
        dependency=[wrappers_pb2.DESCRIPTOR.name],
    )
    prometheus = file.message_type.add(name="PrometheusConfig")
    _add(prometheus, "enable", 1, kind=_F.TYPE_BOOL)
    _add(prometheus, "path", 2, kind=_F.TYPE_STRING)
    _add(
        file.message_type.add(name="MonitoringConfig"), "prometheus_config", 1, message=".modelserver.PrometheusConfig"
    )
    batching = file.message_type.add(name="BatchingParameters")
    for number, name in enumerate(_WRAPPED["Int64Value"], start=1):
        _add(batching, name, number, message=".google.protobuf.Int64Value")
    _add(batching, "thread_pool_name", 5, message=".google.protobuf.StringValue")
    _add(batching, "allowed_batch_sizes", 6, kind=_F.TYPE_INT64, label=_F.LABEL_REPEATED)
    _add(batching, "pad_variable_length_inputs", 7, kind=_F.TYPE_BOOL)
    _add(batching, "enable_large_batch_splitting", 8, message=".google.protobuf.BoolValue")
    _add(batching, "max_execution_batch_size", 9, message=".google.protobuf.Int64Value")
    # A pool of its own: an official module that declares these messages can then be imported beside this one.
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(file.SerializeToString())
    return (
        message_factory.GetMessageClass(pool.FindMessageTypeByName("modelserver.MonitoringConfig")),
        message_factory.GetMessageClass(pool.FindMessageTypeByName("modelserver.BatchingParameters")),
    )


def _add(
    owner: descriptor_pb2.DescriptorProto,
    name: str,
    number: int,
    *,
    kind: "_F.Type.ValueType" = _F.TYPE_MESSAGE,
    message: str = "",
    label: "_F.Label.ValueType" = _F.LABEL_OPTIONAL,
) -> None:
    entry = owner.field.add(name=name, number=number, type=kind, label=label)
    if message:
        entry.type_name = message


_MonitoringConfig, _BatchingParameters = _declare()


@dataclass(frozen=True, kw_only=True)
class BatchingParameters:
    """How requests are joined. Sizes are rows (the 0th dimension); defaults are TensorFlow's own."""

    max_batch_size: int = 1000
    batch_timeout_micros: int = 0
    max_enqueued_batches: int = 10
    num_batch_threads: int
    allowed_batch_sizes: tuple[int, ...] = ()
    pad_variable_length_inputs: bool = False


def _read(path: str, message: Message) -> Any:  # noqa: ANN401  the fields of a message declared at run time
    """Fill `message` from the text proto at `path`.

    Raises:
        ServingError: NOT_FOUND if it cannot be read, INVALID_ARGUMENT if it is not such a message; the text gives
            line and column.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ServingError(Code.NOT_FOUND, f"{path}; {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise invalid(f"Invalid protobuf file: '{path}'") from error
    try:
        return text_format.Parse(text, message)
    except text_format.ParseError as error:
        raise invalid(f"Invalid protobuf file: '{path}': {error}") from error


def read_model_config(path: str) -> model_server_config_pb2.ModelServerConfig:
    """Read a ModelServerConfig. Raises ServingError as `_read` does."""
    return _read(path, model_server_config_pb2.ModelServerConfig())


def read_metrics_path(path: str) -> str | None:
    """Return the metrics path that a MonitoringConfig gives, or None if metrics are off.

    Raises ServingError as `_read` does.
    """
    config = _read(path, _MonitoringConfig()).prometheus_config
    return (config.path or DEFAULT_METRICS_PATH) if config.enable else None


def read_batching(path: str, *, cpus: int) -> BatchingParameters:
    """Read BatchingParameters; an empty path gives the defaults.

    Raises:
        ServingError: as `_read` does; INVALID_ARGUMENT for values that cannot be; UNIMPLEMENTED for large batch
            splitting.
    """
    file = _read(path, _BatchingParameters()) if path else _BatchingParameters()
    given: dict[str, Any] = {name: getattr(file, name).value for name in _WRAPPED["Int64Value"] if file.HasField(name)}
    params = BatchingParameters(
        **{"num_batch_threads": cpus, **given},
        allowed_batch_sizes=tuple(file.allowed_batch_sizes),
        pad_variable_length_inputs=file.pad_variable_length_inputs,
    )
    if file.enable_large_batch_splitting.value:
        raise ServingError(Code.UNIMPLEMENTED, "enable_large_batch_splitting is not implemented by this stand-in")
    for name, least in (
        ("max_batch_size", 1),
        ("batch_timeout_micros", 0),
        ("max_enqueued_batches", 1),
        ("num_batch_threads", 1),
    ):
        if getattr(params, name) < least:
            raise invalid(f"{name} must be at least {least}; was {getattr(params, name)}")
    sizes = params.allowed_batch_sizes
    if sizes and sizes[-1] != params.max_batch_size:
        raise invalid(
            f"Last entry in allowed_batch_sizes must match max_batch_size; last entry was {sizes[-1]}; "
            f"expected {params.max_batch_size}"
        )
    if any(later <= earlier for earlier, later in pairwise(sizes)):
        raise invalid("allowed_batch_sizes entries must be monotonically increasing")
    return params
