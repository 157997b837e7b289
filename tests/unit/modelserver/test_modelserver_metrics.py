"""Metrics: counts that add up, in a page that Prometheus can read."""

import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from modelserver_running import Client

from modelserver.metrics import Counter, Histogram

_SAMPLE = re.compile(r'[a-zA-Z_:][a-zA-Z0-9_:]*\{([a-zA-Z_]\w*="(\\.|[^"\\])*",?)*\} [0-9.e+-]+')
_TYPE = re.compile(r"# TYPE [a-zA-Z_:][a-zA-Z0-9_:]* (counter|histogram)")


def count(client: Client, model: str, status: str) -> float:
    return client.metrics().get(f':tensorflow:serving:request_count{{model_name="{model}",status="{status}"}}', 0)


def test_every_request_is_counted_once_under_concurrency(client: Client) -> None:
    before = count(client, "half", "OK"), count(client, "half", "INVALID_ARGUMENT")
    with ThreadPoolExecutor(16) as callers:
        list(callers.map(lambda _: client.predict("half", x=np.zeros(1, np.float32)), range(200)))
        list(callers.map(lambda _: client.http.post("/v1/models/half:predict", json={"instances": [1]}), range(50)))
        list(callers.map(lambda _: client.http.post("/v1/models/half:predict", content=b"?"), range(30)))
    assert count(client, "half", "OK") == before[0] + 250
    assert count(client, "half", "INVALID_ARGUMENT") == before[1] + 30


def test_latency_is_by_interface(client: Client) -> None:
    client.predict("half", x=np.zeros(1, np.float32))
    client.http.post("/v1/models/half:predict", json={"instances": [1]})
    found = client.metrics()
    name = ":tensorflow:serving:request_latency_count"
    assert found[f'{name}{{model_name="half",API="Predict",entrypoint="GRPC"}}'] >= 1
    assert found[f'{name}{{model_name="half",API="predict",entrypoint="REST"}}'] >= 1
    assert found[':tensorflow:serving:runtime_latency_count{model_name="half",API="Predict",runtime="TF1"}'] >= 2


def test_page_is_well_formed_even_with_names_that_are_not(client: Client) -> None:
    client.http.get("/v1/models/a%22b%5Cc%0Ad")
    page = client.http.get("/monitoring/prometheus/metrics")
    assert page.headers["content-type"] == "text/plain"
    lines = page.text.splitlines()
    assert all(_TYPE.fullmatch(line) if line.startswith("#") else _SAMPLE.fullmatch(line) for line in lines)
    types = [line for line in lines if line.startswith("#")]
    assert len(types) == len(set(types))


@given(st.lists(st.floats(0, 1e12)))
def test_histogram_buckets_are_cumulative_and_end_in_the_count(values: list[float]) -> None:
    histogram = Histogram("tensorflow/serving/x", ("m",))
    for value in values:
        histogram.add("a", micros=value)
    buckets = [int(line.rsplit(" ", 1)[1]) for line in histogram.lines() if "_bucket" in line]
    assert buckets == sorted(buckets)
    assert not values or (buckets[-1] == len(values) and len(buckets) == 34)


def test_series_that_clients_name_are_bounded() -> None:
    counter = Counter("tensorflow/serving/x", ("m",))
    for number in range(5000):
        counter.add(str(number))
    assert len(counter.cells) == 1001
    assert counter.cells[("other",)] == 4000
