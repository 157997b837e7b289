"""CRDs and the objects of their kinds, of one update, against a real API server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from plugin_driver import Driver, FailedError, Kubectl, Live
from pulumi.runtime.proto import provider_pb2

CRD = "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition"


class Kind:
    """A kind of its own for each test."""

    def __init__(self, scope: str) -> None:
        self.group = f"t{uuid4().hex[:8]}.tests.invalid"
        self.scope = scope
        self.token = f"kubernetes:{self.group}/v1:Route"

    @property
    def crd(self) -> dict[str, Any]:
        """Return the CRD."""
        weights = {"type": "array", "items": {"type": "object", "x_kubernetes_preserve_unknown_fields": True}}
        spec = {"type": "object", "properties": {"http": weights, "host": {"type": "string"}}}
        rule = {"rule": "self == oldSelf", "message": "host is immutable"}
        spec["properties"]["host"]["x_kubernetes_validations"] = [rule]
        schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}}
        return {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": f"routes.{self.group}"},
            "spec": {
                "group": self.group,
                "scope": self.scope,
                "names": {"kind": "Route", "plural": "routes"},
                "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
            },
        }

    def route(self, namespace: str = "", host: str = "a", *weights: int) -> dict[str, Any]:
        """Return an object of the kind."""
        # The garbage collector learns of a new kind only within 30 s, and foreground deletion waits for it.
        notes = {"pulumi.com/deletionPropagationPolicy": "background"}
        metadata = {"name": "split", "annotations": notes, **({"namespace": namespace} if namespace else {})}
        http = [{"match": index, "weight": weight} for index, weight in enumerate(weights)]
        return {
            "apiVersion": f"{self.group}/v1",
            "kind": "Route",
            "metadata": metadata,
            "spec": {"host": host, "http": http},
        }


@pytest.fixture(params=["Namespaced", "Cluster"])
def kind(request: pytest.FixtureRequest, kubectl: Kubectl) -> Iterator[Kind]:
    made = Kind(request.param)
    yield made
    kubectl("delete", "crd", f"routes.{made.group}", "--ignore-not-found")


def test_object_of_a_kind_that_comes_with_the_same_update_is_previewed_and_created(
    plugin: Driver, namespace: str, kind: Kind
) -> None:
    place = namespace if kind.scope == "Namespaced" else ""
    crd_urn = plugin.urn(CRD, "routes")
    plugin.preview(crd_urn, plugin.check(crd_urn, kind.crd))
    urn = plugin.urn(kind.token, "split")
    inputs = plugin.check(urn, kind.route(place, "a", 70, 30))
    assert plugin.preview(urn, inputs) == inputs
    crd = plugin.create(CRD, "routes", kind.crd)
    assert plugin.diff(crd, kind.crd).changes == provider_pb2.DiffResponse.DIFF_NONE
    made = plugin.create(kind.token, "split", kind.route(place, "a", 70, 30))
    assert made.id == (f"{namespace}/split" if place else "split")
    assert plugin.diff(made, kind.route(place, "a", 70, 30)).changes == provider_pb2.DiffResponse.DIFF_NONE
    found = plugin.diff(made, kind.route(place, "a", 60, 40))
    assert sorted(found.detailedDiff) == ["spec.http[0].weight", "spec.http[1].weight"]
    assert not found.replaces
    assert list(plugin.diff(made, kind.route(place, "b", 70, 30)).replaces) == ["spec.host"]
    plugin.delete(made)
    plugin.delete(crd)
    assert plugin.refresh(made) is None


def test_edited_list_shows_on_refresh_and_is_mended(
    plugin: Driver, namespace: str, kind: Kind, kubectl: Kubectl, live: Live
) -> None:
    place = namespace if kind.scope == "Namespaced" else ""
    where = ["-n", namespace] if place else []
    plugin.create(CRD, "routes", kind.crd)
    news = kind.route(place, "a", 70, 30)
    made = plugin.create(kind.token, "split", news)
    patch = '[{"op": "replace", "path": "/spec/http/0/weight", "value": 1}]'
    kubectl("patch", f"routes.{kind.group}", "split", *where, "--type=json", "-p", patch)
    drifted = plugin.refresh(made)
    assert drifted is not None
    assert [item["weight"] for item in drifted.inputs["spec"]["http"]] == [1, 30]
    assert plugin.diff(drifted, news).changes == provider_pb2.DiffResponse.DIFF_SOME
    plugin.update(drifted, news)
    spec = live(f"routes.{kind.group}", "split", *where)["spec"]
    assert [item["weight"] for item in spec["http"]] == [70, 30]


def test_kind_that_nobody_installs_is_a_clear_error(plugin: Driver, namespace: str) -> None:
    news = Kind("Namespaced").route(namespace, "a", 100)
    with pytest.raises(FailedError, match=r"does not serve .*Route: install its CRD"):
        plugin.create(f"kubernetes:{news['apiVersion']}:Route", "split", news)
