"""Drive a Plan: several processes, each with threads that send one call after another.

It is a closed loop: a slow server is asked less often. It stops by count, by time, or when the caller is interrupted,
and leaves no process behind.
"""

import itertools
import json
import multiprocessing
import threading
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from typing import Any

import numpy as np
import numpy.typing as npt

from crossfade.client import grpc_api, rest_api
from crossfade.client import types as client_types
from crossfade.errors import CrossfadeError, InputError
from crossfade.traffic.callers import open_caller
from crossfade.traffic.types import Plan, Protocol, Result, Tally

START_SECONDS = 60.0
GRACE_SECONDS = 15.0


def payloads(protocol: Protocol, model: str, images: npt.NDArray[np.float32]) -> tuple[bytes, ...]:
    """Serialise a request of batch 1 for each of `images`, float32 [n, 28, 28]."""
    if protocol == "grpc":
        return tuple(
            grpc_api.build_request(model, {"image": image[np.newaxis]}).SerializeToString() for image in images
        )
    # Three decimals are all the digits have; more of float32's would only make the text longer.
    return tuple(
        json.dumps(rest_api.build_body({"image": image[np.newaxis].astype(np.float64).round(4)})).encode()
        for image in images
    )


def check(plan: Plan) -> None:
    """Raise InputError where the plan cannot be run."""
    client_types.address(plan.server)
    if not plan.payloads or len(plan.payloads) != len(plan.labels):
        raise InputError("a load run needs inputs, and a label for each.")
    if not plan.headers:
        raise InputError("a load run needs at least one set of headers; an empty one will do.")
    if min(plan.requests, plan.concurrency, plan.processes) < 1 or min(plan.deadline, plan.max_seconds) <= 0:
        raise InputError("requests, concurrency, processes, deadline and time must be positive.")


def run(plan: Plan) -> Result:
    """Run the plan and sum it up. Raises InputError for a bad plan, CrossfadeError where a worker process dies."""
    check(plan)
    processes = min(plan.processes, plan.concurrency, plan.requests)
    # Not fork: gRPC's threads do not survive it.
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(processes + 1)
    workers: list[tuple[Any, Connection]] = []
    try:
        for number in range(processes):
            ours, theirs = context.Pipe(duplex=False)
            worker = context.Process(target=_work, args=(plan, number, processes, barrier, theirs), daemon=True)
            worker.start()
            theirs.close()
            workers.append((worker, ours))
        try:
            barrier.wait(START_SECONDS)
        except threading.BrokenBarrierError:
            raise CrossfadeError("a load process did not start; see the lines above.") from None
        begun = time.monotonic()
        tally = Tally()
        for _, pipe in workers:
            tally.add(_receive(pipe, plan.max_seconds + plan.deadline + GRACE_SECONDS))
        return Result.of(plan, tally, time.monotonic() - begun)
    finally:
        for worker, pipe in workers:
            pipe.close()
            worker.join(timeout=0.5)
            if worker.is_alive():
                worker.terminate()
                worker.join()


def _receive(pipe: Connection, seconds: float) -> Tally:
    try:
        if pipe.poll(seconds):
            return pipe.recv()
    except EOFError:
        raise CrossfadeError("a load process ended before it was done; see the lines above.") from None
    raise CrossfadeError(f"a load process gave no result within {seconds:.0f} s.")


def _share(total: int, parts: int, number: int) -> range:
    """Which of 0..total-1 part `number` of `parts` does: every parts-th, so that inputs and headers stay mixed."""
    return range(number, total, parts)


def _work(plan: Plan, number: int, processes: int, barrier: Barrier, pipe: Connection) -> None:
    """Run one process: its threads, then send their tally."""
    threads = plan.concurrency // processes + (number < plan.concurrency % processes)
    mine = _share(plan.requests, processes, number)
    tallies = [Tally() for _ in range(threads)]
    ready = threading.Barrier(threads + 1)
    stop = threading.Event()
    running = [
        threading.Thread(
            target=_loop, args=(plan, mine[_part(thread, threads)], tallies[thread], ready, stop), daemon=True
        )
        for thread in range(threads)
    ]
    for thread in running:
        thread.start()
    try:
        barrier.wait(START_SECONDS)
        ready.wait(START_SECONDS)
        until = time.monotonic() + plan.max_seconds
        for thread in running:
            thread.join(max(0.0, until - time.monotonic()))
        stop.set()
        for thread in running:
            thread.join(plan.deadline + 1)
        total = Tally()
        for tally in tallies:
            total.add(tally)
        pipe.send(total)
    except (KeyboardInterrupt, threading.BrokenBarrierError, BrokenPipeError):
        stop.set()  # the parent was interrupted: it does not want the tally any more


def _part(number: int, parts: int) -> slice:
    return slice(number, None, parts)


def _loop(plan: Plan, indices: Sequence[int], tally: Tally, ready: threading.Barrier, stop: threading.Event) -> None:
    call, close = open_caller(plan)
    clock = time.perf_counter
    sets = itertools.cycle(plan.headers)
    ready.wait(START_SECONDS)
    try:
        for index in indices:
            if stop.is_set():
                return
            place = index % len(plan.payloads)
            begun = clock()
            reply = call(plan.payloads[place], next(sets))
            seconds = clock() - begun
            if reply.failure:
                tally.failed(reply.failure)
            else:
                tally.answered(
                    reply.version, reply.servable, correct=reply.label == plan.labels[place], seconds=seconds
                )
    finally:
        close()
