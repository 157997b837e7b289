"""A release's inputs: defaults, merged values, and the flags they mean to `helm`.

Pure. Values never become flags: they go to `helm` on its standard input.
"""

from __future__ import annotations

from typing import Any

from embedded.plugin.names import suffix
from embedded.plugin.values import Asset, Secret, Unknown, Value, has_secret, plain

Properties = dict[str, Any]
DEFAULT_SECONDS = 300
NOT_INPUTS = ("resourceNames", "status", "manifest", "compat", "allowNullValues", "valueYamlFiles")
_BOTH = {
    "atomic": "--atomic",
    "dependencyUpdate": "--dependency-update",
    "devel": "--devel",
    "disableOpenapiValidation": "--disable-openapi-validation",
    "renderSubchartNotes": "--render-subchart-notes",
    "skipCrds": "--skip-crds",
    "takeOwnership": "--take-ownership",
    "verify": "--verify",
    "createNamespace": "--create-namespace",
    "forceUpdate": "--force",
}
_INSTALL = {"disableWebhooks": "--no-hooks", "replace": "--replace"}
_UPGRADE = {
    "cleanupOnFail": "--cleanup-on-fail",
    "disableCRDHooks": "--no-hooks",
    "resetValues": "--reset-values",
    "reuseValues": "--reuse-values",
}
_INSTALL_SKIPS = ("forceUpdate",)


def with_defaults(olds: Properties, news: Properties, logical_name: str, namespace: str, seed: bytes) -> Properties:
    """Return the inputs with name, namespace, timeout and merged values. Raises ValueError for what helm cannot do."""
    inputs = {key: value for key, value in news.items() if key not in NOT_INPUTS and value is not None}
    if plain(inputs.get("recreatePods")) is True:
        raise ValueError("recreatePods: Helm 3's command line has no such flag any more: leave it out")
    if not plain(inputs.get("name")):
        inputs["name"] = olds.get("name") or f"{logical_name}-{suffix(seed, logical_name)}"
    if not plain(inputs.get("namespace")):
        inputs["namespace"] = namespace
    if plain(inputs.get("skipAwait")) is not True:
        inputs.setdefault("timeout", DEFAULT_SECONDS)
    files = news.get("valueYamlFiles")
    if files is not None:
        inputs["values"] = _merged_values(files, inputs.get("values") or {})
    return inputs


def _merged_values(files: Value, values: Value) -> Value:
    import yaml

    merged: Value = {}
    for item in plain(files) or []:
        if isinstance(item, Unknown):
            return item
        if not isinstance(item, Asset):
            raise ValueError("valueYamlFiles: each item has to be a file or text asset")
        try:
            loaded = yaml.safe_load(item.read()) or {}
        except (OSError, yaml.YAMLError):
            raise ValueError(f"valueYamlFiles: {item.path or 'a text asset'} cannot be read as YAML") from None
        if not isinstance(loaded, dict):
            raise ValueError(f"valueYamlFiles: {item.path or 'a text asset'} is no YAML map")
        merged = merge(merged, loaded)
    secret = has_secret(files) or isinstance(values, Secret)
    merged = merge(merged, values.value if isinstance(values, Secret) else values)
    return Secret(plain(merged)) if secret else merged


def merge(first: Value, second: Value) -> Value:
    """Return two value trees joined, the second winning; lists are taken whole, as Helm does."""
    if isinstance(first, dict) and isinstance(second, dict):
        return {**first, **{key: merge(first.get(key), value) for key, value in second.items()}}
    return second


def flags(inputs: Properties, *, upgrade: bool) -> list[str]:
    """Return the flags for `helm install` or `helm upgrade`, without chart, name, values or credentials."""
    inputs = plain(inputs)
    chosen = {**_BOTH, **(_UPGRADE if upgrade else _INSTALL)}
    if not upgrade:
        chosen = {key: flag for key, flag in chosen.items() if key not in _INSTALL_SKIPS}
    result = [flag for key, flag in chosen.items() if inputs.get(key) is True]
    if inputs.get("skipAwait") is not True or inputs.get("atomic") is True:
        result.append("--wait")
        if inputs.get("waitForJobs") is True:
            result.append("--wait-for-jobs")
    result += ["--timeout", f"{int(inputs.get('timeout') or DEFAULT_SECONDS)}s"]
    if inputs.get("description"):
        result += ["--description", str(inputs["description"])]
    if inputs.get("postrender"):
        result += ["--post-renderer", str(inputs["postrender"])]
    if inputs.get("verify") is True and inputs.get("keyring"):
        result += ["--keyring", str(inputs["keyring"])]
    if upgrade and inputs.get("reuseValues") is not True and "--reset-values" not in result:
        result.append("--reset-values")  # else Helm keeps the old values where the new ones are empty
    if upgrade and inputs.get("maxHistory") is not None:
        result += ["--history-max", str(int(inputs["maxHistory"]))]
    return result


def id_of_release(inputs: Properties) -> str:
    """Return `namespace/name`, the resource's ID."""
    given = plain(inputs)
    return f"{given['namespace']}/{given['name']}"
