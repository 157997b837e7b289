"""Which versions of a model should be loaded, given its folder and its version policy.

As in TensorFlow Serving's file_system_storage_path_source.cc: numbered folders are versions; the policy is `latest`
(one by default), `all` or `specific`.
"""

# Generated protos declare their messages at run time, where the type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

import logging
from pathlib import Path

from tensorflow_serving.config import file_system_storage_path_source_pb2 as source_pb2
from tensorflow_serving.config import model_server_config_pb2

from modelserver.status import Code, ServingError, invalid

PLATFORM = "tensorflow"
_LOG = logging.getLogger(__name__)


def choose(
    found: dict[int, Path], policy: source_pb2.FileSystemStoragePathSourceConfig.ServableVersionPolicy
) -> dict[int, Path]:
    """Return the versions among `found` that `policy` asks for."""
    kind = policy.WhichOneof("policy_choice")
    if kind == "all":
        return found
    if kind == "specific":
        return {version: found[version] for version in policy.specific.versions if version in found}
    newest = sorted(found, reverse=True)[: max(policy.latest.num_versions, 1)]
    return {version: found[version] for version in newest}


def find(config: model_server_config_pb2.ModelConfig) -> dict[int, Path]:
    """Return the versions of a model to load now: number to folder.

    Raises:
        ServingError: INVALID_ARGUMENT if the base path does not exist or cannot be listed.
    """
    base = Path(config.base_path)
    try:
        folders = sorted(base.iterdir())
    except OSError as error:
        raise invalid(
            f"Could not find base path {base} for servable {config.name} with error NOT_FOUND: {base} not found "
            f"({error.strerror})"
        ) from error
    found = {int(folder.name): folder for folder in folders if folder.name.isascii() and folder.name.isdigit()}
    chosen = choose(found, config.model_version_policy)
    for version in config.model_version_policy.specific.versions:
        if version not in chosen:
            _LOG.warning(
                "Version %d of servable %s, which was requested to be served as a 'specific' version in the "
                "servable's version "
                "policy, was not found in the file system",
                version,
                config.name,
            )
    if not chosen:
        _LOG.warning(
            "No versions of servable %s found under base path %s. Did you forget to name your leaf directory as "
            "a number (eg. '/1/')?",
            config.name,
            base,
        )
    return chosen


def check(
    new: model_server_config_pb2.ModelServerConfig, old: model_server_config_pb2.ModelServerConfig | None
) -> list[model_server_config_pb2.ModelConfig]:
    """Check a model list, also against the one in force; returns its models.

    Raises:
        ServingError: INVALID_ARGUMENT or FAILED_PRECONDITION with TensorFlow Serving's text (server_core.cc).
    """
    if new.WhichOneof("config") == "custom_model_config":
        raise ServingError(Code.FAILED_PRECONDITION, "ModelServer does not yet support custom model config.")
    models = list(new.model_config_list.config)
    platforms = {model.name: model.model_platform for model in old.model_config_list.config} if old else {}
    seen: set[str] = set()
    for model in models:
        if model.name in seen:
            raise invalid(f"Illegal to list model {model.name} multiple times in config list")
        seen.add(model.name)
        if "://" in model.base_path:
            raise invalid(
                f"Model {model.name} has base_path {model.base_path}: this stand-in for TensorFlow Serving reads "
                "local folders only. "
                "Copy the version to a folder first."
            )
        if not model.base_path.startswith("/"):
            raise invalid(
                f"Expected model {model.name} to have an absolute path or URI; got base_path()={model.base_path}"
            )
        _check_platform(model, platforms.get(model.name))
    return models


def _check_platform(model: model_server_config_pb2.ModelConfig, before: str | None) -> None:
    if not model.model_platform:
        raise invalid(
            "Illegal setting neither ModelServerConfig::model_type (deprecated) nor ModelServerConfig::model_platform, "
            f"model name is {model.name}"
        )
    if before is not None and before != model.model_platform:
        raise invalid(
            f"Illegal to change a model's platform. For model {model.name} platform was {before} and new platform "
            "requested is "
            f"{model.model_platform}"
        )
    if model.model_platform != PLATFORM:
        raise invalid(f"Model {model.name} requests unsupported platform {model.model_platform}")
