"""Batching: clients cannot tell that their requests were joined, except by the limits they run into."""

# ruff: noqa: ANN401  (arrays, JSON values and generated messages have no useful static type here)

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from modelserver_running import Client, serving

from modelserver.batching import BatchQueue, BatchThreads
from modelserver.status import Code, ServingError
from modelserver.textproto import BatchingParameters, read_batching

PARAMS = BatchingParameters(num_batch_threads=2, max_batch_size=4, batch_timeout_micros=2000, max_enqueued_batches=100)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as threads:
        yield threads


def in_loop(work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    return asyncio.run(work())


@given(st.lists(st.lists(st.integers(-100, 100), min_size=1, max_size=4), min_size=1, max_size=12), st.booleans())
def test_joined_requests_get_their_own_rows_back(requests: list[list[int]], allowed: bool) -> None:
    params = BatchingParameters(
        num_batch_threads=2, max_batch_size=4, batch_timeout_micros=100, max_enqueued_batches=100,
        allowed_batch_sizes=(2, 4) if allowed else (),
    )  # fmt: skip
    sizes: list[int] = []

    def run(feeds: dict[str, Any], fetches: Any) -> list[Any]:
        sizes.append(len(feeds["x"]))
        return [feeds["x"] * 2, feeds["x"] + 1][: len(fetches)]

    async def work() -> list[Any]:
        with ThreadPoolExecutor(2) as threads:
            queue = BatchQueue(BatchThreads(params, threads))
            return await asyncio.gather(*(queue.submit({"x": np.array(rows)}, ("a", "b"), run) for rows in requests))

    for rows, (double, more) in zip(requests, in_loop(work), strict=True):
        assert double.tolist() == [2 * value for value in rows]
        assert more.tolist() == [value + 1 for value in rows]
    assert max(sizes) <= 4
    assert not allowed or set(sizes) <= {2, 4}


def test_full_queue_is_unavailable(pool: ThreadPoolExecutor) -> None:
    params = BatchingParameters(num_batch_threads=1, max_batch_size=1, max_enqueued_batches=1)
    go = threading.Event()

    def run(feeds: dict[str, Any], _: Any) -> list[Any]:
        go.wait(30)
        return [feeds["x"]]

    async def work() -> None:
        queue = BatchQueue(BatchThreads(params, pool))
        one = {"x": np.zeros(1)}
        under_way = [asyncio.create_task(queue.submit(one, ("a",), run)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(ServingError) as caught:
            await queue.submit(one, ("a",), run)
        assert caught.value.code == Code.UNAVAILABLE
        assert caught.value.message == (
            "The batch scheduling queue to which this task was submitted is full; currently 1 batches enqueued and "
            "max_enqueued_batches is 1"
        )
        go.set()
        await asyncio.gather(*under_way)

    in_loop(work)


@pytest.mark.parametrize(
    ("feeds", "text"),
    [
        ({}, "Batching Run() must have at least one input tensor"),
        ({"x": np.array(1)}, "Batching Run() input tensors must have at least one dimension"),
        ({"x": np.zeros(1), "y": np.zeros(2)}, "Batching Run() input tensors must have equal 0th-dimension size"),
        ({"x": np.zeros(5)}, "Task size 5 is larger than maximum input batch size 4"),
    ],
)
def test_requests_that_cannot_join(feeds: dict[str, Any], text: str, pool: ThreadPoolExecutor) -> None:
    async def work() -> None:
        await BatchQueue(BatchThreads(PARAMS, pool)).submit(feeds, ("a",), lambda feeds, _: [feeds["x"]])

    with pytest.raises(ServingError) as caught:
        in_loop(work)
    assert (caught.value.code, caught.value.message) == (Code.INVALID_ARGUMENT, text)


def test_failing_batch_fails_each_of_its_requests_and_frees_the_thread(pool: ThreadPoolExecutor) -> None:
    def run(feeds: dict[str, Any], _: Any) -> list[Any]:
        if feeds["x"].any():
            raise ServingError(Code.INVALID_ARGUMENT, "bad row")
        return [feeds["x"]]

    async def work() -> list[Any]:
        queue = BatchQueue(BatchThreads(PARAMS, pool))
        requests = (queue.submit({"x": np.full(1, value)}, ("a",), run) for value in (0, 1))
        first = await asyncio.gather(*requests, return_exceptions=True)
        return [*first, await queue.submit({"x": np.zeros(1)}, ("a",), run)]

    *failed, after = in_loop(work)
    assert [str(error) for error in failed] == ["INVALID_ARGUMENT: bad row"] * 2
    assert after[0].tolist() == [0.0]


def test_padding_joins_requests_of_different_length(pool: ThreadPoolExecutor) -> None:
    params = BatchingParameters(
        num_batch_threads=1, max_batch_size=2, batch_timeout_micros=10_000_000, pad_variable_length_inputs=True
    )

    async def work() -> list[Any]:
        queue = BatchQueue(BatchThreads(params, pool))
        requests = (queue.submit({"x": np.ones((1, size))}, ("a",), lambda feeds, _: [feeds["x"]]) for size in (2, 3))
        return await asyncio.gather(*requests)

    assert [answer[0].shape for answer in in_loop(work)] == [(1, 3), (1, 3)]


@pytest.fixture(scope="module")
def batching(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    file = tmp_path_factory.mktemp("batching") / "batching.config"
    file.write_text(
        "max_batch_size { value: 8 } batch_timeout_micros { value: 1000 } max_enqueued_batches { value: 1000 } "
        "num_batch_threads { value: 2 } allowed_batch_sizes: 4 allowed_batch_sizes: 8"
    )
    with serving(
        f"--model_base_path={exported}/many", "--enable_batching", f"--batching_parameters_file={file}"
    ) as running:
        yield running


def test_batching_server_answers_as_one_without(batching: Client, client: Client) -> None:
    rows = np.random.default_rng(1).random((40, 2, 3), np.float32)
    with ThreadPoolExecutor(8) as callers:
        joined = list(callers.map(lambda m: batching.predict("default", m=m), rows))
    alone = [client.predict("many", m=m) for m in rows]
    for one, other in zip(joined, alone, strict=True):
        np.testing.assert_allclose(one["scores"], other["scores"], rtol=1e-6)
        np.testing.assert_array_equal(one["best"], other["best"])


def test_wrong_shape_in_a_batching_server_fails_alone(batching: Client) -> None:
    with ThreadPoolExecutor(8) as callers:
        wrong = [callers.submit(batching.predict, "default", m=np.zeros((1, 5), np.float32)) for _ in range(4)]
        right = [callers.submit(batching.predict, "default", m=np.zeros((1, 3), np.float32)) for _ in range(12)]
        assert all(call.result()["best"].tolist() == [0] for call in right)
        assert all(isinstance(call.exception(), grpc.RpcError) for call in wrong)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("max_batch_size: 3", "Invalid protobuf file"),
        ("max_batch_size { value: 0 }", "max_batch_size must be at least 1; was 0"),
        (
            "max_batch_size { value: 8 } allowed_batch_sizes: 4",
            "Last entry in allowed_batch_sizes must match max_batch_size; last entry was 4; expected 8",
        ),
        (
            "max_batch_size { value: 8 } allowed_batch_sizes: [9, 8]",
            "allowed_batch_sizes entries must be monotonically increasing",
        ),
    ],
)
def test_wrong_batching_parameters(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "b").write_text(text)
    with pytest.raises(ServingError, match=message.replace("(", r"\(")):
        read_batching(str(tmp_path / "b"), cpus=2)
