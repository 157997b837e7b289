"""Waiting, against a real API server and its controllers; the tests play the kubelet and write the pods' status."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from google.protobuf import empty_pb2
from plugin_controlplane import ControlPlane
from plugin_driver import Driver, FailedError, Kubectl, Live, Object
from pulumi.runtime.proto import provider_pb2

from embedded.plugin.values import unmarshal

DEPLOYMENT = "kubernetes:apps/v1:Deployment"
DAEMON_SET = "kubernetes:apps/v1:DaemonSet"
JOB = "kubernetes:batch/v1:Job"
SERVICE = "kubernetes:core/v1:Service"
CLAIM = "kubernetes:core/v1:PersistentVolumeClaim"
PATIENCE = 60  # seconds until a test gives up on the control plane; no test passes by waiting


@pytest.fixture
def background() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


def deployment(namespace: str, image: str = "a:1", **annotations: str) -> dict[str, Any]:
    labels = {"app": "web"}
    containers = [{"name": "main", "image": image}]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": namespace, "annotations": annotations},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
        },
    }


def job(namespace: str) -> dict[str, Any]:
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "a:1"}]}}
    spec = {"backoffLimit": 0, "template": template}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "once", "namespace": namespace}, "spec": spec}


class Kubelet:
    """Finds pods and writes their status."""

    def __init__(self, kubectl: Kubectl, live: Live, namespace: str) -> None:
        self._kubectl, self._live, self._namespace = kubectl, live, namespace

    def pod(self, image: str = "a:1") -> str:
        """Wait for a pod with this image and return its name."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for item in self._live("pods", "-n", self._namespace)["items"]:
                if item["spec"]["containers"][0]["image"] == image:
                    return item["metadata"]["name"]
            time.sleep(0.2)
        raise AssertionError(f"no pod with image {image} appeared")

    def write(self, pod: str, status: dict[str, Any]) -> None:
        """Write a pod's status."""
        patch = json.dumps({"status": status})
        target = ("pod", pod, "-n", self._namespace)
        self._kubectl("patch", *target, "--subresource=status", "--type=merge", "-p", patch)

    def ready(self, pod: str) -> None:
        """Make a pod ready."""
        conditions = [{"type": "Ready", "status": "True", "lastTransitionTime": "2020-01-01T00:00:00Z"}]
        self.write(
            pod, {"phase": "Running", "podIP": "10.1.1.1", "podIPs": [{"ip": "10.1.1.1"}], "conditions": conditions}
        )

    def failed_init(self, pod: str, restarts: int, message: str) -> None:
        """Let a pod's init container have failed."""
        ended = {"exitCode": 1, "reason": "Error", "message": message}
        state = {
            "name": "load",
            "image": "l:1",
            "imageID": "",
            "ready": False,
            "restartCount": restarts,
            "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}},
            "lastState": {"terminated": ended},
        }
        self.write(pod, {"phase": "Pending", "initContainerStatuses": [state]})


@pytest.fixture
def kubelet(kubectl: Kubectl, live: Live, namespace: str) -> Kubelet:
    return Kubelet(kubectl, live, namespace)


def create(pool: ThreadPoolExecutor, plugin: Driver, token: str, news: dict[str, Any]) -> Future[Object]:
    return pool.submit(plugin.create, token, news["metadata"]["name"], news, PATIENCE)


def told(plugin: Driver, text: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not any(text in message for message in plugin.engine.messages):
        assert time.monotonic() < deadline, plugin.engine.messages
        time.sleep(0.1)


def test_deployment_is_created_once_its_pods_are_available(
    plugin: Driver, namespace: str, kubelet: Kubelet, background: ThreadPoolExecutor
) -> None:
    made = create(background, plugin, DEPLOYMENT, deployment(namespace))
    pod = kubelet.pod()
    told(plugin, "0/1 available")
    assert not made.done()
    kubelet.ready(pod)
    assert made.result().state["status"]["availableReplicas"] == 1
    assert plugin.diff(made.result(), deployment(namespace)).changes == provider_pb2.DiffResponse.DIFF_NONE


def test_failing_init_container_ends_the_wait_early_with_its_own_words_and_the_next_update_goes_on(
    plugin: Driver, namespace: str, kubelet: Kubelet, background: ThreadPoolExecutor
) -> None:
    news = deployment(namespace)
    made = create(background, plugin, DEPLOYMENT, news)
    pod = kubelet.pod()
    kubelet.failed_init(pod, 2, "copying\ns3://ml-models/mnist/9 holds no saved_model.pb\n")
    with pytest.raises(FailedError) as failed:
        made.result()
    assert f"Deployment {namespace}/web: pod {pod}: init container load: exit 1:" in str(failed.value)
    assert "s3://ml-models/mnist/9 holds no saved_model.pb" in str(failed.value)
    partial = failed.value.partial
    assert partial is not None
    assert partial.id == f"{namespace}/web"
    urn = plugin.urn(DEPLOYMENT, "web")
    kept = Object(urn, partial.id, plugin.check(urn, news), unmarshal(partial.properties))
    mended = background.submit(plugin.update, kept, deployment(namespace, "a:2"), PATIENCE)
    kubelet.ready(kubelet.pod("a:2"))
    assert mended.result().state["status"]["updatedReplicas"] == 1


def test_time_out_tells_what_the_pods_wait_for(plugin: Driver, namespace: str) -> None:
    with pytest.raises(FailedError, match=r"not ready after 2 s: .*0/1 available") as failed:
        plugin.create(DEPLOYMENT, "web", deployment(namespace, **{"pulumi.com/timeoutSeconds": "2"}))
    assert failed.value.partial is not None


def test_skip_await_does_not_wait(plugin: Driver, namespace: str) -> None:
    made = plugin.create(DEPLOYMENT, "web", deployment(namespace, **{"pulumi.com/skipAwait": "true"}))
    assert made.id == f"{namespace}/web"


def test_changed_selector_replaces_a_deployment(plugin: Driver, namespace: str) -> None:
    skip = {"pulumi.com/skipAwait": "true"}
    made = plugin.create(DEPLOYMENT, "web", deployment(namespace, **skip))
    news = deployment(namespace, **skip)
    news["spec"]["selector"]["matchLabels"] = news["spec"]["template"]["metadata"]["labels"] = {"app": "other"}
    found = plugin.diff(made, news)
    assert "spec.selector.matchLabels.app" in found.replaces
    assert "spec.template.metadata.labels.app" not in found.replaces
    assert found.deleteBeforeReplace


def test_daemon_set_waits_for_its_pod_on_every_node(
    plugin: Driver, namespace: str, kubectl: Kubectl, kubelet: Kubelet, background: ThreadPoolExecutor
) -> None:
    node = f"node-{namespace}"
    body = json.dumps({"apiVersion": "v1", "kind": "Node", "metadata": {"name": node}})
    kubectl("create", "-f", "-", stdin=body)
    try:
        news = deployment(namespace)
        news["kind"] = "DaemonSet"
        del news["spec"]["replicas"]
        made = create(background, plugin, DAEMON_SET, news)
        pod = kubelet.pod()
        assert not made.done()
        kubelet.ready(pod)
        placed = made.result(PATIENCE)
        assert placed.state["status"]["numberAvailable"] == 1
        assert plugin.diff(placed, news).changes == provider_pb2.DiffResponse.DIFF_NONE
        plugin.delete(placed, PATIENCE)
        assert plugin.refresh(placed) is None
    finally:
        kubectl("delete", "node", node)


def test_job_is_ready_when_complete_and_its_template_replaces(
    plugin: Driver, namespace: str, kubelet: Kubelet, background: ThreadPoolExecutor
) -> None:
    made = create(background, plugin, JOB, job(namespace))
    pod = kubelet.pod()
    kubelet.write(pod, {"phase": "Succeeded"})
    obj = made.result()
    assert obj.state["status"]["succeeded"] == 1
    news = job(namespace)
    news["spec"]["template"]["spec"]["containers"][0]["image"] = "a:2"
    assert list(plugin.diff(obj, news).replaces) == ["spec.template.spec.containers[0].image"]


def test_failed_job_tells_its_pods_reason(
    plugin: Driver, namespace: str, kubelet: Kubelet, background: ThreadPoolExecutor
) -> None:
    made = create(background, plugin, JOB, job(namespace))
    ended = {"exitCode": 3, "reason": "Error", "message": "bucket refused the key"}
    state = {
        "name": "main",
        "image": "a",
        "imageID": "",
        "ready": False,
        "restartCount": 0,
        "state": {"terminated": ended},
    }
    kubelet.write(kubelet.pod(), {"phase": "Failed", "containerStatuses": [state]})
    with pytest.raises(FailedError, match=r"BackoffLimitExceeded.*container main: exit 3: bucket refused the key"):
        made.result()


def test_service_waits_for_a_ready_pod(
    plugin: Driver, namespace: str, kubelet: Kubelet, background: ThreadPoolExecutor, kubectl: Kubectl
) -> None:
    kubectl("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "Node", "metadata": {"name": namespace}}))
    placed = deployment(namespace, **{"pulumi.com/skipAwait": "true"})
    placed["spec"]["template"]["spec"]["nodeName"] = namespace  # a pod without a node is no endpoint
    plugin.create(DEPLOYMENT, "web", placed)
    spec = {"selector": {"app": "web"}, "ports": [{"port": 80}]}
    metadata = {"name": "web", "namespace": namespace}
    made = create(
        background, plugin, SERVICE, {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}
    )
    pod = kubelet.pod()
    assert not made.done()
    kubelet.ready(pod)
    assert made.result().state["spec"]["clusterIP"]
    kubectl("delete", "node", namespace)


def test_claim_of_a_late_binding_class_is_not_waited_for(plugin: Driver, namespace: str, kubectl: Kubectl) -> None:
    name = f"late-{namespace}"
    storage_class = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": name},
        "provisioner": "tests.invalid/none",
        "volumeBindingMode": "WaitForFirstConsumer",
    }
    kubectl("apply", "-f", "-", stdin=json.dumps(storage_class))
    claim: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": namespace},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": name,
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    made = plugin.create(CLAIM, "data", claim, timeout=PATIENCE)
    assert made.state["status"]["phase"] == "Pending"
    claim["spec"]["accessModes"] = ["ReadWriteMany"]
    assert list(plugin.diff(made, claim).replaces) == ["spec.accessModes[0]"]
    kubectl("delete", "storageclass", name)


def test_namespace_is_created_and_deleted_with_all_that_is_in_it(plugin: Driver, kubectl: Kubectl) -> None:
    made = plugin.create("kubernetes:core/v1:Namespace", "made", {"apiVersion": "v1", "kind": "Namespace"})
    assert made.state["status"]["phase"] == "Active"
    kubectl("create", "configmap", "inside", "-n", made.id)
    plugin.delete(made, timeout=PATIENCE)
    assert made.id not in kubectl("get", "namespaces", "--output=name")


def test_wait_for_annotation_decides_readiness(
    plugin: Driver, namespace: str, background: ThreadPoolExecutor, kubectl: Kubectl
) -> None:
    note = {"pulumi.com/waitFor": "jsonpath={.data.state}=done"}
    metadata = {"name": "gate", "namespace": namespace, "annotations": note}
    news = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
    made = create(background, plugin, "kubernetes:core/v1:ConfigMap", news)
    told(plugin, "waiting for jsonpath={.data.state}=done")
    assert not made.done()
    kubectl("patch", "configmap", "gate", "-n", namespace, "-p", '{"data": {"state": "done"}}')
    assert made.result().state["data"] == {"state": "done"}


def test_cancel_ends_a_wait_at_once_and_keeps_the_object(
    control_plane: ControlPlane, namespace: str, kubelet: Kubelet, background: ThreadPoolExecutor
) -> None:
    with Driver(str(control_plane.kubeconfig)) as own:
        made = create(background, own, DEPLOYMENT, deployment(namespace))
        kubelet.pod()
        started = time.monotonic()
        own.stub.Cancel(empty_pb2.Empty())
        with pytest.raises(FailedError, match="cancelled while waiting") as failed:
            made.result()
        assert time.monotonic() - started < PATIENCE / 2
        assert failed.value.partial is not None
        assert failed.value.partial.id == f"{namespace}/web"
