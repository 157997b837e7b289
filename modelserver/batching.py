"""Joins the requests of several clients into one run of the graph, as TensorFlow Serving's BatchingSession does.

Requests join when they feed and fetch the same tensors, in the same dtypes and (unless padding is on) shapes. A batch
closes when it is full or its first request has waited `batch_timeout_micros` and a batch thread is free. The queue
holds `max_enqueued_batches` open or waiting batches; past that a request is refused with UNAVAILABLE after 10 ms of
retries, TensorFlow Serving's default. All state belongs to the event loop; only the graph runs on the batch threads.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from modelserver.status import Code, ServingError, from_exception, invalid
from modelserver.tensors import Array
from modelserver.textproto import BatchingParameters

Run = Callable[[dict[str, Array], Sequence[str]], list[Any]]
_RETRY_FOR_SECONDS = 0.010
_RETRY_EVERY_SECONDS = 0.001
_TIMER_SLACK = 0.0001  # a timer may fire a clock tick early, and would then find nothing due


@dataclass(eq=False)
class _Task:
    feeds: dict[str, Array]
    rows: int
    result: "asyncio.Future[list[Any]]"


@dataclass(eq=False)
class _Batch:
    run: Run
    fetches: tuple[str, ...]
    opened: float
    tasks: list[_Task] = field(default_factory=list)
    rows: int = 0


class BatchThreads:
    """The batch threads that all models share, and the queues that wait for them."""

    def __init__(self, params: BatchingParameters, pool: Executor) -> None:
        self.params = params
        self.pool = pool
        self.free = params.num_batch_threads
        self.queues: list[BatchQueue] = []

    def pump(self) -> None:
        """Give free threads to batches that are due, the longest waiting first."""
        while self.free:
            due = [
                (batch.opened, queue, key) for queue in self.queues if (found := queue.due()) for batch, key in [found]
            ]
            if not due:
                return
            _, queue, key = min(due, key=lambda item: item[0])
            self.free -= 1
            queue.start(key)


class BatchQueue:
    """The batches of one version, by the tensors they feed and fetch."""

    def __init__(self, threads: BatchThreads) -> None:
        self._threads = threads
        self._params = threads.params
        self._waiting: dict[tuple[Any, ...], deque[_Batch]] = {}
        self._running: set[asyncio.Task[None]] = set()
        threads.queues.append(self)

    def close(self) -> None:
        """Leave the shared threads. The version has no request under way any more."""
        self._threads.queues.remove(self)

    async def submit(self, feeds: dict[str, Array], fetches: tuple[str, ...], run: Run) -> list[Any]:
        """Run `feeds` as part of a batch; returns this request's rows of each output.

        Raises:
            ServingError: INVALID_ARGUMENT if the inputs have no common 0th dimension or more than max_batch_size
                rows; UNAVAILABLE if the queue is full; otherwise what the run of the whole batch raised.
        """
        loop = asyncio.get_running_loop()
        task = _Task(feeds, self._rows(feeds), loop.create_future())
        key = (fetches, *((name, value.dtype, self._shape(value)) for name, value in sorted(feeds.items())))
        give_up = time.monotonic() + _RETRY_FOR_SECONDS
        while (full := self._enqueue(key, task, run)) is not None:
            if time.monotonic() + _RETRY_EVERY_SECONDS >= give_up:
                raise full
            await asyncio.sleep(_RETRY_EVERY_SECONDS)
        self._threads.pump()
        return await task.result

    def _shape(self, value: Array) -> Any:  # noqa: ANN401  part of a key
        """Return what two inputs must share to join, so that a request of the wrong shape fails alone."""
        return value.ndim if self._params.pad_variable_length_inputs else value.shape[1:]

    def _rows(self, feeds: dict[str, Array]) -> int:
        if not feeds:
            raise invalid("Batching Run() must have at least one input tensor")
        if any(value.ndim == 0 for value in feeds.values()):
            raise invalid("Batching Run() input tensors must have at least one dimension")
        sizes = {value.shape[0] for value in feeds.values()}
        if len(sizes) > 1:
            raise invalid("Batching Run() input tensors must have equal 0th-dimension size")
        rows = sizes.pop()
        if rows > self._params.max_batch_size:
            raise invalid(f"Task size {rows} is larger than maximum input batch size {self._params.max_batch_size}")
        return rows

    def _enqueue(self, key: tuple[Any, ...], task: _Task, run: Run) -> ServingError | None:
        batches = self._waiting.setdefault(key, deque())
        if not batches or batches[-1].rows + task.rows > self._params.max_batch_size:
            if len(batches) >= self._params.max_enqueued_batches:
                return ServingError(
                    Code.UNAVAILABLE,
                    "The batch scheduling queue to which this task was submitted is full; currently "
                    f"{len(batches)} batches enqueued and max_enqueued_batches is {self._params.max_enqueued_batches}",
                )
            batches.append(_Batch(run, key[0], time.monotonic()))
            asyncio.get_running_loop().call_later(
                self._params.batch_timeout_micros / 1e6 + _TIMER_SLACK, self._threads.pump
            )
        batches[-1].tasks.append(task)
        batches[-1].rows += task.rows
        return None

    def due(self) -> tuple[_Batch, tuple[Any, ...]] | None:
        """Return the oldest batch that may run now, with its key."""
        now = time.monotonic()
        found = [
            (batches[0], key)
            for key, batches in self._waiting.items()
            if batches
            and (
                len(batches) > 1
                or batches[0].rows >= self._params.max_batch_size
                or now >= batches[0].opened + self._params.batch_timeout_micros / 1e6
            )
        ]
        return min(found, key=lambda item: item[0].opened) if found else None

    def start(self, key: tuple[Any, ...]) -> None:
        """Take the first batch of `key` and run it on a batch thread."""
        batches = self._waiting[key]
        batch = batches.popleft()
        if not batches:
            del self._waiting[key]
        running = asyncio.get_running_loop().create_task(self._execute(batch))
        self._running.add(running)
        running.add_done_callback(self._running.discard)

    async def _execute(self, batch: _Batch) -> None:
        loop = asyncio.get_running_loop()
        try:
            results = await loop.run_in_executor(self._threads.pool, run_batch, batch, self._params)
        except Exception as error:
            for task in batch.tasks:
                if not task.result.done():
                    task.result.set_exception(from_exception(error))
        else:
            for task, result in zip(batch.tasks, results, strict=True):
                if not task.result.done():
                    task.result.set_result(result)
        finally:
            self._threads.free += 1
            self._threads.pump()


def run_batch(batch: _Batch, params: BatchingParameters) -> list[list[Any]]:
    """Join, pad to an allowed size, run, and split. Returns one list of outputs for each task."""
    target = next((size for size in params.allowed_batch_sizes if size >= batch.rows), batch.rows)
    names = batch.tasks[0].feeds
    joined = {name: _join([task.feeds[name] for task in batch.tasks], target, params) for name in names}
    outputs = [np.asarray(output) for output in batch.run(joined, batch.fetches)]
    for output in outputs:
        if output.ndim == 0:
            raise ServingError(Code.FAILED_PRECONDITION, "Batched output tensor has 0 dimensions")
        if output.shape[0] != target:
            raise ServingError(
                Code.FAILED_PRECONDITION,
                "Batched output tensor's 0th dimension does not equal the sum of the 0th dimension sizes of the "
                "input tensors",
            )
    results: list[list[Any]] = []
    start = 0
    for task in batch.tasks:
        results.append([output[start : start + task.rows] for output in outputs])
        start += task.rows
    return results


def _join(parts: list[Array], target: int, params: BatchingParameters) -> Array:
    if params.pad_variable_length_inputs and parts[0].ndim > 1:
        largest = np.max([part.shape[1:] for part in parts], axis=0)
        parts = [_pad(part, tuple(largest)) for part in parts]
    missing = target - sum(len(part) for part in parts)
    if missing > 0 and len(parts[-1]):
        parts.append(np.repeat(parts[-1][:1], missing, axis=0))
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _pad(part: Array, largest: tuple[int, ...]) -> Array:
    widths = [(0, 0), *((0, int(most) - size) for most, size in zip(largest, part.shape[1:], strict=True))]
    if not any(after for _, after in widths):
        return part
    if not part.size:
        raise invalid("Got empty tensor in batch of non-empty tensors.")
    return np.pad(part, widths, constant_values=part.flat[0])
