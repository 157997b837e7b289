"""Kubernetes objects as Pulumi sees them: type tokens, IDs, normal form, and the state object ("checkpoint").

Pure. The state is laid out as the official plugin lays it out, so that either plugin can take over a stack:
the live object, plus `__inputs`, `__initialApiVersion` and `__fieldManager`.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

from embedded.plugin.secrets import annotate
from embedded.plugin.values import Secret, Unknown, Value, plain

INPUTS = "__inputs"
FIELD_MANAGER = "__fieldManager"
INITIAL_API_VERSION = "__initialApiVersion"
RELEASE_TYPE = "kubernetes:helm.sh/v3:Release"
_SERVER_METADATA = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
)


@dataclass(frozen=True)
class Kind:
    """An API version such as `apps/v1` or `v1`, and a kind."""

    api_version: str
    kind: str

    @property
    def group(self) -> str:
        """Return the API group; empty for the core one."""
        return self.api_version.rpartition("/")[0]

    def __str__(self) -> str:
        return f"{self.api_version}/{self.kind}"


class NotSupportedError(Exception):
    """Something the official plugin has and this one has not. The text says what to use instead."""


def type_of(urn: str) -> str:
    """Return the resource's own type token of `urn:pulumi:stack::project::parents$type::name`."""
    return urn.split("::")[2].rpartition("$")[2]


def name_of(urn: str) -> str:
    """Return the logical name of a URN. It may itself contain `::`."""
    return urn.split("::", 3)[3]


def kind_of(urn: str, inputs: dict[str, Any]) -> Kind:
    """Return the kind of a resource. Raises NotSupportedError for lists, patches and components."""
    token = type_of(urn)
    module, _, type_name = token.removeprefix("kubernetes:").rpartition(":")
    api_version = plain(inputs.get("apiVersion")) or (module.removeprefix("core/") if module else "")
    kind = plain(inputs.get("kind")) or type_name
    built_in = "." not in api_version or ".k8s.io/" in api_version
    if token.startswith(("kubernetes:yaml", "kubernetes:helm.sh", "kubernetes:kustomize")):
        raise NotSupportedError(
            f"the offline kubernetes plugin has no {token}: use kubernetes:helm.sh/v3:Release or typed resources"
        )
    if type_name.endswith("Patch") and kind != type_name:
        raise NotSupportedError(
            f"the offline kubernetes plugin has no patch resources ({token}): manage the whole object instead"
        )
    if built_in and type_name.endswith("List"):
        raise NotSupportedError(
            f"{token} is a list, which no plugin can create: declare its items as resources of their own"
        )
    if isinstance(api_version, Unknown) or isinstance(kind, Unknown):
        raise NotSupportedError(f"{token}: apiVersion and kind must be known before the update starts")
    return Kind(api_version, kind)


def parse_id(resource_id: str) -> tuple[str, str]:
    """Return (namespace, name) of `namespace/name` or `name`; the namespace is empty in the second form."""
    namespace, _, name = resource_id.rpartition("/")
    return namespace, name


def id_of(obj: dict[str, Any]) -> str:
    """Return the ID of a live object, as the official plugin writes it."""
    metadata = obj["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}" if metadata.get("namespace") else metadata["name"]


def metadata_of(obj: dict[str, Any]) -> dict[str, Any]:
    """Return the metadata as plain values, empty where there is none."""
    metadata = plain(obj.get("metadata"))
    return metadata if isinstance(metadata, dict) else {}


def annotations_of(obj: dict[str, Any]) -> dict[str, Any]:
    """Return the annotations as plain values, empty where there are none."""
    annotations = metadata_of(obj).get("annotations")
    return annotations if isinstance(annotations, dict) else {}


def to_object(inputs: dict[str, Any], kind: Kind) -> dict[str, Any]:
    """Return the object to send for the inputs: plain values in normal form.

    Server-set metadata and nulls go, `x_kubernetes_*` keys get their dashes, and a Secret's `stringData`
    becomes `data`: the server tracks ownership of `stringData` keys apart and so would never drop one.
    """
    obj = _drop_nulls(_rename(plain(inputs), "x_kubernetes_", "_", "-"))
    for key in (INPUTS, FIELD_MANAGER, INITIAL_API_VERSION, "status"):
        obj.pop(key, None)
    obj["apiVersion"], obj["kind"] = kind.api_version, kind.kind
    metadata = obj.get("metadata")
    if isinstance(metadata, dict):
        for key in _SERVER_METADATA:
            metadata.pop(key, None)
    if kind == Kind("v1", "Secret") and isinstance(obj.get("stringData"), dict):
        given = obj.pop("stringData")
        obj["data"] = {**(obj.get("data") or {}), **{key: _encoded(value) for key, value in given.items()}}
    return obj


def _encoded(value: Value) -> Value:
    return value if isinstance(value, Unknown) else base64.b64encode(str(value).encode()).decode()


def _drop_nulls(value: Value) -> Value:
    if isinstance(value, dict):
        return {key: _drop_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_drop_nulls(item) for item in value]
    return value


def _rename(value: Value, prefix: str, old: str, new: str) -> Value:
    if isinstance(value, dict):
        return {
            key.replace(old, new) if key.startswith(prefix) else key: _rename(item, prefix, old, new)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_rename(item, prefix, old, new) for item in value]
    return value


def checkpoint(inputs: dict[str, Any], live: dict[str, Any], manager: str, api_version: str) -> dict[str, Any]:
    """Return the state to store: the live object and the inputs, with secrets marked in both."""
    given = dict(inputs)
    string_data = given.get("stringData")
    if string_data is not None and live.get("kind") == "Secret":
        given["data"] = Secret(None)  # data derives from stringData, so it is as secret
    outputs = annotate(_rename(live, "x-kubernetes-", "-", "_"), given)
    metadata = outputs.get("metadata")
    if isinstance(metadata, dict):
        outputs["metadata"] = {key: value for key, value in metadata.items() if key != "selfLink"}
    outputs[INPUTS] = annotate(inputs, inputs)
    outputs[FIELD_MANAGER] = manager
    outputs[INITIAL_API_VERSION] = api_version
    return outputs


def parse_checkpoint(state: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return (inputs, live object) of a stored state. The inputs keep their secret markers."""
    inputs = state.get(INPUTS)
    if isinstance(inputs, Secret):
        inputs = inputs.value
    live = {key: value for key, value in state.items() if not key.startswith("__")}
    return (inputs if isinstance(inputs, dict) else {}), plain(_rename(live, "x_kubernetes_", "_", "-"))
