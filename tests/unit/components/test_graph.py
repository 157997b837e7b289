"""What holds for the whole environment, whatever the stack file says."""

import json
import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.components.graph import CREDENTIAL, ROOT, SECRET, Graph, dev_sections, graph_of, pod_specs
from tests.unit.components.restricted import violations

HAPPY = sorted((ROOT / "tests" / "config" / "happy").glob("*.yaml"))


def sections_of(path: Path) -> dict[str, Any]:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {key.partition(":")[2]: value for key, value in content.get("config", content).items()}


@pytest.fixture(params=HAPPY, ids=lambda path: path.stem)
def graph(request: pytest.FixtureRequest) -> Graph:
    return graph_of(sections_of(request.param))


def test_every_kubernetes_resource_uses_the_explicit_provider(graph: Graph):
    placed = [node for node in graph if node.type.startswith("kubernetes:")]
    assert placed
    assert {node.provider for node in placed} == {"pulumi:providers:kubernetes::cluster-kubernetes"}


def test_every_resource_has_a_component_for_parent(graph: Graph):
    for node in graph:
        assert bool(node.parent) == node.custom, node.key
        if node.parent:
            assert node.parent.startswith("crossfade:"), node.key


def test_logical_names_are_kebab_case(graph: Graph):
    for node in graph:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", node.name), node.key


def test_no_secret_value_is_plain_anywhere(graph: Graph):
    for node in graph:
        text = json.dumps(node.inputs)
        assert "secret-of-" not in text, node.key
        assert CREDENTIAL not in text, node.key


def test_secrets_are_found_only_in_secrets_and_the_provider(graph: Graph):
    with_secrets = {
        node.type for node in graph if any("secret-of-" in each or CREDENTIAL in each for each in node.secrets)
    }
    assert with_secrets == {"kubernetes:core/v1:Secret", "pulumi:providers:kubernetes"}
    for node in graph.of("Secret"):
        assert node.inputs["stringData"] == SECRET, node.key


def test_every_pod_may_run_in_a_restricted_namespace(graph: Graph):
    for key, spec in pod_specs(graph).items():
        assert violations(spec) == [], key
        assert spec["automountServiceAccountToken"] is False, key


def test_every_container_is_bounded_and_cannot_write_its_image(graph: Graph):
    for key, spec in pod_specs(graph).items():
        for container in [*spec.get("initContainers", []), *spec["containers"]]:
            assert "memory" in container["resources"]["limits"], key
            assert {"cpu", "memory"} <= container["resources"]["requests"].keys(), key
            assert container["securityContext"]["readOnlyRootFilesystem"] is True, key


def test_namespaces_come_before_what_is_in_them(graph: Graph):
    by_name = {node.inputs["metadata"]["name"]: node for node in graph.of("Namespace")}
    checked = 0
    for node in graph:
        home = by_name.get(node.inputs.get("metadata", {}).get("namespace", node.inputs.get("namespace")))
        if home is not None:
            checked += 1
            assert graph.reaches(node, home), node.key
    assert checked


def test_preview_and_update_ask_for_the_same_resources():
    preview, update = graph_of(dev_sections(), preview=True), graph_of(dev_sections())
    assert [(n.key, n.parent, n.depends_on, n.protect) for n in preview] == [
        (n.key, n.parent, n.depends_on, n.protect) for n in update
    ]


def test_preview_shows_everything_but_the_keys():
    preview = graph_of(dev_sections(), preview=True)
    unknown = {node.key for node in preview if "[unknown]" in json.dumps(node.inputs)}
    assert unknown == {"kubernetes:apps/v1:Deployment::store-server", "kubernetes:batch/v1:Job::store-bucket"}


def test_moving_the_weight_changes_the_virtual_service_alone():
    moved = deepcopy(dev_sections())
    moved["models"]["mnist"]["traffic"]["canary"]["weight"] = 31
    before, after = graph_of(dev_sections()), graph_of(moved)
    assert before.nodes.keys() == after.nodes.keys()
    changed = {key for key, node in before.nodes.items() if node != after.nodes[key]}
    assert changed == {"kubernetes:networking.istio.io/v1:VirtualService::mnist-split"}


def test_a_second_run_asks_for_the_same():
    again = deepcopy(dev_sections())
    again["serving"]["labels"] = {}
    assert graph_of(again).nodes == graph_of(dev_sections()).nodes
