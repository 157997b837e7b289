"""TensorFlow Serving's settings for one version: the text of its config files, and its command-line flags.

Pure. The config files are text-format protocol buffers: ModelServerConfig (model_server_config.proto), MonitoringConfig
(monitoring_config.proto) and BatchingParameters (session_bundle_config.proto). Flag names are those of
tensorflow_model_server's main.cc.
"""

import json
from dataclasses import dataclass
from typing import Final

from stacks.config import Batching, Model, Serving, servable_name, servable_version

SERVER_BINARY: Final = "/usr/bin/tensorflow_model_server"
MODELS_DIR: Final = "/models"
CONFIG_DIR: Final = "/etc/tf-serving"
MODELS_FILE: Final = "models.config"
MONITORING_FILE: Final = "monitoring.config"
BATCHING_FILE: Final = "batching.config"
METRICS_PATH: Final = "/monitoring/prometheus/metrics"


@dataclass(frozen=True, kw_only=True)
class ServerSettings:
    """Everything that distinguishes one version's servers, defaults filled in.

    `files` are the entries of the ConfigMap mounted at CONFIG_DIR; `model_dir` is the folder the version is copied to.
    """

    servable: str
    servable_version: int
    uri: str
    image: str
    grpc_port: int
    http_port: int
    model_dir: str
    files: dict[str, str]
    flags: tuple[str, ...]
    env: dict[str, str]

    @property
    def metadata_path(self) -> str:
        """REST path that answers 200 only once this version is loaded."""
        return f"/v1/models/{self.servable}/versions/{self.servable_version}/metadata"


def plan_server(name: str, key: str, model: Model, serving: Serving) -> ServerSettings:
    """Settle a version's settings: the version's own, else the model's, else those of all servers."""
    version = model.versions[key]
    servable, number = servable_name(name, model), servable_version(version)
    grpc_port, http_port = model.grpc_port or serving.grpc_port, model.http_port or serving.http_port
    files = {MODELS_FILE: model_server_config(servable, number), MONITORING_FILE: monitoring_config()}
    if version.batching is not None:
        files[BATCHING_FILE] = batching_parameters(version.batching)
    return ServerSettings(
        servable=servable,
        servable_version=number,
        uri=version.uri,
        image=version.image or serving.image,
        grpc_port=grpc_port,
        http_port=http_port,
        model_dir=f"{MODELS_DIR}/{servable}/{number}",
        files=files,
        flags=server_flags(
            grpc_port=grpc_port,
            http_port=http_port,
            timeout_seconds=model.request_timeout_seconds or serving.request_timeout_seconds,
            warmup=version.warmup,
            batching=version.batching is not None,
        ),
        env={**serving.env, **version.env},
    )


def model_server_config(servable: str, version: int) -> str:
    """Write a ModelServerConfig that serves exactly one version of one model from MODELS_DIR."""
    return (
        "model_config_list {\n"
        "  config {\n"
        f"    name: {json.dumps(servable)}\n"
        f"    base_path: {json.dumps(f'{MODELS_DIR}/{servable}')}\n"
        '    model_platform: "tensorflow"\n'
        "    model_version_policy {\n"
        f"      specific {{ versions: {version} }}\n"
        "    }\n"
        "  }\n"
        "}\n"
    )


def monitoring_config() -> str:
    """Write a MonitoringConfig that offers Prometheus metrics at METRICS_PATH of the REST port."""
    return f'prometheus_config {{\n  enable: true\n  path: "{METRICS_PATH}"\n}}\n'


def batching_parameters(batching: Batching) -> str:
    """Write BatchingParameters; the wait is in microseconds."""
    lines = [
        f"max_batch_size {{ value: {batching.max_batch_size} }}",
        f"batch_timeout_micros {{ value: {batching.batch_timeout_micros} }}",
        f"max_enqueued_batches {{ value: {batching.max_enqueued_batches} }}",
        f"num_batch_threads {{ value: {batching.num_batch_threads} }}",
        *(f"allowed_batch_sizes: {size}" for size in batching.allowed_batch_sizes),
        f"pad_variable_length_inputs: {str(batching.pad_variable_length_inputs).lower()}",
    ]
    return "\n".join(lines) + "\n"


def server_flags(
    *, grpc_port: int, http_port: int, timeout_seconds: int, warmup: bool, batching: bool
) -> tuple[str, ...]:
    """Return the flags of tensorflow_model_server.

    The file system is read once at the start: a version appearing later must not bypass the split. A failed load is not
    tried again, so that a corrupt model stops the rollout at once and not after five minutes.
    """
    flags = (
        f"--port={grpc_port}",
        f"--rest_api_port={http_port}",
        f"--rest_api_timeout_in_ms={timeout_seconds * 1000}",
        f"--model_config_file={CONFIG_DIR}/{MODELS_FILE}",
        f"--monitoring_config_file={CONFIG_DIR}/{MONITORING_FILE}",
        "--file_system_poll_wait_seconds=0",
        "--max_num_load_retries=0",
        f"--enable_model_warmup={str(warmup).lower()}",
    )
    if not batching:
        return flags
    return (*flags, "--enable_batching=true", f"--batching_parameters_file={CONFIG_DIR}/{BATCHING_FILE}")
