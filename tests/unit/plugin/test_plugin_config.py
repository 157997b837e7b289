"""Kubeconfigs, names, tokens and releases' inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from embedded.plugin import config, names
from embedded.plugin.helm.chart import chart_of, digest
from embedded.plugin.helm.inputs import flags, merge, with_defaults
from embedded.plugin.helm.live import resource_names
from embedded.plugin.objects import Kind, NotSupportedError, checkpoint, kind_of, name_of, parse_checkpoint, to_object
from embedded.plugin.values import UNKNOWN, Asset, Secret, plain

KUBECONFIG = {
    "current-context": "one",
    "clusters": [
        {"name": "a", "cluster": {"server": "https://a", "certificate-authority": "ca.pem"}},
        {"name": "b", "cluster": {"server": "https://b"}},
    ],
    "contexts": [
        {"name": "one", "context": {"cluster": "a", "user": "u", "namespace": "ns"}},
        {"name": "two", "context": {"cluster": "b", "user": "u"}},
    ],
    "users": [{"name": "u", "user": {"token": "very-secret-token"}}],
}
TEXT = yaml.safe_dump(KUBECONFIG)


def test_kubeconfig_is_read_from_a_file_a_text_and_a_map(tmp_path: Path) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(TEXT, encoding="utf-8")
    for given_config in (str(file), TEXT, KUBECONFIG, Secret(TEXT)):
        found = config.read({"kubeconfig": given_config}, {})
        assert (found.server, found.context, found.namespace, found.why) == ("https://a", "one", "ns", "")
    loaded, source = config.load_kubeconfig(str(file))
    assert source == str(file)
    assert loaded["clusters"][0]["cluster"]["certificate-authority"] == str(tmp_path / "ca.pem")


def test_context_cluster_and_namespace_can_be_chosen() -> None:
    found = config.read({"kubeconfig": TEXT, "context": "two", "namespace": "mine"}, {})
    assert (found.server, found.namespace) == ("https://b", "mine")
    assert config.read({"kubeconfig": TEXT, "cluster": "b"}, {}).server == "https://b"


@pytest.mark.parametrize(
    ("given_config", "text"),
    [
        ({"kubeconfig": "/nowhere/at/all"}, "no kubeconfig at /nowhere/at/all"),
        ({"kubeconfig": TEXT, "context": "three"}, "no context 'three'; it has 'one', 'two'"),
        ({"kubeconfig": TEXT, "cluster": "c"}, "no cluster 'c'; it has 'a', 'b'"),
        ({"kubeconfig": "{very-secret-token: ["}, "not YAML"),
        ({"kubeconfig": '{"a": "very-secret-token"}'}, "not a kubeconfig"),
    ],
)
def test_unusable_kubeconfig_is_told_without_its_content(given_config: dict[str, Any], text: str) -> None:
    why = config.read(given_config, {}).why
    assert text in why
    assert "very-secret-token" not in why


def test_what_cannot_be_honoured_is_refused() -> None:
    found = dict(config.failures({"renderYamlToDirectory": "out", "enableServerSideApply": "false"}))
    assert set(found) == {"renderYamlToDirectory", "enableServerSideApply"}
    assert config.failures({"enableServerSideApply": "true", "namespace": "n"}) == []


@pytest.mark.parametrize(
    ("olds", "news", "replaced"),
    [
        ({"kubeconfig": TEXT}, {"kubeconfig": TEXT}, []),
        ({"kubeconfig": TEXT}, {"kubeconfig": TEXT.replace("very-secret", "other")}, []),
        ({"kubeconfig": TEXT}, {"kubeconfig": TEXT.replace("https://a", "https://c")}, ["kubeconfig"]),
        ({"kubeconfig": TEXT}, {"kubeconfig": TEXT, "context": "two"}, ["context"]),
        ({"kubeconfig": TEXT}, {"kubeconfig": UNKNOWN}, ["kubeconfig"]),
        ({"kubeconfig": TEXT}, {"kubeconfig": TEXT, "namespace": "other"}, []),
        (
            {"kubeconfig": TEXT, "clusterIdentifier": "x"},
            {"kubeconfig": TEXT.replace("https://a", "https://c"), "clusterIdentifier": "x"},
            [],
        ),
    ],
)
def test_another_cluster_replaces_and_new_credentials_do_not(
    olds: dict[str, Any], news: dict[str, Any], replaced: list[str]
) -> None:
    assert config.config_diff(olds, news)[1] == replaced


@given(st.binary(min_size=1), st.sampled_from(["web", "model-v2"]))
def test_automatic_name_follows_from_the_seed_and_is_kept(seed: bytes, logical: str) -> None:
    first = names.with_name({"kind": "X"}, {}, logical, seed, names.Autonaming())
    assert first == names.with_name({"kind": "X"}, {}, logical, seed, names.Autonaming())
    name = first["metadata"]["name"]
    assert name.startswith(f"{logical}-")
    assert len(name) == len(logical) + 9
    assert names.with_name({}, first, logical, b"other", names.Autonaming())["metadata"]["name"] == name


def test_given_and_unknown_names_are_left_alone() -> None:
    for metadata in ({"name": "x"}, {"name": UNKNOWN}):
        assert names.with_name({"metadata": metadata}, {}, "l", b"s", names.Autonaming()) == {"metadata": metadata}


def test_autonaming_configuration_is_followed() -> None:
    proposed = names.with_name({}, {}, "l", b"s", names.Autonaming("mine"))
    assert proposed["metadata"]["name"] == "mine"
    with pytest.raises(names.NameRequiredError):
        names.with_name({}, {}, "l", b"s", names.Autonaming(disabled=True))
    with pytest.raises(names.NameRequiredError, match="generateName"):
        names.with_name({"metadata": {"generateName": "g-"}}, {}, "l", b"s", names.Autonaming())


def urn(token: str) -> str:
    return f"urn:pulumi:dev::p::crossfade:serving:Model${token}::a::name"


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("kubernetes:apps/v1:Deployment", Kind("apps/v1", "Deployment")),
        ("kubernetes:core/v1:Secret", Kind("v1", "Secret")),
        ("kubernetes:networking.istio.io/v1:VirtualService", Kind("networking.istio.io/v1", "VirtualService")),
        ("kubernetes:tests.invalid/v1:AllowList", Kind("tests.invalid/v1", "AllowList")),
    ],
)
def test_kind_follows_from_the_type_token(token: str, expected: Kind) -> None:
    assert kind_of(urn(token), {}) == expected
    assert name_of(urn(token)) == "a::name"


@pytest.mark.parametrize(
    "token",
    [
        "kubernetes:core/v1:PodList",
        "kubernetes:apps/v1:DeploymentPatch",
        "kubernetes:yaml/v2:ConfigFile",
        "kubernetes:helm.sh/v4:Chart",
    ],
)
def test_what_is_not_supported_is_refused(token: str) -> None:
    with pytest.raises(NotSupportedError):
        kind_of(urn(token), {"kind": "Deployment"} if token.endswith("Patch") else {})


def test_object_is_sent_in_normal_form() -> None:
    inputs = {
        "metadata": {"name": "x", "uid": "u", "labels": None},
        "stringData": Secret({"a": "b"}),
        "schema": {"x_kubernetes_preserve_unknown_fields": True, "snake_case": 1},
    }
    assert to_object(inputs, Kind("v1", "Secret")) == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "x"},
        "data": {"a": "Yg=="},
        "schema": {"x-kubernetes-preserve-unknown-fields": True, "snake_case": 1},
    }


def test_state_is_read_as_it_was_written() -> None:
    live = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}, "data": {"a": "Yg=="}}
    inputs = {"kind": "Secret", "stringData": Secret({"a": "b"})}
    state = checkpoint(inputs, live, "manager", "v1")
    assert isinstance(state["data"], Secret)
    found_inputs, found_live = parse_checkpoint(state)
    assert plain(found_inputs) == plain(inputs)
    assert found_live == live


def test_release_flags_never_hold_values_or_credentials() -> None:
    inputs = {
        "name": "r",
        "values": Secret({"password": "hunter2"}),
        "repositoryOpts": {"repo": "https://r", "password": Secret("hunter2")},
        "atomic": True,
        "skipCrds": True,
        "timeout": 30,
    }
    for upgrade in (False, True):
        found = flags(inputs, upgrade=upgrade)
        assert "hunter2" not in " ".join(found)
        assert {"--atomic", "--skip-crds", "--wait"} <= set(found)
        assert found[found.index("--timeout") + 1] == "30s"
    assert "--wait" not in flags({"skipAwait": True}, upgrade=False)


def test_release_gets_name_namespace_timeout_and_merged_values() -> None:
    news = {"chart": "c", "valueYamlFiles": [Asset("a: {b: 1, c: 2}", None)], "values": {"a": {"b": 3}}}
    found = with_defaults({}, news, "istio", "default", b"s")
    assert found["name"].startswith("istio-")
    assert (found["namespace"], found["timeout"]) == ("default", 300)
    assert found["values"] == {"a": {"b": 3, "c": 2}}
    assert with_defaults(found, {"chart": "c"}, "istio", "default", b"t")["name"] == found["name"]


def test_merged_lists_are_taken_whole() -> None:
    assert merge({"a": [1, 2], "b": 1}, {"a": [3]}) == {"a": [3], "b": 1}


def test_digest_follows_names_and_contents(tmp_path: Path) -> None:
    (tmp_path / "Chart.yaml").write_text("name: a", encoding="utf-8")
    first = digest(tmp_path)
    assert digest(tmp_path) == first
    (tmp_path / "Chart.yaml").rename(tmp_path / "other.yaml")
    assert digest(tmp_path) != first


def test_local_and_repository_charts_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "Chart.yaml").write_text("name: a", encoding="utf-8")
    assert chart_of({"chart": str(tmp_path)}).path == tmp_path
    remote = chart_of({"chart": "base", "version": "1.2.3", "repositoryOpts": {"repo": "https://r"}})
    assert (remote.path, remote.exact) == (None, True)
    assert not chart_of({"chart": "oci://r/c", "version": "^1"}).exact
    with pytest.raises(ValueError, match=r"no Chart\.yaml"):
        chart_of({"chart": "./nowhere"})


def test_resource_names_are_grouped_as_the_official_plugin_does() -> None:
    service = "kind: Service\napiVersion: v1\nmetadata: {name: a, namespace: n}\n"
    manifest = service + "---\nkind: Deployment\napiVersion: apps/v1\nmetadata: {name: b}\n"
    assert resource_names(manifest) == {"Service/v1": ["n/a"], "Deployment.apps/apps/v1": ["b"]}
