"""Helm releases against a real API server, with the real helm and a chart made by the test."""

from __future__ import annotations

import http.server
import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from plugin_controlplane import ControlPlane
from plugin_driver import Driver, FailedError, Kubectl, Live, Object
from plugin_stack import BINARIES
from pulumi.runtime.proto import provider_pb2

from embedded.plugin.values import Secret, plain, unmarshal

RELEASE = "kubernetes:helm.sh/v3:Release"
NONE = provider_pb2.DiffResponse.DIFF_NONE
CONFIG_MAP = """apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}-settings}
data: {greeting: {{ .Values.greeting | quote }}}
"""
DEPLOYMENT = """apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: main, image: "a:1"}]}
"""


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    if not (BINARIES / "helm").exists():
        pytest.fail("helm is not built: build them: crossfade cluster tools")
    folder = tmp_path / "chart"
    (folder / "templates").mkdir(parents=True)
    about = {"apiVersion": "v2", "name": "hello", "version": "1.2.3", "appVersion": "9.9"}
    (folder / "Chart.yaml").write_text(json.dumps(about), encoding="utf-8")
    (folder / "values.yaml").write_text("greeting: hello\n", encoding="utf-8")
    (folder / "templates" / "settings.yaml").write_text(CONFIG_MAP, encoding="utf-8")
    return folder


def release(chart: Path | str, namespace: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"chart": str(chart), "name": "hello", "namespace": namespace, "timeout": 20, **more}


def test_release_is_installed_upgraded_refreshed_and_removed(
    plugin: Driver, namespace: str, chart: Path, kubectl: Kubectl, live: Live
) -> None:
    made = plugin.create(RELEASE, "hello", release(chart, namespace, values={"greeting": "hi"}))
    assert made.id == f"{namespace}/hello"
    status = made.state["status"]
    assert (status["status"], status["revision"], status["version"]) == ("deployed", 1, "1.2.3")
    assert (status["chart"], status["appVersion"], status["namespace"]) == ("hello", "9.9", namespace)
    assert made.state["resourceNames"] == {"ConfigMap/v1": ["hello-settings"]}
    assert made.inputs["version"] == "1.2.3"
    assert plugin.diff(made, release(chart, namespace, values={"greeting": "hi"})).changes == NONE
    news = release(chart, namespace, values={"greeting": "hey"})
    assert list(plugin.diff(made, news).detailedDiff) == ["values.greeting"]
    changed = plugin.update(made, news)
    assert changed.state["status"]["revision"] == 2
    assert live("configmap", "hello-settings", "-n", namespace)["data"] == {"greeting": "hey"}
    same = plugin.refresh(changed)
    assert same is not None
    assert plugin.diff(same, news).changes == NONE
    plugin.delete(changed)
    assert "hello-settings" not in kubectl("get", "configmap", "-n", namespace, "--output=name")
    assert plugin.refresh(changed) is None
    plugin.delete(changed)


def test_removed_values_are_the_charts_own_again(plugin: Driver, namespace: str, chart: Path, live: Live) -> None:
    made = plugin.create(RELEASE, "hello", release(chart, namespace, values={"greeting": "hi"}))
    plugin.update(made, release(chart, namespace))
    assert live("configmap", "hello-settings", "-n", namespace)["data"] == {"greeting": "hello"}


def test_changed_chart_folder_is_an_update(plugin: Driver, namespace: str, chart: Path) -> None:
    made = plugin.create(RELEASE, "hello", release(chart, namespace))
    (chart / "values.yaml").write_text("greeting: changed\n", encoding="utf-8")
    assert list(plugin.diff(made, release(chart, namespace)).detailedDiff) == ["checksum"]


def test_other_name_or_namespace_replaces(plugin: Driver, namespace: str, chart: Path) -> None:
    made = plugin.create(RELEASE, "hello", release(chart, namespace))
    assert list(plugin.diff(made, {**release(chart, namespace), "name": "other"}).replaces) == ["name"]


def test_values_edited_with_helm_show_on_refresh(
    plugin: Driver, namespace: str, chart: Path, control_plane: ControlPlane
) -> None:
    news = release(chart, namespace, values={"greeting": "hi"})
    made = plugin.create(RELEASE, "hello", news)
    where = ["--namespace", namespace, "--kubeconfig", str(control_plane.kubeconfig)]
    command = [str(BINARIES / "helm"), "upgrade", "hello", str(chart), "--set", "greeting=edited", *where]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    found = plugin.refresh(made)
    assert found is not None
    assert list(plugin.diff(found, news).detailedDiff) == ["values.greeting"]


def test_secret_values_stay_secret(plugin: Driver, namespace: str, chart: Path, live: Live) -> None:
    values = {"greeting": Secret("hunter2-is-secret"), "open": "yes"}
    made = plugin.create(RELEASE, "hello", release(chart, namespace, values=values))
    assert live("configmap", "hello-settings", "-n", namespace)["data"] == {"greeting": "hunter2-is-secret"}
    assert isinstance(made.state["values"]["greeting"], Secret)
    assert isinstance(made.state["__inputs"], Secret)
    (chart / "templates" / "bad.yaml").write_text("{{ fail .Values.greeting }}", encoding="utf-8")
    with pytest.raises(FailedError) as failed:
        plugin.update(made, release(chart, namespace, values=values))
    assert "hunter2" not in str(failed.value)


def test_failed_release_tells_the_pods_state_and_the_next_update_repairs_it(
    plugin: Driver, namespace: str, chart: Path
) -> None:
    (chart / "templates" / "web.yaml").write_text(DEPLOYMENT, encoding="utf-8")
    news = release(chart, namespace, timeout=3)
    with pytest.raises(
        FailedError, match=rf"{namespace}/hello: .*Deployment {namespace}/web: .*0/1 available"
    ) as failed:
        plugin.create(RELEASE, "hello", news)
    partial = failed.value.partial
    assert partial is not None
    kept = Object(plugin.urn(RELEASE, "hello"), partial.id, plugin.check(plugin.urn(RELEASE, "hello"), news), {})
    kept.state = unmarshal(partial.properties)
    assert kept.state["status"]["status"] == "failed"
    (chart / "templates" / "web.yaml").unlink()
    assert plugin.update(kept, release(chart, namespace)).state["status"]["status"] == "deployed"


def test_existing_release_is_not_taken_over_but_imported(plugin: Driver, namespace: str, chart: Path) -> None:
    made = plugin.create(RELEASE, "first", release(chart, namespace, values={"greeting": "hi"}))
    with pytest.raises(FailedError, match=r"already exists .*pulumi import"):
        plugin.create(RELEASE, "second", release(chart, namespace))
    found = plugin.import_(RELEASE, "second", made.id)
    assert found is not None
    assert plain(found.inputs["values"]) == {"greeting": "hi"}
    assert (found.inputs["chart"], found.inputs["version"]) == ("hello", "1.2.3")


@pytest.fixture
def repository(chart: Path, tmp_path: Path) -> Iterator[str]:
    """Serve the chart from a repository on loopback and return its URL."""
    folder = tmp_path / "repository"
    folder.mkdir()
    helm = str(BINARIES / "helm")
    subprocess.run([helm, "package", str(chart), "-d", str(folder)], check=True, capture_output=True, timeout=60)
    subprocess.run([helm, "repo", "index", str(folder)], check=True, capture_output=True, timeout=60)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:  # noqa: ANN401
            super().__init__(*arguments, directory=str(folder))

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002, ARG002
            return

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_chart_of_a_repository_is_resolved_to_its_exact_version(
    plugin: Driver, namespace: str, repository: str
) -> None:
    made = plugin.create(
        RELEASE, "hello", release("hello", namespace, version="^1.0.0", repositoryOpts={"repo": repository})
    )
    assert made.inputs["version"] == "1.2.3"
    login = {"repo": repository, "username": "u", "password": Secret("repository-password")}
    found = plugin.update(made, release("hello", namespace, version="1.2.3", repositoryOpts=login))
    assert found.state["status"]["revision"] == 2


def test_missing_chart_is_named_before_anything_is_done(plugin: Driver, namespace: str, repository: str) -> None:
    with pytest.raises(AssertionError, match=r"no Chart\.yaml"):
        plugin.check(plugin.urn(RELEASE, "hello"), release("./nowhere", namespace))
    with pytest.raises(AssertionError, match=r"chart nothing: .*not found"):
        plugin.check(plugin.urn(RELEASE, "hello"), release("nothing", namespace, repositoryOpts={"repo": repository}))
