"""The models that the server holds: configuration, labels, polling, and the version that a request means.

Rules, codes and texts follow TensorFlow Serving's model_servers/server_core.cc.
"""

# Generated protos declare their messages at run time, where the type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

import asyncio
import logging

from tensorflow_serving.apis import model_pb2
from tensorflow_serving.config.model_server_config_pb2 import ModelConfig, ModelServerConfig

from modelserver import versions
from modelserver.manager import AVAILABLE, END, Manager
from modelserver.servable import Servable
from modelserver.status import Code, ServingError, invalid

_LOG = logging.getLogger(__name__)
_EMPTY_POLL_SECONDS = 1.0


class Core:
    """Models by configuration. Call from the event loop."""

    def __init__(self, manager: Manager, *, labels_for_unavailable: bool) -> None:
        self.manager = manager
        self._labels_for_unavailable = labels_for_unavailable
        self._config: ModelServerConfig | None = None
        self._labels: dict[str, dict[str, int]] = {}
        self._turn = asyncio.Lock()

    async def start(self, config: ModelServerConfig, *, poll_seconds: float) -> None:
        """Load the first versions; returns when every model has one that is available.

        A model without any version yet is waited for, as TensorFlow Serving does: its folder may still be being
        filled.

        Raises:
            ServingError: the configuration is wrong, or a model has versions and none could be loaded.
        """
        models = versions.check(config, None)
        self._labels = self._read_labels(models)
        self._config = config
        _LOG.info("Adding/updating models: %s", ", ".join(model.name for model in models))
        await self.poll()
        while waiting := [model.name for model in models if not self._available(model.name)]:
            self._fail_if_ended(waiting, "servable")
            await asyncio.sleep(poll_seconds or _EMPTY_POLL_SECONDS)
            await self.poll()

    async def reload(self, config: ModelServerConfig) -> None:
        """Change to another model list; returns when new models have loaded.

        Raises:
            ServingError: the list is not acceptable (nothing changed), or a new model could not be loaded (the rest
                is in force).
        """
        async with self._turn:
            if config.WhichOneof("config") is None:
                _LOG.info("Taking no action for empty config.")
                return
            models = versions.check(config, self._config)
            labels = self._read_labels(models)
            old = {model.name for model in self._config.model_config_list.config} if self._config else set[str]()
            self._config, self._labels = config, labels
            for name in old - {model.name for model in models}:
                await self.manager.aspire(name, {})
            for model in models:
                await self._look(model)
            self._fail_if_ended([model.name for model in models if model.name not in old], "model")

    async def poll(self) -> None:
        """Look at every model's folder once and load or unload what changed."""
        async with self._turn:
            for model in self._config.model_config_list.config if self._config else ():
                await self._look(model)

    async def _look(self, model: ModelConfig) -> None:
        try:
            wanted = await asyncio.get_running_loop().run_in_executor(None, versions.find, model)
        except ServingError as error:
            _LOG.error("FileSystemStoragePathSource encountered a filesystem access error: %s", error.message)
            return
        await self.manager.aspire(model.name, wanted)

    def find(self, spec: model_pb2.ModelSpec) -> Servable:
        """Return the loaded version that a request names.

        Raises:
            ServingError: INVALID_ARGUMENT without a name or for an unknown label; NOT_FOUND if no such version is
                loaded.
        """
        if not spec.name:
            raise invalid("ModelSpec has no name specified.")
        choice = spec.WhichOneof("version_choice")
        if choice == "version_label":
            version = self._labels.get(spec.name, {}).get(spec.version_label)
            if version is None:
                raise invalid(f"Unrecognized servable version label: {spec.version_label}")
            return self.manager.get(spec.name, version)
        return self.manager.get(spec.name, spec.version.value if choice == "version" else None)

    def _available(self, name: str) -> bool:
        return any(version.state == AVAILABLE for version in self.manager.states(name).values())

    def _fail_if_ended(self, names: list[str], what: str) -> None:
        """Raise UNKNOWN if a model has versions that all failed.

        The text is one line: it becomes a pod's termination message.
        """
        failed: list[str] = []
        for name in names:
            states = self.manager.states(name)
            if states and all(version.state == END for version in states.values()):
                number, version = next(iter(states.items()))
                reason = f" due to error: {' '.join(str(version.error).split())}" if version.error else ""
                failed.append(f"{{{{name: {name} version: {number}}}{reason}}}, ")
        if failed:
            text = f"{len(failed)} {what}(s) did not become available: {{{''.join(failed)}}}"
            raise ServingError(Code.UNKNOWN, text)

    def _read_labels(self, models: list[ModelConfig]) -> dict[str, dict[str, int]]:
        labels: dict[str, dict[str, int]] = {}
        for model in models:
            states = self.manager.states(model.name)
            for label, number in model.version_labels.items():
                before = self._labels.get(model.name, {}).get(label)
                free = self._labels_for_unavailable and before in (None, number)
                if not free and (number not in states or states[number].state != AVAILABLE):
                    raise ServingError(
                        Code.FAILED_PRECONDITION,
                        f"Request to assign label to version {number} of model {model.name}, "
                        "which is not currently available for inference",
                    )
                labels.setdefault(model.name, {})[label] = number
        return labels
