"""TensorFlow Serving's command line: `--name=value`, and `--name` alone for true.

Three kinds of flags: those that act here; those that are accepted because leaving them out changes nothing a client
can see; and those that the real server knows but this stand-in does not, which are refused by name rather than
ignored. Names, defaults and the form of values follow TensorFlow Serving's model_servers/main.cc and server.h.
"""

import os
from dataclasses import dataclass, field, fields
from typing import TypeVar

from modelserver import STAND_IN

T = TypeVar("T", bool, int, str)
_CPUS = len(os.sched_getaffinity(0))


def _flag(default: T, text: str) -> T:
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True, kw_only=True)
class Flags:
    """The flags that act. Times are in the unit that each name gives."""

    port: int = _flag(8500, "TCP port for gRPC.")
    rest_api_port: int = _flag(0, "Port for HTTP/REST; 0 turns REST off. Must differ from --port.")
    rest_api_num_threads: int = _flag(4 * _CPUS, "Threads for HTTP/REST requests that take long.")
    rest_api_timeout_in_ms: int = _flag(30000, "Time limit of one HTTP/REST call.")
    rest_api_enable_cors_support: bool = _flag(False, "Add CORS headers to HTTP/REST answers.")
    enable_batching: bool = _flag(False, "Batch requests of several clients together.")
    batching_parameters_file: str = _flag("", "Text BatchingParameters; needs --enable_batching.")
    allow_version_labels_for_unavailable_models: bool = _flag(
        False, "Allow unused version labels to name versions that are not available yet."
    )
    model_config_file: str = _flag("", "Text ModelServerConfig; --model_name and --model_base_path are then ignored.")
    model_config_file_poll_wait_seconds: int = _flag(0, "Interval between reads of --model_config_file; 0 reads once.")
    model_name: str = _flag("default", "Name of the model.")
    model_base_path: str = _flag("", "Folder that holds one numbered folder for each version.")
    max_num_load_retries: int = _flag(5, "Retries of a failed load; 0 tries once.")
    load_retry_interval_micros: int = _flag(60_000_000, "Pause between retries; negative does not wait.")
    file_system_poll_wait_seconds: int = _flag(1, "Interval between looks for new versions; 0 looks once.")
    tensorflow_session_parallelism: int = _flag(0, "Threads of a TensorFlow session; 0 is automatic.")
    tensorflow_intra_op_parallelism: int = _flag(0, "Threads within one operation; 0 is automatic.")
    tensorflow_inter_op_parallelism: int = _flag(0, "Operations run at once; 0 is automatic.")
    saved_model_tags: str = _flag("serve", "Comma-separated tags of the graph to load.")
    grpc_channel_arguments: str = _flag("", "Comma-separated key=value arguments of the gRPC server.")
    grpc_max_threads: int = _flag(4 * _CPUS, "Threads for gRPC requests that take long.")
    enable_model_warmup: bool = _flag(True, "Replay the model's warm-up requests before it becomes available.")
    num_request_iterations_for_warmup: int = _flag(0, "How often each warm-up request runs, if above 0.")
    monitoring_config_file: str = _flag("", "Text MonitoringConfig.")
    enable_signature_method_name_check: bool = _flag(False, "Check a signature's method_name.")
    enable_serialization_as_tensor_content: bool = _flag(False, "Answer with tensor_content instead of typed values.")
    version: bool = _flag(False, "Print the version and exit.")


WITHOUT_EFFECT = frozenset(
    {
        "enable_profiler",
        "flush_filesystem_caches",
        "num_load_threads",
        "num_tflite_interpreters_per_pool",
        "num_tflite_pools",
        "num_unload_threads",
        "per_process_gpu_memory_fraction",
        "remove_unused_fields_from_bundle_metagraph",
        "skip_initialize_tpu",
    }
)
"""Flags of TensorFlow Serving that tune what this server has not got. Accepted with any value."""

REFUSED = frozenset(
    {
        "enable_grpc_healthcheck_service",
        "enable_per_model_batching_parameters",
        "grpc_socket_path",
        "mixed_precision",
        "platform_config_file",
        "prefer_tflite_model",
        "ssl_config_file",
        "tensorflow_session_config_file",
        "thread_pool_factory_config_file",
        "use_alts_credentials",
        "xla_cpu_compilation_enabled",
        "xla_gpu_compilation_enabled",
    }
)
"""Flags of TensorFlow Serving that would change what clients see.

Accepted only when they ask for nothing (empty or false).
"""

_TRUE, _FALSE = {"true", "1", ""}, {"false", "0"}


class FlagError(Exception):
    """A command line that cannot be used; the message says which argument and why."""


def parse(arguments: list[str]) -> Flags:
    """Read a command line.

    Raises:
        FlagError: an argument is unknown, has a value of the wrong kind, or asks for what the stand-in does not
            implement.
    """
    kinds = {entry.name: type(entry.default) for entry in fields(Flags)}
    values: dict[str, bool | int | str] = {}
    for argument in arguments:
        name, equals, text = argument.removeprefix("--").partition("=")
        if not argument.startswith("--") or name not in {*kinds, *WITHOUT_EFFECT, *REFUSED}:
            raise FlagError(f"unknown argument: {argument}")
        if name in REFUSED and text.lower() not in _FALSE and (equals == "" or text != ""):
            raise FlagError(
                f"--{name} is a flag of TensorFlow Serving that this {STAND_IN} does not implement. "
                "Leave the flag out, or run TensorFlow Serving itself."
            )
        if name in kinds:
            values[name] = _value(kinds[name], name, equals, text)
    return Flags(**values)  # type: ignore[arg-type]


def _value(kind: type, name: str, equals: str, text: str) -> bool | int | str:
    wrong = FlagError(f"Couldn't interpret value {text} for flag {name}.")
    if kind is bool:
        if text.lower() in _TRUE and (text or not equals):
            return True
        if text.lower() in _FALSE:
            return False
        raise wrong
    if not equals:
        raise FlagError(f"--{name} needs a value: --{name}=<value>.")
    if kind is int:
        try:
            return int(text)
        except ValueError:
            raise wrong from None
    return text


def usage() -> str:
    """Return the help text."""
    rows = [f"\t--{entry.name}={entry.default!r}\t{entry.metadata['help']}" for entry in fields(Flags)]
    return "\n".join([f"usage: tensorflow_model_server ({STAND_IN})", "Flags:", *rows])
