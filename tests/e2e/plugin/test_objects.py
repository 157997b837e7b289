"""Create, diff, update, read and delete of plain objects, against a real API server."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from plugin_controlplane import ControlPlane
from plugin_driver import Driver, FailedError, Kubectl, Live
from pulumi.runtime.proto import provider_pb2

from embedded.plugin.values import UNKNOWN, Secret, plain

CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
SECRET = "kubernetes:core/v1:Secret"  # noqa: S105
SERVICE = "kubernetes:core/v1:Service"
NONE = provider_pb2.DiffResponse.DIFF_NONE
SOME = provider_pb2.DiffResponse.DIFF_SOME


def config_map(namespace: str, name: str | None = "settings", **data: str) -> dict[str, Any]:
    metadata = {"namespace": namespace, **({"name": name} if name else {})}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def service(namespace: str, **spec: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {"ports": [{"port": 80, "name": "http"}], **spec},
    }


def test_created_object_is_live_and_its_id_names_namespace_and_name(plugin: Driver, namespace: str, live: Live) -> None:
    made = plugin.create(CONFIG_MAP, "settings", config_map(namespace, a="1"))
    assert made.id == f"{namespace}/settings"
    assert live("configmap", "settings", "-n", namespace)["data"] == {"a": "1"}
    assert made.state["metadata"]["uid"]
    assert made.state["__fieldManager"].startswith("pulumi-kubernetes-")


def test_same_inputs_are_no_change(plugin: Driver, namespace: str) -> None:
    news = config_map(namespace, a="1")
    made = plugin.create(CONFIG_MAP, "settings", news)
    assert plugin.diff(made, news).changes == NONE


def test_another_spelling_of_the_same_value_is_no_change(plugin: Driver, namespace: str) -> None:
    def quota(cpu: str) -> dict[str, Any]:
        metadata = {"name": "quota", "namespace": namespace}
        return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": {"hard": {"cpu": cpu}}}

    made = plugin.create("kubernetes:core/v1:ResourceQuota", "quota", quota("1000m"))
    assert plugin.diff(made, quota("1")).changes == NONE


def test_changed_added_and_removed_fields_are_told_by_path_and_come_true(
    plugin: Driver, namespace: str, live: Live
) -> None:
    made = plugin.create(CONFIG_MAP, "settings", config_map(namespace, a="1", b="2"))
    news = config_map(namespace, a="changed", **{"c.txt": "3"})
    found = plugin.diff(made, news)
    kinds = {path: detail.kind for path, detail in found.detailedDiff.items()}
    diff = provider_pb2.PropertyDiff
    assert kinds == {"data.a": diff.UPDATE, "data.b": diff.DELETE, 'data["c.txt"]': diff.ADD}
    assert not found.replaces
    plugin.update(made, news)
    assert live("configmap", "settings", "-n", namespace)["data"] == {"a": "changed", "c.txt": "3"}


def test_field_of_another_manager_survives_an_update(
    plugin: Driver, namespace: str, kubectl: Kubectl, live: Live
) -> None:
    made = plugin.create(CONFIG_MAP, "settings", config_map(namespace, a="1"))
    kubectl("label", "configmap", "settings", "-n", namespace, "team=ml", "--field-manager=controller")
    plugin.update(made, config_map(namespace, a="2"))
    assert live("configmap", "settings", "-n", namespace)["metadata"]["labels"] == {"team": "ml"}


def test_conflict_names_manager_field_and_the_way_out(plugin: Driver, namespace: str, kubectl: Kubectl) -> None:
    made = plugin.create(CONFIG_MAP, "settings", config_map(namespace, a="1"))
    patch = '{"data": {"a": "theirs"}}'
    kubectl("patch", "configmap", "settings", "-n", namespace, "-p", patch, "--field-manager=operator")
    news = config_map(namespace, a="2")
    with pytest.raises(FailedError, match=r"\.data\.a is owned by 'operator'.*patchForce"):
        plugin.diff(made, news)
    news["metadata"]["annotations"] = {"pulumi.com/patchForce": "true"}
    assert plugin.diff(made, news).changes == SOME
    assert plugin.update(made, news).state["data"] == {"a": "2"}


def test_create_of_an_existing_object_fails_with_the_import_command(
    plugin: Driver, namespace: str, kubectl: Kubectl, live: Live
) -> None:
    kubectl("create", "configmap", "settings", "-n", namespace, "--from-literal=a=theirs")
    with pytest.raises(FailedError, match=f"already exists.*pulumi import '{CONFIG_MAP}' 'cfg' '{namespace}/settings'"):
        plugin.create(CONFIG_MAP, "cfg", config_map(namespace, a="mine"))
    assert live("configmap", "settings", "-n", namespace)["data"] == {"a": "theirs"}


def test_automatic_name_is_stable_and_a_given_name_replaces(plugin: Driver, namespace: str) -> None:
    made = plugin.create(CONFIG_MAP, "auto", config_map(namespace, None, a="1"))
    assert made.id.startswith(f"{namespace}/auto-")
    assert made.state["metadata"]["annotations"]["pulumi.com/autonamed"] == "true"
    again = plugin.diff(made, config_map(namespace, None, a="2"))
    assert list(again.detailedDiff) == ["data.a"]
    named = plugin.diff(made, config_map(namespace, "fixed", a="1"))
    assert "metadata.name" in named.replaces
    assert not named.deleteBeforeReplace


def test_immutable_config_map_is_replaced_and_its_old_one_goes_first(plugin: Driver, namespace: str) -> None:
    news = {**config_map(namespace, a="1"), "immutable": True}
    made = plugin.create(CONFIG_MAP, "settings", news)
    found = plugin.diff(made, {**config_map(namespace, a="2"), "immutable": True})
    assert list(found.replaces) == ["data.a"]
    assert found.deleteBeforeReplace


def test_immutable_automatic_name_is_replaced_without_deleting_first(plugin: Driver, namespace: str) -> None:
    made = plugin.create(CONFIG_MAP, "auto", {**config_map(namespace, None, a="1"), "immutable": True})
    found = plugin.diff(made, {**config_map(namespace, None, a="2"), "immutable": True})
    assert list(found.replaces) == ["data.a"]
    assert not found.deleteBeforeReplace


def test_cluster_ip_is_immutable(plugin: Driver, namespace: str) -> None:
    made = plugin.create(SERVICE, "web", service(namespace))
    assert plugin.diff(made, service(namespace)).changes == NONE
    assert list(plugin.diff(made, service(namespace, clusterIP="None")).replaces) == ["spec.clusterIP"]


def test_invalid_change_is_an_error_in_preview_and_not_a_replacement(plugin: Driver, namespace: str) -> None:
    made = plugin.create(SERVICE, "web", service(namespace))
    with pytest.raises(FailedError, match=r"spec\.ports"):
        plugin.diff(made, service(namespace, ports=[{"port": 99999, "name": "http"}]))


def test_unknown_value_is_an_update_and_an_unknown_immutable_one_a_replacement(plugin: Driver, namespace: str) -> None:
    made = plugin.create(CONFIG_MAP, "settings", config_map(namespace, a="1"))
    assert plugin.diff(made, {**config_map(namespace), "data": {"a": UNKNOWN}}).changes == SOME
    frozen = plugin.create(CONFIG_MAP, "f", {**config_map(namespace, "frozen", a="1"), "immutable": True})
    news = {**config_map(namespace, "frozen"), "data": {"a": UNKNOWN}, "immutable": True}
    assert list(plugin.diff(frozen, news).replaces) == ["data.a"]


def test_ignored_path_is_no_change(plugin: Driver, namespace: str) -> None:
    made = plugin.create(CONFIG_MAP, "settings", config_map(namespace, a="1"))
    assert plugin.diff(made, config_map(namespace, a="2"), ignore=["data.a"]).changes == NONE


def test_deleted_object_is_gone_and_deleting_twice_is_fine(plugin: Driver, namespace: str, kubectl: Kubectl) -> None:
    made = plugin.create(CONFIG_MAP, "settings", config_map(namespace, a="1"))
    plugin.delete(made)
    assert "settings" not in kubectl("get", "configmap", "-n", namespace, "--output=name")
    plugin.delete(made)


def test_stuck_deletion_names_the_finalizer(plugin: Driver, namespace: str, kubectl: Kubectl) -> None:
    news = config_map(namespace, a="1")
    news["metadata"]["finalizers"] = ["tests.invalid/hold"]
    made = plugin.create(CONFIG_MAP, "settings", news)
    with pytest.raises(FailedError, match=r"still there.*finalizers tests\.invalid/hold"):
        plugin.delete(made, timeout=1)
    patch = '{"metadata": {"finalizers": null}}'
    kubectl("patch", "configmap", "settings", "-n", namespace, "--type=merge", "-p", patch)


def test_secret_values_are_marked_in_the_state_and_struck_out_of_errors(plugin: Driver, namespace: str) -> None:
    metadata = {"name": "key", "namespace": namespace}
    news = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"password": Secret("hunter2!!")}}
    made = plugin.create(SECRET, "key", news)
    assert isinstance(made.state["data"], Secret)
    assert plain(made.state["data"])["password"] == base64.b64encode(b"hunter2!!").decode()
    assert isinstance(made.state["__inputs"]["stringData"], Secret)
    assert plugin.diff(made, news).changes == NONE
    changed = {**news, "stringData": {"password": Secret("other-secret")}}
    assert list(plugin.diff(made, changed).detailedDiff) == ["stringData.password"]
    with pytest.raises(FailedError) as failed:
        plugin.create(CONFIG_MAP, "bad", {**config_map(namespace), "data": {"not a key hunter2": Secret("x")}})
    assert "not a key" in str(failed.value)
    named = config_map(namespace, "x")
    named["metadata"]["labels"] = {"l": Secret("not a valid label!")}
    with pytest.raises(FailedError) as failed:
        plugin.create(CONFIG_MAP, "bad", named)
    assert "not a valid label" not in str(failed.value)
    assert "[secret]" in str(failed.value)


def test_removed_key_of_string_data_disappears(plugin: Driver, namespace: str, live: Live) -> None:
    metadata = {"name": "key", "namespace": namespace}
    news = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"a": "1", "b": "2"}}
    made = plugin.create(SECRET, "key", news)
    plugin.update(made, {**news, "stringData": {"a": "1"}})
    assert list(live("secret", "key", "-n", namespace)["data"]) == ["a"]


def test_preview_of_a_create_asks_the_server_and_makes_nothing(
    plugin: Driver, namespace: str, kubectl: Kubectl
) -> None:
    urn = plugin.urn(SERVICE, "web")
    state = plugin.preview(urn, plugin.check(urn, service(namespace)))
    assert state["spec"]["sessionAffinity"] == "None"
    assert repr(state["spec"]["clusterIP"]) == "UNKNOWN"
    assert repr(state["metadata"]["uid"]) == "UNKNOWN"
    assert "status" not in state
    assert kubectl("get", "service", "-n", namespace, "--output=name") == ""
    with pytest.raises(FailedError, match=r"spec\.ports"):
        plugin.preview(urn, plugin.check(urn, service(namespace, ports=[{"port": 0}])))


def test_preview_knows_that_namespace_and_kind_may_come_with_the_same_update(plugin: Driver) -> None:
    urn = plugin.urn(CONFIG_MAP, "settings")
    inputs = plugin.check(urn, config_map("not-there-yet", a="1"))
    assert plugin.preview(urn, inputs) == inputs
    urn = plugin.urn("kubernetes:tests.invalid/v1:Widget", "w")
    inputs = plugin.check(urn, {"apiVersion": "tests.invalid/v1", "kind": "Widget", "metadata": {"name": "w"}})
    assert plugin.preview(urn, inputs) == inputs


def test_drift_shows_on_refresh_and_the_next_update_mends_it(
    plugin: Driver, namespace: str, kubectl: Kubectl, live: Live
) -> None:
    news = config_map(namespace, a="1", b="2")
    made = plugin.create(CONFIG_MAP, "settings", news)
    clean = plugin.refresh(made)
    assert clean is not None
    assert clean.inputs == made.inputs
    kubectl("patch", "configmap", "settings", "-n", namespace, "-p", '{"data": {"a": "edited"}}')
    drifted = plugin.refresh(made)
    assert drifted is not None
    assert drifted.inputs["data"] == {"a": "edited", "b": "2"}
    assert list(plugin.diff(drifted, news).detailedDiff) == ["data.a"]
    plugin.update(drifted, news)
    assert live("configmap", "settings", "-n", namespace)["data"]["a"] == "1"


def test_refresh_of_a_deleted_object_drops_it(plugin: Driver, namespace: str, kubectl: Kubectl) -> None:
    made = plugin.create(CONFIG_MAP, "settings", config_map(namespace, a="1"))
    kubectl("delete", "configmap", "settings", "-n", namespace)
    assert plugin.refresh(made) is None


def test_imported_object_gives_inputs_that_change_nothing(plugin: Driver, namespace: str, kubectl: Kubectl) -> None:
    kubectl("create", "service", "clusterip", "web", "-n", namespace, "--tcp=80:8080")
    found = plugin.import_(SERVICE, "web", f"{namespace}/web")
    assert found is not None
    assert not {"uid", "resourceVersion", "managedFields", "creationTimestamp"} & set(found.inputs["metadata"])
    assert plugin.diff(found, found.inputs).changes == NONE


def test_lists_patches_and_render_mode_are_refused_clearly(plugin: Driver) -> None:
    for token, kind in (
        ("kubernetes:core/v1:ConfigMapList", "ConfigMapList"),
        ("kubernetes:core/v1:ConfigMapPatch", "ConfigMap"),
    ):
        with pytest.raises(AssertionError, match=r"list|patch"):
            plugin.check(plugin.urn(token, "x"), {"apiVersion": "v1", "kind": kind})


def test_update_makes_an_object_again_that_someone_deleted(plugin: Driver, namespace: str, kubectl: Kubectl) -> None:
    made = plugin.create(CONFIG_MAP, "settings", config_map(namespace, a="1"))
    kubectl("delete", "configmap", "settings", "-n", namespace)
    again = plugin.update(made, config_map(namespace, a="2"))
    assert again.state["data"] == {"a": "2"}
    assert any("made again" in message for message in plugin.engine.messages)


def test_field_the_server_does_not_know_is_a_warning(plugin: Driver, namespace: str) -> None:
    plugin.create(SERVICE, "web", service(namespace, sessionAfinity="None"))
    assert any("sessionAfinity" in message for message in plugin.engine.messages)


def test_objects_of_another_provider_namespace_land_there(control_plane: ControlPlane, namespace: str) -> None:
    with Driver(str(control_plane.kubeconfig), config={"namespace": namespace}) as own:
        news = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "placed"}}
        made = own.create(CONFIG_MAP, "placed", news)
        assert made.id == f"{namespace}/placed"
        assert own.diff(made, news).changes == NONE
