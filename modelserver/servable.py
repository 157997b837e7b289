"""A loaded version as requests see it: its signatures, and running one of them with or without batching.

A signature that has proved quick runs on the event loop itself; anything else runs on a thread. A hand-over to a
thread costs more than a small model's whole inference, and holding the loop for a large one would stall every other
client.
"""

# Generated protos declare their messages at run time, where the type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import Executor
from typing import Any

from tensorflow.core.protobuf import meta_graph_pb2

from modelserver.batching import BatchQueue
from modelserver.saved_model import Bundle
from modelserver.status import from_exception
from modelserver.tensors import Array

_QUICK_MICROS = 1000
_QUICK_BYTES = 64 * 1024
_SLOW_UNTIL_SEEN = 1e9


class Signature:
    """One signature of a version, ready to run. Used from the event loop only, save `run_now`."""

    def __init__(self, bundle: Bundle, definition: meta_graph_pb2.SignatureDef, queue: BatchQueue | None) -> None:
        self.definition = definition
        self.inputs = {alias: (info.name, info.dtype) for alias, info in definition.inputs.items()}
        self.outputs = {alias: info.name for alias, info in definition.outputs.items()}
        self._bundle = bundle
        self._queue = queue
        self._usual_micros = _SLOW_UNTIL_SEEN

    def run_now(self, feeds: dict[str, Array], fetches: Sequence[str]) -> list[Any]:
        """Run on the calling thread. Raises ServingError with the runtime's code and text."""
        start = time.perf_counter()
        try:
            result = self._bundle.run(feeds, fetches)
        except Exception as error:
            raise from_exception(error) from error
        micros = (time.perf_counter() - start) * 1e6
        before = micros if self._usual_micros == _SLOW_UNTIL_SEEN else self._usual_micros
        self._usual_micros = 0.9 * before + 0.1 * micros
        return result

    async def run(self, feeds: dict[str, Array], fetches: Sequence[str], pool: Executor) -> list[Any]:
        """Run through the batch queue if there is one.

        Else here or on `pool`, by how long this signature usually takes.
        """
        if self._queue is not None:
            return await self._queue.submit(feeds, tuple(fetches), self.run_now)
        if self._usual_micros < _QUICK_MICROS and sum(value.nbytes for value in feeds.values()) < _QUICK_BYTES:
            return self.run_now(feeds, fetches)
        return await asyncio.get_running_loop().run_in_executor(pool, self.run_now, feeds, fetches)


class Servable:
    """A version that is loaded. `users` counts requests under way; unloading waits until it is 0."""

    def __init__(self, name: str, version: int, bundle: Bundle, queue: BatchQueue | None) -> None:
        self.name = name
        self.version = version
        self.definitions = dict(bundle.meta_graph.signature_def.items())
        self.signatures = {key: Signature(bundle, value, queue) for key, value in self.definitions.items()}
        self._bundle = bundle
        self._idle = asyncio.Event()
        self._idle.set()
        self._users = 0

    def __enter__(self) -> "Servable":
        self._users += 1
        self._idle.clear()
        return self

    def __exit__(self, *_: object) -> None:
        self._users -= 1
        if self._users == 0:
            self._idle.set()

    async def close(self) -> None:
        """Wait for the requests under way, then free the memory."""
        await self._idle.wait()
        self._bundle.close()
