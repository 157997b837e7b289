"""The load generator counts what was answered, by whom, and what failed; the split's bound is the binomial one."""

import json
import multiprocessing
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossfade.cli import run
from crossfade.errors import InputError
from crossfade.traffic import load, split
from crossfade.traffic.types import Plan, Protocol, Result, Tally
from tests.unit.crossfade.conftest import TinyServer, free_port

Tiny = Callable[..., TinyServer]
IMAGES = np.zeros((10, 28, 28), dtype=np.float32)
IMAGES[:, 0, 0] = np.arange(10) / 10


def plan(tiny_server: TinyServer, protocol: Protocol, **more: object) -> Plan:
    address = tiny_server.grpc if protocol == "grpc" else tiny_server.rest
    made = Plan(
        server=address,
        protocol=protocol,
        model="mnist",
        payloads=load.payloads(protocol, "mnist", IMAGES),
        labels=tuple(range(10)),
        requests=200,
        concurrency=4,
    )
    return replace(made, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("protocol", ["grpc", "rest"])
def test_every_request_is_counted_once_by_the_version_that_answered(tiny: Tiny, protocol: Protocol) -> None:
    server = tiny(canary_every=4, fail_every=10)
    result = load.run(plan(server, protocol))
    assert server.behaviour.count == 200  # so nothing was sent twice
    assert result.failures == {"UNAVAILABLE" if protocol == "grpc" else "HTTP 503": 20}
    # Of 200, every 4th is v2 and every 10th fails; every 20th is both.
    assert {name: version.requests for name, version in result.versions.items()} == {"v1": 140, "v2": 40}
    assert all(version.accuracy == 1.0 for version in result.versions.values())
    assert result.complete
    assert result.versions["v1"].servables == ({1: 140} if protocol == "grpc" else {})
    assert 0 < result.versions["v1"].p50 <= result.versions["v1"].p90 <= result.versions["v1"].p99


def test_wrong_answers_are_answers_but_not_accurate(tiny: Tiny) -> None:
    result = load.run(plan(tiny(), "grpc", labels=(*range(9), 0)))
    assert result.failed == 0
    assert result.versions["v1"].accuracy == pytest.approx(0.9)


def test_header_sets_are_sent(tiny: Tiny) -> None:
    server = tiny()
    load.run(plan(server, "grpc", headers=((("user-group", "canary"),), ()), processes=1, concurrency=1, requests=10))
    assert ["user-group" in told for told in server.behaviour.told_headers] == [True, False] * 5


def test_a_run_ends_at_its_time_and_leaves_no_process(tiny: Tiny) -> None:
    result = load.run(plan(tiny(delay=0.05), "rest", requests=100_000, max_seconds=0.5))
    assert not result.complete
    assert 0 < result.requests < 1000
    assert multiprocessing.active_children() == []


def test_a_server_that_is_not_there_is_a_failure_not_an_exception() -> None:
    nobody = TinyServer(f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}", behaviour=None)  # type: ignore[arg-type]
    assert load.run(plan(nobody, "grpc", requests=4)).failures == {"UNAVAILABLE": 4}
    assert load.run(plan(nobody, "rest", requests=4)).failures == {"ConnectionRefusedError": 4}


@pytest.mark.parametrize(
    "wrong",
    [{"requests": 0}, {"concurrency": 0}, {"labels": (1,)}, {"headers": ()}, {"server": "nope"}, {"deadline": 0}],
)
def test_a_plan_that_cannot_run_is_refused(tiny: Tiny, wrong: dict[str, object]) -> None:
    with pytest.raises(InputError):
        load.run(plan(tiny(), "grpc", **wrong))


def test_the_command_prints_json_and_fails_when_a_request_failed(
    tiny: Tiny, capsys: pytest.CaptureFixture[str]
) -> None:
    server = tiny(fail_every=5)
    assert run(["load", "-n", "20", "-c", "2", "--server", server.grpc, "--json"]) == 1
    printed = json.loads(capsys.readouterr().out)
    assert printed["failures"] == {"UNAVAILABLE": 4}
    assert printed["versions"]["v1"]["requests"] == 16
    assert run(["load", "-n", "20", "-c", "2", "--server", tiny().rest, "--protocol", "rest"]) == 0
    assert "100.0%" in capsys.readouterr().out


def test_tallies_add_up() -> None:
    one, two = Tally(), Tally()
    one.answered("v1", 1, correct=True, seconds=0.001)
    two.answered("v1", 1, correct=False, seconds=0.003)
    two.answered("v2", None, correct=True, seconds=0.002)
    two.failed("X")
    one.add(two)
    result = Result.of(
        Plan(server="h:1", protocol="grpc", model="m", payloads=(b"",), labels=(0,), requests=4), one, 2.0
    )
    assert (result.answered, result.failed, result.requests, result.rate) == (3, 1, 4, 2.0)
    assert result.versions["v1"].p50 == pytest.approx(2.0)
    assert result.versions["v1"].accuracy == 0.5


def test_the_band_is_three_binomial_standard_deviations() -> None:
    band = {band.version: band for band in split.bands({"v1": 0.7, "v2": 0.3}, {"v1": 3493, "v2": 1507})}["v2"]
    assert (band.low, band.high) == pytest.approx((0.28056, 0.31944), abs=1e-5)
    assert band.inside
    assert not any(band.inside for band in split.bands({"v1": 0.7, "v2": 0.3}, {"v1": 3380, "v2": 1620}))


@given(st.integers(0, 100), st.integers(1, 10_000))
def test_a_share_of_nought_or_all_leaves_no_room(weight: int, total: int) -> None:
    shares = {"v1": 1 - weight / 100, "v2": weight / 100}
    exact = split.bands(shares, {"v1": total, "v2": 0})
    assert all(0 <= band.low <= band.high <= 1 for band in exact)
    if weight == 0:
        assert all(band.inside for band in exact)
        assert not all(band.inside for band in split.bands(shares, {"v1": total - 1, "v2": 1}))
    if weight == 100:
        assert not any(band.inside for band in exact)


def test_a_version_nobody_declared_is_outside() -> None:
    bands = split.bands({"v1": 1.0}, {"v1": 99, "v9": 1})
    assert [band.inside for band in bands] == [False, False]


def test_no_answers_at_all_are_not_a_good_split() -> None:
    assert not all(band.inside for band in split.bands({"v1": 1.0}, {}))
