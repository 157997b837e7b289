"""The split: what `explain` says and what the VirtualService does are one thing."""

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from routing_strategies import distribution, first_route, requests, routing_for, splits

from components.routing.specs import VERSION_HEADER, destination_rule_spec, virtual_service_spec
from components.routing.split import explain, plan_split
from stacks.config import Canary, HeaderMatch, MatchRule, Mirror, Traffic

PLACES = [
    (31400, "/tensorflow.serving.PredictionService/Predict"),
    (31400, "/tensorflow.serving.ModelService/GetModelStatus"),
    (80, "/v1/models/mnist"),
    (80, "/v1/models/mnist:predict"),
    (80, "/v1/models/mnist/versions/1/metadata"),
]


def spec_of(declared: list[str], traffic: Traffic) -> dict[str, Any]:
    return dict(virtual_service_spec(plan_split(traffic, declared), routing_for(declared, traffic)))


def without_weights(spec: dict[str, Any]) -> dict[str, Any]:
    spec = copy.deepcopy(spec)
    for route in spec["http"]:
        for entry in route["route"]:
            entry.pop("weight", None)
    return spec


@given(case=splits(), headers=requests)
def test_probabilities_sum_to_one_over_the_declared_versions(case: tuple[list[str], Traffic], headers: dict[str, str]):
    declared, traffic = case
    chances = explain(plan_split(traffic, declared), headers)
    assert list(chances) == declared
    assert sum(chances.values()) == 1
    assert all(0 <= chance <= 1 for chance in chances.values())


@given(case=splits(), headers=requests, place=st.sampled_from(PLACES))
def test_explanation_is_what_the_virtual_service_does(
    case: tuple[list[str], Traffic], headers: dict[str, str], place: tuple[int, str]
):
    declared, traffic = case
    route = first_route(spec_of(declared, traffic), *place, headers)
    assert route is not None
    explained = explain(plan_split(traffic, declared), {name.title(): value for name, value in headers.items()})
    simulated = distribution(route)
    assert {key: value for key, value in explained.items() if value} == {k: v for k, v in simulated.items() if v}


@given(case=splits())
def test_weights_of_every_route_with_several_destinations_sum_to_100(case: tuple[list[str], Traffic]):
    declared, traffic = case
    for route in spec_of(declared, traffic)["http"]:
        weights = [entry.get("weight") for entry in route["route"]]
        assert weights == [None] or sum(weights) == 100


@given(case=splits())
def test_every_destination_is_declared(case: tuple[list[str], Traffic]):
    declared, traffic = case
    for route in spec_of(declared, traffic)["http"]:
        mirrors = [route["mirror"]] if "mirror" in route else []
        for place in [*(entry["destination"] for entry in route["route"]), *mirrors]:
            assert place["subset"] in declared
            assert place["host"] == f"mnist-{place['subset']}.serving.svc.cluster.local"


@given(case=splits())
def test_rules_come_first_in_the_order_written(case: tuple[list[str], Traffic]):
    declared, traffic = case
    names = [route["name"] for route in spec_of(declared, traffic)["http"]]
    rules = range(len(traffic.match))
    assert names == [
        *(f"grpc-match-{position}" for position in rules),
        "grpc-split",
        *(f"rest-match-{position}" for position in rules),
        "rest-split",
    ]


@given(before=st.integers(0, 100), after=st.integers(0, 100), case=splits())
def test_changing_the_weight_changes_only_weights(before: int, after: int, case: tuple[list[str], Traffic]):
    declared = [*case[0], "v9"]
    rest = {"match": case[1].match, "mirror": case[1].mirror}
    old, new = (
        spec_of(declared, Traffic(stable="v1", canary=Canary(version="v9", weight=weight), **rest))
        for weight in (before, after)
    )
    assert without_weights(old) == without_weights(new)
    assert (old == new) == (before == after)


def test_promotion_changes_only_weights():
    declared = ["v1", "v2"]
    trial = spec_of(declared, Traffic(stable="v1", canary=Canary(version="v2", weight=100)))
    promoted = spec_of(declared, Traffic(stable="v2"))
    assert trial == promoted


def test_weight_zero_keeps_version_deployed():
    split = plan_split(Traffic(stable="v1", canary=Canary(version="v2", weight=0)), ["v1", "v2", "v3"])
    assert split.weights == {"v1": 100, "v2": 0, "v3": 0}


@given(case=splits(), headers=requests)
def test_mirror_never_changes_the_answer(case: tuple[list[str], Traffic], headers: dict[str, str]):
    declared, traffic = case
    plain = Traffic(stable=traffic.stable, canary=traffic.canary, weights=traffic.weights, match=traffic.match)
    assert explain(plan_split(traffic, declared), headers) == explain(plan_split(plain, declared), headers)


@given(case=splits())
def test_no_rule_mirrors_a_version_to_itself(case: tuple[list[str], Traffic]):
    declared, traffic = case
    for route in spec_of(declared, traffic)["http"]:
        if "mirror" in route:
            assert [entry["destination"]["subset"] for entry in route["route"]] != [route["mirror"]["subset"]]
            assert 1 <= route["mirrorPercentage"]["value"] <= 100


def test_mirror_copies_a_share_of_rest_and_grpc_to_the_right_ports():
    spec = spec_of(["v1", "v2"], Traffic(stable="v1", mirror=Mirror(version="v2", percent=10)))
    ports = {route["name"]: route["mirror"]["port"]["number"] for route in spec["http"]}
    assert ports == {"grpc-split": 8500, "rest-split": 8501}
    assert [route["mirrorPercentage"] for route in spec["http"]] == [{"value": 10}, {"value": 10}]


def test_every_answer_names_its_version():
    rule = MatchRule(headers={"user-group": HeaderMatch(exact="canary")}, version="v2")
    for route in spec_of(["v1", "v2"], Traffic(stable="v1", match=(rule,)))["http"]:
        for entry in route["route"]:
            assert entry["headers"]["response"]["set"] == {VERSION_HEADER: entry["destination"]["subset"]}


def test_reloading_the_configuration_is_not_exposed():
    spec = spec_of(["v1"], Traffic(stable="v1"))
    for path in (
        "/tensorflow.serving.ModelService/HandleReloadConfigRequest",
        "/tensorflow.serving.ModelService/",
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "/monitoring/prometheus/metrics",
        "/v1/models/mnist2:predict",
        "/v1/models",
    ):
        assert first_route(spec, 31400, path, {}) is None, path
        assert first_route(spec, 80, path, {}) is None, path


def test_rest_and_grpc_do_not_cross_ports():
    spec = spec_of(["v1"], Traffic(stable="v1"))
    assert first_route(spec, 80, PLACES[0][1], {}) is None
    assert first_route(spec, 31400, PLACES[3][1], {}) is None


def test_retries_never_replay_a_request_a_server_has_seen():
    for route in spec_of(["v1"], Traffic(stable="v1"))["http"]:
        assert route["retries"] == {"attempts": 2, "retryOn": "connect-failure,refused-stream,reset-before-request"}
        assert route["timeout"] == "30s"


def test_destination_rule_has_the_subset_the_routes_use():
    spec: Any = destination_rule_spec("mnist-v1.serving.svc.cluster.local", "v1")
    assert spec["subsets"] == [{"name": "v1", "labels": {"version": "v1"}}]
    assert spec["trafficPolicy"]["outlierDetection"]["maxEjectionPercent"] <= 50


def test_an_expression_must_fit_the_whole_value():
    rule = MatchRule(headers={"user-group": HeaderMatch(regex="can")}, version="v2")
    split = plan_split(Traffic(stable="v1", match=(rule,)), ["v1", "v2"])
    assert explain(split, {"user-group": "can"})["v2"] == 1
    assert explain(split, {"user-group": "canary"})["v2"] == 0
