"""The order in which versions come and go, and what a version's objects promise."""

from copy import deepcopy
from typing import Any

import pytest

from components.serving.model_config import CONFIG_DIR
from tests.unit.components.graph import Graph, Node, dev_sections, graph_of


def without(version: str) -> dict[str, Any]:
    sections = deepcopy(dev_sections())
    model = sections["models"]["mnist"]
    del model["versions"][version]
    (left,) = model["versions"]
    model["traffic"] = {"mode": "declared", "stable": left}
    return sections


def settings_of(graph: Graph, version: str) -> Node:
    (found,) = [node for node in graph.of("ConfigMap") if node.name.startswith(f"mnist-{version}-config-")]
    return found


@pytest.fixture
def graph() -> Graph:
    return graph_of(dev_sections())


def test_routes_wait_for_every_version(graph: Graph):
    routes = graph.one("VirtualService", "mnist-split")
    for version in ("v1", "v2"):
        for kind, name in (("Deployment", ""), ("Service", "-service"), ("DestinationRule", "-destination")):
            assert graph.reaches(routes, graph.one(kind, f"mnist-{version}{name}"))


def test_routes_wait_for_the_rules(graph: Graph):
    routes = graph.one("VirtualService", "mnist-split")
    for name in ("serving-mtls", "serving-callers", "serving-no-reload"):
        (rule,) = [node for node in graph if node.name == name]
        assert graph.reaches(routes, rule)


def test_proxies_lose_a_version_only_after_its_pods_drained(graph: Graph):
    # Pulumi deletes in the reverse order of dependencies.
    for version in ("v1", "v2"):
        pods = graph.one("Deployment", f"mnist-{version}")
        assert graph.reaches(pods, graph.one("Service", f"mnist-{version}-service"))
        assert graph.reaches(pods, graph.one("DestinationRule", f"mnist-{version}-destination"))


def test_pods_wait_for_mesh_bucket_and_key(graph: Graph):
    pods = graph.one("Deployment", "mnist-v1")
    for kind, name in (
        ("Release", "istiod"),
        ("Release", "istio-cni"),
        ("Job", "store-bucket"),
        ("Secret", "store-access-reader"),
        ("Sidecar", "serving-sidecars"),
    ):
        assert graph.reaches(pods, graph.one(kind, name))


def test_services_do_not_wait_for_endpoints_that_come_later(graph: Graph):
    for name in ("mnist-v1-service", "mnist-v2-service", "mnist-all-versions"):
        assert graph.one("Service", name).inputs["metadata"]["annotations"]["pulumi.com/skipAwait"] == "true"


@pytest.mark.parametrize("gone", ["v1", "v2"])
def test_removing_a_version_touches_only_it_and_the_routes(graph: Graph, gone: str):
    after = graph_of(without(gone))
    assert after.nodes.keys() <= graph.nodes.keys()
    for key in graph.nodes.keys() - after.nodes.keys():
        assert f"mnist-{gone}" in key
    changed = {key for key, node in after.nodes.items() if node != graph.nodes[key]}
    assert changed == {"kubernetes:networking.istio.io/v1:VirtualService::mnist-split"}


def test_removed_version_is_not_routed_to():
    routes = graph_of(without("v2")).one("VirtualService", "mnist-split")
    assert "v2" not in str(routes.inputs["spec"])


def test_weight_zero_keeps_version_deployed():
    dark = deepcopy(dev_sections())
    dark["models"]["mnist"]["traffic"]["canary"]["weight"] = 0
    assert graph_of(dark).one("Deployment", "mnist-v2").inputs["spec"]["replicas"] == 2


def test_settings_are_immutable_and_named_by_their_content(graph: Graph):
    changed = deepcopy(dev_sections())
    changed["models"]["mnist"]["versions"]["v1"]["batching"] = {"maxBatchSize": 8}
    after = graph_of(changed)
    for each in (graph, after):
        settings, pods = settings_of(each, "v1"), each.one("Deployment", "mnist-v1")
        assert settings.inputs["immutable"] is True
        (volume,) = [v for v in pods.inputs["spec"]["template"]["spec"]["volumes"] if "configMap" in v]
        assert volume["configMap"]["name"] == settings.inputs["metadata"]["name"]
    names = [settings_of(each, "v1").inputs["metadata"]["name"] for each in (graph, after)]
    assert len(set(names)) == 2
    # Not a replacement: Pulumi would delete the old one at the start of the update after a failed one.
    assert settings_of(graph, "v1").key != settings_of(after, "v1").key
    assert (
        graph.nodes["kubernetes:apps/v1:Deployment::mnist-v2"] == after.nodes["kubernetes:apps/v1:Deployment::mnist-v2"]
    )


def test_no_request_is_lost_while_servers_are_replaced(graph: Graph):
    spec = graph.one("Deployment", "mnist-v1").inputs["spec"]
    assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    pod = spec["template"]["spec"]
    drain = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert drain > 0
    assert pod["terminationGracePeriodSeconds"] > drain + 30


def test_readiness_asks_for_the_version_and_not_for_the_model(graph: Graph):
    for version, number in (("v1", 1), ("v2", 2)):
        (server,) = graph.one("Deployment", f"mnist-{version}").inputs["spec"]["template"]["spec"]["containers"]
        for probe in ("startupProbe", "readinessProbe"):
            assert server[probe]["httpGet"]["path"] == f"/v1/models/mnist/versions/{number}/metadata"


def test_server_runs_the_binary_with_its_settings(graph: Graph):
    (server,) = graph.one("Deployment", "mnist-v1").inputs["spec"]["template"]["spec"]["containers"]
    assert server["command"] == ["/usr/bin/tensorflow_model_server"]
    assert f"--model_config_file={CONFIG_DIR}/models.config" in server["args"]
    assert {"name": "models", "mountPath": "/models", "readOnly": True} in server["volumeMounts"]


def test_no_drain_means_no_hook():
    sections = deepcopy(dev_sections())
    sections["serving"]["drainSeconds"] = 0
    (server,) = graph_of(sections).one("Deployment", "mnist-v1").inputs["spec"]["template"]["spec"]["containers"]
    assert "lifecycle" not in server


def test_budget_is_left_out_when_the_stack_file_sets_no_bound():
    sections = deepcopy(dev_sections())
    sections["models"]["mnist"]["pdb"] = {}
    assert graph_of(sections).of("PodDisruptionBudget") == []


def test_user_labels_reach_pods_but_not_selectors():
    sections = deepcopy(dev_sections())
    sections["serving"]["labels"] = {"team": "vision"}
    spec = graph_of(sections).one("Deployment", "mnist-v1").inputs["spec"]
    assert spec["template"]["metadata"]["labels"]["team"] == "vision"
    assert spec["selector"]["matchLabels"] == {"app": "mnist", "version": "v1"}
    assert spec["selector"]["matchLabels"].items() <= spec["template"]["metadata"]["labels"].items()
