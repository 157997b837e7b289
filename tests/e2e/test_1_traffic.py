"""Where requests go, counted from the answers themselves, with retries off and not one failure allowed."""

import math
import re
import threading
import time
import urllib.request

import pytest
from driver import Driver, traffic

from crossfade.publishing.store import port_forward
from crossfade.stack import Stack
from crossfade.traffic.types import Result

REQUESTS = 5000


def share(result: Result, version: str = "v2") -> float:
    """Return a version's observed share, 0 to 1."""
    found = result.versions.get(version)
    return found.requests / result.answered if found else 0.0


def bound(declared: float, requests: int) -> float:
    """Return three standard deviations of the observed share of `requests` independent draws."""
    return 3 * math.sqrt(declared * (1 - declared) / requests)


@pytest.mark.parametrize("weight", [0, 1, 50, 99, 100, 30])
def test_observed_split_is_within_three_sigma_and_no_request_fails(stack: Driver, weight: int) -> None:
    """Bound: 3 sigma of the binomial. A draw outside it (0.27 % by chance) is judged by a second, independent one.

    Both outside by chance: 7 in a million for each of the twelve draws, under 1 in 10,000 for the test. At 0 and 100
    the bound is exact: not one request may go astray.
    """
    stack.pulumi("config", "set", "--path", "crossfade:models.mnist.traffic.canary.weight", str(weight))
    stack.must_up()
    declared = weight / 100
    # New routes reach the gateway within a second or so; until then answers still follow the last weight.
    stack.settle(lambda result: abs(share(result) - declared) <= bound(max(declared, 0.2), 60) + 0.05)
    time.sleep(2)
    for protocol in ("grpc", "rest"):
        result = stack.send(protocol, REQUESTS)
        assert result.failures == {}
        assert result.answered == REQUESTS
        if abs(share(result) - declared) > bound(declared, REQUESTS):
            assert 0 < declared < 1, f"{protocol}: {share(result)} of the requests reached v2 at weight {weight}"
            again = stack.send(protocol, REQUESTS)
            assert abs(share(again) - declared) <= bound(declared, REQUESTS), f"{protocol}: {share(again)}"


def test_header_match_reaches_its_version_whatever_the_weight(stack: Driver) -> None:
    for protocol in ("grpc", "rest"):
        result = stack.send(protocol, 300, headers=(("user-group", "canary"),))
        assert result.failures == {}
        assert share(result) == 1
        assert share(stack.send(protocol, 300, headers=(("user-group", "others"),))) < 1


def test_servable_version_of_the_answer_is_the_routed_one(stack: Driver) -> None:
    result = stack.send("grpc", 500)
    assert {version: set(found.servables) for version, found in result.versions.items()} == {"v1": {1}, "v2": {2}}


def test_mirror_reaches_the_shadow_and_never_the_caller(stack: Driver) -> None:
    def change(config: dict[str, object]) -> None:
        traffic(config)["canary"]["weight"] = 0
        traffic(config)["mirror"] = {"version": "v2", "percent": 100}

    with stack.deployed(change):
        stack.settle(lambda result: share(result) == 0 and not result.failed)
        before = {version: at_rest(stack, version) for version in ("v1", "v2")}
        result = stack.send("grpc", 500)
        assert result.failures == {}
        assert set(result.versions) == {"v1"}
        copied, answered = (at_rest(stack, version) - before[version] for version in ("v2", "v1"))
        assert copied == answered >= 500


def test_no_request_fails_while_the_weight_moves(stack: Driver) -> None:
    results: list[Result] = []
    stop = threading.Event()

    def send() -> None:
        while not stop.is_set():
            results.append(stack.send("grpc", 500))
            results.append(stack.send("rest", 500))

    sender = threading.Thread(target=send)
    sender.start()
    try:
        for weight in ("60", "90", "30"):
            stack.pulumi("config", "set", "--path", "crossfade:models.mnist.traffic.canary.weight", weight)
            stack.must_up()
    finally:
        stop.set()
        sender.join()
    assert sum(result.answered for result in results) >= 1000
    assert [result.failures for result in results if result.failures] == []


def test_reload_of_the_servers_config_cannot_be_asked_for_through_the_gateway(stack: Driver) -> None:
    import grpc

    with grpc.insecure_channel(stack.server("grpc")) as channel:
        call = channel.unary_unary("/tensorflow.serving.ModelService/HandleReloadConfigRequest")
        with pytest.raises(grpc.RpcError) as caught:
            call(b"", timeout=10)
    assert caught.value.code() in (grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.PERMISSION_DENIED)  # type: ignore[attr-defined]


def at_rest(stack: Driver, version: str) -> int:
    """Return how many requests a version has served once the number stays: copies arrive after the answers."""
    deadline = time.monotonic() + 60
    last, now = -1, served(stack, version)
    while now != last:
        assert time.monotonic() < deadline
        time.sleep(2)
        last, now = now, served(stack, version)
    return now


def served(stack: Driver, version: str) -> int:
    """Return how many Predict calls over gRPC the pods of a version have served, from their Prometheus pages."""
    handle = Stack(stack.name, stack.place)
    total = 0
    for pod in stack.get("pods", "-n", "serving", "-l", f"app=mnist,version={version}")["items"]:
        with port_forward(handle, "serving", f"pod/{pod['metadata']['name']}", 8501) as port:
            page = urllib.request.urlopen(f"http://127.0.0.1:{port}/monitoring/prometheus/metrics", timeout=10).read()
        # Not request_count: that has the probes' metadata requests too.
        pattern = r':tensorflow:serving:request_latency_count\{[^}]*API="Predict",entrypoint="GRPC"\} (\d+)'
        total += sum(int(count) for count in re.findall(pattern, page.decode()))
    return total
