"""Comparing, pruning, paths, immutability and field ownership."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedded.plugin.diff import Change, changes, covers, parse_path, path_text, prune, value_at
from embedded.plugin.errors import Cause, adoptable, api_error
from embedded.plugin.immutable import refused_as_immutable, refused_paths, replaces
from embedded.plugin.managed import moved, needs_move
from embedded.plugin.objects import Kind
from embedded.plugin.values import UNKNOWN

STEPS = st.one_of(st.integers(0, 99), st.text(alphabet='ab-./"\\ []', min_size=1, max_size=6), st.just("spec"))
LEAVES = st.one_of(st.booleans(), st.integers(-99, 99), st.text(max_size=5))
TREES: st.SearchStrategy[Any] = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=3),
    max_leaves=12,
)
DEPLOYMENT = Kind("apps/v1", "Deployment")


@given(TREES)
def test_object_does_not_differ_from_itself(tree: object) -> None:
    assert changes(tree, tree) == []


@given(TREES, TREES)
def test_every_change_names_a_value_that_differs(old: object, new: object) -> None:
    for item in changes(old, new):
        assert value_at(old, item.path) != value_at(new, item.path) or type(value_at(old, item.path)) is not type(
            value_at(new, item.path)
        )


@given(TREES)
def test_object_pruned_to_itself_is_itself(tree: object) -> None:
    assert prune(tree, tree) == tree


@given(st.lists(STEPS, min_size=1, max_size=5).map(tuple))
def test_paths_are_read_as_they_are_written(path: tuple[str | int, ...]) -> None:
    assert parse_path(path_text(path)) == path


def test_what_only_the_server_writes_is_no_change() -> None:
    old = {"metadata": {"resourceVersion": "1", "generation": 1}, "status": {"a": 1}}
    assert changes(old, {"metadata": {"resourceVersion": "2", "generation": 2}, "status": {}}) == []


def test_unknown_value_is_always_a_change() -> None:
    assert changes({"a": "x"}, {"a": UNKNOWN}) == [Change(("a",), "update")]


def test_pruning_follows_names_and_shows_what_was_added() -> None:
    live = [{"name": "b", "v": 2, "x": 0}, {"name": "added", "v": 3}, {"name": "a", "v": 1, "x": 0}]
    assert prune(live, [{"name": "a", "v": 9}, {"name": "b", "v": 9}]) == [
        {"name": "a", "v": 1},
        {"name": "b", "v": 2},
        {"name": "added", "v": 3},
    ]


@pytest.mark.parametrize(
    ("path", "kind", "expected"),
    [
        ("metadata.name", DEPLOYMENT, True),
        ("metadata.namespace", DEPLOYMENT, True),
        ("metadata.labels.app", DEPLOYMENT, False),
        ("spec.selector.matchLabels.app", DEPLOYMENT, True),
        ("spec.replicas", DEPLOYMENT, False),
        ("spec.template.spec.containers[0].image", Kind("batch/v1", "Job"), True),
        ("spec.parallelism", Kind("batch/v1", "Job"), False),
        ("spec.resources.requests.storage", Kind("v1", "PersistentVolumeClaim"), False),
        ("spec.accessModes[0]", Kind("v1", "PersistentVolumeClaim"), True),
        ("spec.serviceName", Kind("apps/v1", "StatefulSet"), True),
        ("spec.replicas", Kind("apps/v1", "StatefulSet"), False),
        ("spec.clusterIP", Kind("v1", "Service"), True),
        ("spec.containers[0].image", Kind("v1", "Pod"), False),
        ("spec.containers[0].args[0]", Kind("v1", "Pod"), True),
        ("roleRef.name", Kind("rbac.authorization.k8s.io/v1", "RoleBinding"), True),
        ("data.a", Kind("v1", "ConfigMap"), False),
    ],
)
def test_known_immutable_fields(path: str, kind: Kind, expected: bool) -> None:
    assert replaces(Change(parse_path(path), "update"), kind, frozen=False) is expected


def test_data_of_a_frozen_config_map_is_immutable() -> None:
    assert replaces(Change(("data", "a"), "update"), Kind("v1", "ConfigMap"), frozen=True)


def test_refusal_of_a_whole_part_is_narrowed_to_what_is_known() -> None:
    cause = Cause(
        "FieldValueForbidden", "spec", "Forbidden: updates to statefulset spec for fields other than … are forbidden"
    )
    found = [Change(("spec", "serviceName"), "update"), Change(("spec", "replicas"), "update")]
    assert refused_as_immutable([cause])
    assert refused_paths([cause], found, Kind("apps/v1", "StatefulSet"), frozen=False) == {("spec", "serviceName")}


def test_mistake_beside_an_immutable_field_is_no_replacement() -> None:
    immutable = Cause("FieldValueInvalid", "spec.selector", "Invalid value: field is immutable")
    assert not refused_as_immutable([immutable, Cause("FieldValueInvalid", "spec.replicas", "must not be negative")])
    assert not refused_as_immutable([])


def test_conflicts_are_read_and_only_a_persons_kubectl_gives_way() -> None:
    causes = [
        {"reason": "FieldManagerConflict", "field": ".spec.replicas", "message": 'conflict with "hpa" using apps/v1'}
    ]
    error = api_error(409, {"reason": "Conflict", "message": "m", "details": {"causes": causes}}, "")
    assert error.conflicts == (("hpa", ".spec.replicas"),)
    assert not adoptable(error.conflicts)
    assert adoptable((("kubectl-edit", ".a"), ("kubectl-client-side-apply", ".b")))
    assert not adoptable(())


def test_ownership_moves_to_one_apply_entry_and_leaves_others_alone() -> None:
    mine = {"manager": "m", "operation": "Update", "apiVersion": "v1", "fieldsV1": {"f:data": {"f:a": {}}}, "time": "1"}
    before = {
        "manager": "m",
        "operation": "Apply",
        "apiVersion": "v1",
        "fieldsV1": {"f:data": {"f:b": {}}},
        "time": "2",
    }
    status = {"manager": "m", "operation": "Update", "subresource": "status", "fieldsV1": {"f:status": {}}}
    other = {"manager": "hpa", "operation": "Update", "fieldsV1": {"f:spec": {}}}
    assert needs_move([mine, other], "m")
    result = moved([mine, before, status, other], "m", "v1")
    assert result[0]["operation"] == "Apply"
    assert result[0]["fieldsV1"] == {"f:data": {"f:a": {}, "f:b": {}}}
    assert result[1:] == [status, other]
    assert not needs_move(result, "m")


def test_star_covers_any_index() -> None:
    assert covers(parse_path("spec.containers[*].image"), ("spec", "containers", 3, "image"))
    assert not covers(("spec", "a"), ("spec",))
