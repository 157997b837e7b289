"""The life of each version: wanted, loading with retries, available, unloading without losing a request, ended.

Runs on one event loop; only the load itself is on a thread. A version that is no longer wanted is unloaded after a
newly wanted one is available (TensorFlow Serving's AvailabilityPreservingPolicy), and after its last request. A
version whose load failed stays failed until it stops being wanted.
"""

# Generated protos declare their messages at run time, where the type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tensorflow_serving.apis import get_model_status_pb2

from modelserver.servable import Servable
from modelserver.status import Code, ServingError, from_exception

State = get_model_status_pb2.ModelVersionStatus.State
START, LOADING, AVAILABLE, UNLOADING, END = State.START, State.LOADING, State.AVAILABLE, State.UNLOADING, State.END
_LOG = logging.getLogger(__name__)

Load = Callable[[str, int, Path], Servable]


@dataclass(frozen=True, kw_only=True)
class Retries:
    """How often a failed load is tried again, and the pause between, in microseconds (negative: none)."""

    count: int = 5
    pause_micros: int = 60_000_000


@dataclass(eq=False)
class Version:
    """One version that is or was wanted."""

    state: int = START
    error: ServingError | None = None
    servable: Servable | None = None
    wanted: bool = True


class Manager:
    """The versions of all models. Call from the event loop."""

    def __init__(self, load: Load, retries: Retries) -> None:
        self._load = load
        self._retries = retries
        self._pool = ThreadPoolExecutor(1, "load")
        self._models: dict[str, dict[int, Version]] = {}
        self._turn = asyncio.Lock()
        self._unloads: set[asyncio.Task[None]] = set()

    def get(self, name: str, version: int | None) -> Servable:
        """Return a loaded version: the given one, or the highest.

        Raises:
            ServingError: NOT_FOUND, `Servable not found for request: Latest(name)` or `Specific(name, version)`.
        """
        versions = self._models.get(name, {})
        if version is None:
            for number in sorted(versions, reverse=True):
                if (servable := versions[number].servable) is not None:
                    return servable
            raise ServingError(Code.NOT_FOUND, f"Servable not found for request: Latest({name})")
        found = versions.get(version)
        if found is None or found.servable is None:
            raise ServingError(Code.NOT_FOUND, f"Servable not found for request: Specific({name}, {version})")
        return found.servable

    def states(self, name: str) -> dict[int, Version]:
        """Return all versions of a model that are or were wanted, newest first. Empty for an unknown model."""
        return dict(sorted(self._models.get(name, {}).items(), reverse=True))

    async def aspire(self, name: str, versions: dict[int, Path]) -> None:
        """Make `versions` (number to folder) the wanted ones of a model.

        Returns when each has been loaded or has failed.
        """
        async with self._turn:
            known = self._models.setdefault(name, {})
            for number, version in known.items():
                version.wanted = number in versions
            for number, path in sorted(versions.items()):
                if number not in known or (known[number].state == END and known[number].error is None):
                    known[number] = Version()
                    await self._bring_up(name, number, path, known[number])
            if versions and not any(known[number].state == AVAILABLE for number in versions):
                return  # all new versions failed: what serves now goes on serving
            for number, version in known.items():
                if not version.wanted and version.servable is not None:
                    self._take_down(name, number, version)
                elif not version.wanted:
                    version.error = None  # a failed version may be tried afresh once it is wanted again

    async def _bring_up(self, name: str, number: int, path: Path, version: Version) -> None:
        version.state = LOADING
        _LOG.info("Loading servable version {name: %s version: %d}", name, number)
        loop = asyncio.get_running_loop()
        for attempt in range(self._retries.count + 1):
            try:
                version.servable = await loop.run_in_executor(self._pool, self._load, name, number, path)
            except Exception as error:
                version.error = from_exception(error)
                _LOG.warning("Loading servable: {name: %s version: %d} failed: %s", name, number, version.error)
                if attempt < self._retries.count:
                    await asyncio.sleep(max(self._retries.pause_micros, 0) / 1e6)
            else:
                version.state, version.error = AVAILABLE, None
                _LOG.info("Successfully loaded servable version {name: %s version: %d}", name, number)
                return
        version.state = END

    def _take_down(self, name: str, number: int, version: Version) -> None:
        servable, version.servable, version.state = version.servable, None, UNLOADING

        async def unload() -> None:
            if servable is not None:
                await servable.close()
            version.state = END
            _LOG.info("Unloaded servable version {name: %s version: %d}", name, number)

        task = asyncio.get_running_loop().create_task(unload())
        self._unloads.add(task)
        task.add_done_callback(self._unloads.discard)
