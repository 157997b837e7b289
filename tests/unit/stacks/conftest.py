"""Pulumi's outputs want an event loop of the current thread; other tests' `asyncio.run` leaves none."""

import asyncio
from collections.abc import Generator

import pytest


@pytest.fixture(autouse=True)
def _loop() -> Generator[None]:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    loop.run_until_complete(asyncio.gather(*asyncio.all_tasks(loop), return_exceptions=True))
    loop.close()
    asyncio.set_event_loop(None)
