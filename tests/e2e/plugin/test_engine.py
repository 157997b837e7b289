"""The plugin under the real Pulumi engine: preview, up, refresh, import, cancel, destroy."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest
from plugin_controlplane import ControlPlane
from plugin_driver import Kubectl, Live
from plugin_stack import BINARIES, Stack

PATIENCE = 60
APP = """
ns = k8s.core.v1.Namespace("ns", metadata={{"name": "{namespace}"}})
crd = k8s.apiextensions.v1.CustomResourceDefinition("crd",
    metadata={{"name": "routes.{namespace}.invalid"}},
    spec={{"group": "{namespace}.invalid", "scope": "Namespaced", "names": {{"kind": "Route", "plural": "routes"}},
          "versions": [{{"name": "v1", "served": True, "storage": True, "schema": {{"open_apiv3_schema":
              {{"type": "object", "x_kubernetes_preserve_unknown_fields": True}}}}}}]}})
route = k8s.apiextensions.CustomResource("route", api_version="{namespace}.invalid/v1", kind="Route",
    metadata={{"name": "split", "namespace": ns.metadata.name}}, spec={{"http": [{{"weight": {weight}}}]}},
    opts=ResourceOptions(depends_on=[crd]))
key = k8s.core.v1.Secret("key", metadata={{"namespace": "{namespace}"}},
    string_data={{"password": pulumi.Output.secret("hunter2-is-secret")}}, opts=ResourceOptions(depends_on=[ns]))
web = k8s.core.v1.Service("web",
    metadata={{"namespace": ns.metadata.name, "annotations": {{"pulumi.com/skipAwait": "true"}}}},
    spec={{"selector": {{"app": "web"}}, "ports": [{{"port": 80}}]}})
settings = k8s.core.v1.ConfigMap("settings", immutable=True, metadata={{"namespace": ns.metadata.name}},
    data={{"address": web.spec.cluster_ip, "key": key.metadata.name}})
pulumi.export("address", web.spec.cluster_ip)
"""
WEB = """
labels = {{"app": "web"}}
web = k8s.apps.v1.Deployment("web", metadata={{"name": "web", "namespace": "{namespace}"}},
    spec={{"replicas": 1, "selector": {{"match_labels": labels}}, "template": {{"metadata": {{"labels": labels}},
          "spec": {{"containers": [{{"name": "main", "image": "{image}"}}]}}}}}})
"""


@pytest.fixture
def stack(tmp_path: Path, control_plane: ControlPlane) -> Stack:
    if not (BINARIES / "pulumi").exists():
        pytest.fail("pulumi is not built: build them: crossfade cluster tools")
    return Stack(tmp_path, control_plane.kubeconfig)


def test_stack_lives_through_preview_up_drift_and_destroy(stack: Stack, kubectl: Kubectl, live: Live) -> None:
    name = "t-engine"
    stack.program(APP.format(namespace=name, weight=70))
    made = ("ns", "crd", "route", "key", "web", "settings")
    first = stack.steps()
    assert {key: first[key] for key in made} == dict.fromkeys(made, "create")
    assert "hunter2" not in stack.up()
    stack.up("--expect-no-changes")
    stack.run("refresh", "--yes", "--expect-no-changes")
    stack.up("--expect-no-changes")
    assert "hunter2" not in stack.state()
    assert live(f"routes.{name}.invalid", "split", "-n", name)["spec"] == {"http": [{"weight": 70}]}

    stack.program(APP.format(namespace=name, weight=60))
    assert stack.steps() == {"route": "update"}
    stack.up()
    assert live(f"routes.{name}.invalid", "split", "-n", name)["spec"] == {"http": [{"weight": 60}]}

    patch = '[{"op": "replace", "path": "/spec/http/0/weight", "value": 1}]'
    kubectl("patch", f"routes.{name}.invalid", "split", "-n", name, "--type=json", "-p", patch)
    assert stack.steps() == {}
    assert "spec" in stack.run("refresh", "--yes", "--diff")
    assert stack.steps() == {"route": "update"}
    stack.up()
    assert live(f"routes.{name}.invalid", "split", "-n", name)["spec"] == {"http": [{"weight": 60}]}
    stack.up("--expect-no-changes")

    stack.run("destroy", "--yes", "--skip-preview")
    assert name not in kubectl("get", "namespaces", "--output=name")
    assert stack.resources() == []


def test_replacement_of_an_immutable_object_makes_the_new_one_first(stack: Stack, namespace: str, live: Live) -> None:
    text = 'k8s.core.v1.ConfigMap("c", immutable=True, metadata={{"namespace": "{0}"}}, data={{"a": "{1}"}})\n'
    stack.program(text.format(namespace, 1))
    stack.up()
    stack.program(text.format(namespace, 2))
    assert stack.steps()["c"] in ("replace", "create-replacement")
    stack.up()
    found = [item for item in live("configmap", "-n", namespace)["items"] if item["metadata"]["name"].startswith("c-")]
    assert [item["data"] for item in found] == [{"a": "2"}]


def test_existing_object_is_imported_and_then_unchanged(stack: Stack, namespace: str, kubectl: Kubectl) -> None:
    kubectl("create", "configmap", "theirs", "-n", namespace, "--from-literal=a=1")
    where = f'metadata={{"name": "theirs", "namespace": "{namespace}"}}, data={{"a": "1"}}'
    stack.program(f'k8s.core.v1.ConfigMap("mine", {where})\n')
    assert "already exists" in stack.up(fails=True)
    token = "kubernetes:core/v1:ConfigMap"  # noqa: S105 - a type token
    flags = ("--yes", "--skip-preview", "--generate-code=false", "--protect=false")
    stack.run("import", token, "mine", f"{namespace}/theirs", *flags)
    assert stack.steps() == {}


def test_import_option_takes_an_object_over(stack: Stack, namespace: str, kubectl: Kubectl) -> None:
    kubectl("create", "configmap", "theirs", "-n", namespace, "--from-literal=a=1")
    where = f'metadata={{"name": "theirs", "namespace": "{namespace}"}}, data={{"a": "1"}}'
    stack.program(f'k8s.core.v1.ConfigMap("mine", {where}, opts=ResourceOptions(import_="{namespace}/theirs"))\n')
    assert stack.steps()["mine"] == "import"
    stack.up()
    stack.program(f'k8s.core.v1.ConfigMap("mine", {where})\n')
    stack.up("--expect-no-changes")


def test_unreachable_cluster_names_server_and_kubeconfig_and_changes_nothing(stack: Stack, tmp_path: Path) -> None:
    file = tmp_path / "nowhere"
    cluster = {"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}
    context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
    file.write_text(
        json.dumps({"clusters": [cluster], "contexts": [context], "users": [{"name": "u"}], "current-context": "c"})
    )
    stack.program(f'p = k8s.Provider("p", kubeconfig="{file}")\n')
    stack.up()
    stack.program(
        f'p = k8s.Provider("p", kubeconfig="{file}")\n'
        'k8s.core.v1.ConfigMap("c", data={"a": "1"}, opts=ResourceOptions(provider=p))\n'
    )
    assert "configured Kubernetes cluster is unreachable" in stack.run("preview")
    out = stack.up(fails=True)
    assert "https://127.0.0.1:1" in out
    assert str(file) in out
    assert not any("ConfigMap" in item["type"] for item in stack.resources())


def _pod(live: Live, namespace: str) -> str:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        items = live("pods", "-n", namespace)["items"]
        if items:
            return items[0]["metadata"]["name"]
        time.sleep(0.2)
    raise AssertionError("no pod appeared")


def test_cancelled_update_keeps_the_object_and_the_next_one_goes_on(
    stack: Stack, namespace: str, kubectl: Kubectl, live: Live
) -> None:
    stack.program(WEB.format(namespace=namespace, image="a:1"))
    with stack.start("up", "--yes", "--skip-preview") as process:
        pod = _pod(live, namespace)
        os.kill(process.pid, signal.SIGINT)
        out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode != 0
    assert "cancelled while waiting" in out
    kept = [item for item in stack.resources() if item["type"] == "kubernetes:apps/v1:Deployment"]
    assert [item["id"] for item in kept] == [f"{namespace}/web"]
    assert kept[0]["initErrors"]
    conditions = [{"type": "Ready", "status": "True", "lastTransitionTime": "2020-01-01T00:00:00Z"}]
    status = json.dumps({"status": {"phase": "Running", "conditions": conditions}})
    kubectl("patch", "pod", pod, "-n", namespace, "--subresource=status", "--type=merge", "-p", status)
    stack.up()
    stack.up("--expect-no-changes")
