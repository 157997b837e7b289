"""The mesh: what is asked of its charts, who may talk to whom, and what leaves the namespace."""

import json
from copy import deepcopy
from typing import Any

from components.manifests import merge
from components.mesh import egress, policy
from components.storage.store import ExternalEndpoint
from tests.unit.components.graph import Graph, dev_sections, graph_of


def meshed(**changes: object) -> Graph:
    sections: dict[str, Any] = deepcopy(dev_sections())
    sections["mesh"] |= changes
    return graph_of(sections)


def values_of(graph: Graph, release: str) -> dict[str, Any]:
    return graph.one("Release", release).inputs["values"]


def test_parts_of_istio_come_in_order():
    graph = meshed()
    base, istiod = graph.one("Release", "istio-base"), graph.one("Release", "istiod")
    assert graph.reaches(istiod, base)
    assert graph.reaches(graph.one("Release", "istio-ingressgateway"), istiod)
    assert graph.reaches(graph.one("Gateway", "gateway-listeners"), istiod)


def test_only_known_hosts_are_reached():
    assert values_of(meshed(), "istiod")["meshConfig"]["outboundTrafficPolicy"] == {"mode": "REGISTRY_ONLY"}


def test_no_retry_can_run_a_request_twice():
    retry_on = values_of(meshed(), "istiod")["meshConfig"]["defaultHttpRetryPolicy"]["retryOn"]
    assert "unavailable" not in retry_on


def test_values_of_the_stack_file_are_laid_over_the_programs_own():
    values = {"istiod": {"meshConfig": {"accessLogFile": "/dev/stdout"}, "resources": None}}
    istiod = values_of(meshed(values=values), "istiod")
    assert istiod["meshConfig"]["accessLogFile"] == "/dev/stdout"
    assert istiod["meshConfig"]["outboundTrafficPolicy"] == {"mode": "REGISTRY_ONLY"}
    assert istiod["resources"] is None


def test_merge_changes_neither_side():
    under, over = {"a": {"b": 1}}, {"a": {"c": [2]}}
    assert merge(under, over) == {"a": {"b": 1, "c": [2]}}
    assert (under, over) == ({"a": {"b": 1}}, {"a": {"c": [2]}})


def test_charts_come_from_the_folder_or_the_repository():
    local = meshed().one("Release", "istiod").inputs
    assert local["chart"] == ".crossfade/charts/istio/istiod"
    assert "version" not in local
    sections = deepcopy(dev_sections())
    del sections["mesh"]["charts"]
    remote = graph_of(sections).one("Release", "istiod").inputs
    assert (remote["chart"], remote["version"]) == ("istiod", "1.29.1")
    assert remote["repositoryOpts"]["repo"].startswith("https://")
    sections["mesh"]["repository"] = "oci://registry.example/istio"
    packed = graph_of(sections).one("Release", "istiod").inputs
    assert packed["chart"] == "oci://registry.example/istio/istiod"
    assert "repositoryOpts" not in packed


def test_gateway_opens_the_ports_of_the_stack_file():
    ports = {port["name"]: port for port in values_of(meshed(), "istio-ingressgateway")["service"]["ports"]}
    assert (ports["http"]["port"], ports["http"]["nodePort"]) == (80, 30080)
    assert (ports["grpc"]["port"], ports["grpc"]["nodePort"]) == (31400, 31400)
    servers = meshed().one("Gateway", "gateway-listeners").inputs["spec"]["servers"]
    assert {(each["port"]["protocol"], each["port"]["number"]) for each in servers} == {("HTTP", 80), ("GRPC", 31400)}


def test_gateway_pods_carry_the_labels_the_gateway_selects():
    gateway = {**dev_sections()["mesh"]["gateway"], "selector": {"istio": "models", "team": "vision"}}
    graph = meshed(gateway=gateway)
    selected = graph.one("Gateway", "gateway-listeners").inputs["spec"]["selector"]
    assert selected.items() <= values_of(graph, "istio-ingressgateway")["labels"].items()


def test_istio_that_is_there_already_is_left_alone():
    graph = meshed(install=False)
    assert graph.of("Release") == []
    assert {node.name for node in graph.of("Namespace")} == {"store-namespace", "serving-namespace"}
    assert graph.of("VirtualService")


def test_sidecar_needs_no_rights_with_the_cni_plugin():
    graph = meshed()
    assert values_of(graph, "istiod")["cni"] == {"enabled": True}
    spaces = {node.name: node.inputs["metadata"]["labels"] for node in graph.of("Namespace")}
    enforce = "pod-security.kubernetes.io/enforce"
    assert spaces["serving-namespace"][enforce] == "restricted"
    assert spaces["mesh-gateway-namespace"][enforce] == "restricted"
    assert spaces["serving-namespace"]["istio-injection"] == "enabled"
    assert spaces["store-namespace"]["istio-injection"] == "disabled"


def test_plain_text_is_refused_and_callers_are_known():
    graph = meshed()
    assert graph.one("PeerAuthentication", "serving-mtls").inputs["spec"] == {"mtls": {"mode": "STRICT"}}
    (rule,) = graph.one("AuthorizationPolicy", "serving-callers").inputs["spec"]["rules"]
    assert rule["from"][0]["source"]["namespaces"] == ["istio-ingress", "serving"]


def test_permissive_mesh_asks_for_no_identity():
    names = {node.name for node in meshed(mtls="PERMISSIVE").of("AuthorizationPolicy")}
    assert names == {"serving-no-reload"}


def test_nobody_replaces_the_served_models():
    spec = policy.no_reload_spec()
    assert spec["action"] == "DENY"
    assert policy.RELOAD_PATH in json.dumps(spec)


def test_egress_is_dns_control_plane_namespace_and_store():
    spec = meshed().one("NetworkPolicy", "serving-egress").inputs["spec"]
    ports = [sorted(port["port"] for port in rule.get("ports", [])) for rule in spec["egress"]]
    assert spec["policyTypes"] == ["Egress"]
    assert ports == [[53, 53], [15012], [], [7070]]
    assert "ipBlock" not in json.dumps(spec)


def test_store_in_the_cluster_needs_no_service_entry():
    graph = meshed()
    assert graph.of("ServiceEntry") == []
    hosts = graph.one("Sidecar", "serving-sidecars").inputs["spec"]["egress"][0]["hosts"]
    assert hosts == ["./*", "crossfade-storage/*"]


def test_store_outside_is_named_to_the_mesh():
    spec = egress.service_entry_spec(ExternalEndpoint(host="s3.example.com", port=443))
    assert spec["hosts"] == ["s3.example.com"]
    assert spec["exportTo"] == ["."]
    assert spec["ports"] == [{"number": 443, "name": "tls-s3", "protocol": "TLS"}]
