"""The provider's configuration: which kubeconfig, which cluster in it, which switches.

Reads files and the environment. Does not connect.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from embedded.plugin.errors import PluginError
from embedded.plugin.values import Unknown, Value, plain

_REFUSED = {
    "renderYamlToDirectory": "the offline kubernetes plugin cannot render YAML: leave renderYamlToDirectory out, "
    "or use the official plugin (it would also write secrets as plain text)",
    "skipUpdateUnreachable": "the offline kubernetes plugin never skips an unreachable cluster: leave it out",
}
_PATH_KEYS = {
    "clusters": ("cluster", ("certificate-authority",)),
    "users": ("user", ("client-certificate", "client-key", "tokenFile")),
}


@dataclass(frozen=True)
class Settings:
    """The provider's own settings, read. `kubeconfig` is None where none was found; `why` says why."""

    kubeconfig: dict[str, Any] | None
    source: str
    context: str
    cluster: dict[str, Any] = field(default_factory=dict)
    namespace: str = "default"
    patch_force: bool = False
    delete_unreachable: bool = False
    quiet_warnings: bool = False
    why: str = ""

    @property
    def server(self) -> str:
        """Return the address of the API server, empty where there is none."""
        return str(self.cluster.get("server", ""))


def failures(config: dict[str, Any]) -> list[tuple[str, str]]:
    """Return (property, reason) for each setting that this plugin cannot honour."""
    found = [(key, reason) for key, reason in _REFUSED.items() if _on(config.get(key))]
    if "enableServerSideApply" in config and not _on(config["enableServerSideApply"]):
        found.append(
            ("enableServerSideApply", "the offline kubernetes plugin always uses server-side apply: leave it out")
        )
    return found


def _on(value: Value) -> bool:
    value = plain(value)
    return bool(value) and str(value).lower() not in ("false", "0")


def read(config: dict[str, Any], environ: dict[str, str] | None = None) -> Settings:
    """Return the settings of the provider's inputs. A kubeconfig that cannot be used is told in `why`, not raised."""
    environ = dict(os.environ) if environ is None else environ
    config = plain(config)
    switches: dict[str, Any] = {
        "patch_force": _on(config.get("enablePatchForce", environ.get("PULUMI_K8S_ENABLE_PATCH_FORCE"))),
        "delete_unreachable": _on(config.get("deleteUnreachable", environ.get("PULUMI_K8S_DELETE_UNREACHABLE"))),
        "quiet_warnings": _on(
            config.get("suppressDeprecationWarnings", environ.get("PULUMI_K8S_SUPPRESS_DEPRECATION_WARNINGS"))
        ),
    }
    given = config.get("kubeconfig") or environ.get("KUBECONFIG") or "~/.kube/config"
    source = "the provider's kubeconfig"
    try:
        loaded, source = load_kubeconfig(given)
        context_name, context, cluster = _active(loaded, config, source)
    except PluginError as error:
        namespace = config.get("namespace") or "default"
        return Settings(None, source, "", namespace=namespace, why=str(error), **switches)
    namespace = config.get("namespace") or context.get("namespace") or "default"
    return Settings(loaded, source, context_name, cluster, namespace, **switches)


def load_kubeconfig(given: Value) -> tuple[dict[str, Any], str]:
    """Return (kubeconfig, where it came from). `given` is a map, the text itself, or one or more paths.

    Raises PluginError where it is neither a file nor a kubeconfig. The text never appears in the message.
    """
    if isinstance(given, Unknown):
        raise PluginError("the kubeconfig is not known before the update")
    if isinstance(given, dict):
        return given, "the provider's kubeconfig"
    text = str(given)
    if "\n" not in text and not text.lstrip().startswith("{"):
        paths = [Path(part).expanduser().absolute() for part in text.split(os.pathsep) if part]
        existing = [path for path in paths if path.is_file()]
        if not existing:
            raise PluginError(f"there is no kubeconfig at {', '.join(map(str, paths))}")
        merged: dict[str, Any] = {}
        for path in existing:
            merged = _merge(merged, _absolute(_parse(path.read_text(encoding="utf-8"), str(path)), path.parent))
        return merged, ", ".join(map(str, existing))
    return _absolute(_parse(text, "the provider's kubeconfig"), Path.cwd()), "the provider's kubeconfig"


def _parse(text: str, source: str) -> dict[str, Any]:
    try:
        loaded = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark else ""
        raise PluginError(f"{source} is not YAML{place}") from None
    if not isinstance(loaded, dict) or not isinstance(loaded.get("clusters"), list):
        raise PluginError(f"{source} is not a kubeconfig: it has no list of clusters")
    return loaded


def _absolute(loaded: dict[str, Any], base: Path) -> dict[str, Any]:
    """Return the kubeconfig with absolute file paths: kubectl reads them relative to the file."""
    result = dict(loaded)
    for section, (part, keys) in _PATH_KEYS.items():
        entries = []
        for entry in loaded.get(section) or []:
            inner = dict(entry.get(part) or {})
            for key in keys:
                if inner.get(key):
                    inner[key] = str(base / Path(inner[key]).expanduser())
            entries.append({**entry, part: inner})
        result[section] = entries
    return result


def _merge(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Join two kubeconfigs; the first one's entries win, as with kubectl."""
    merged = {**second, **{key: value for key, value in first.items() if value}}
    for section in ("clusters", "users", "contexts"):
        entries = {entry["name"]: entry for entry in [*(second.get(section) or []), *(first.get(section) or [])]}
        merged[section] = list(entries.values())
    return merged


def _active(loaded: dict[str, Any], config: dict[str, Any], source: str) -> tuple[str, dict[str, Any], dict[str, Any]]:
    name = config.get("context") or loaded.get("current-context") or ""
    context = _named(loaded, "contexts", "context", name)
    if context is None:
        raise PluginError(f"{source} has no context {name!r}; it has {_names(loaded, 'contexts')}")
    cluster_name = config.get("cluster") or context.get("cluster") or ""
    cluster = _named(loaded, "clusters", "cluster", cluster_name)
    if cluster is None:
        raise PluginError(f"{source} has no cluster {cluster_name!r}; it has {_names(loaded, 'clusters')}")
    context["cluster"] = cluster_name
    return name, context, cluster


def _named(loaded: dict[str, Any], section: str, part: str, name: str) -> dict[str, Any] | None:
    for entry in loaded.get(section) or []:
        if entry.get("name") == name:
            return entry.setdefault(part, {})
    return None


def _names(loaded: dict[str, Any], section: str) -> str:
    return ", ".join(repr(entry.get("name")) for entry in loaded.get(section) or []) or "none"


def config_diff(olds: dict[str, Any], news: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Return (changed keys, keys that replace all resources), by the official plugin's rule.

    All is replaced when the active cluster's settings change, or a part of them is not known yet. A
    `clusterIdentifier` decides alone where both sides give one.
    """
    olds, news = ({key: _decoded(value) for key, value in plain(side).items()} for side in (olds, news))
    keys = sorted(key for key in {*olds, *news} if isinstance(news.get(key), Unknown) or olds.get(key) != news.get(key))
    own = [key for key in ("kubeconfig", "context", "cluster") if key in keys]
    before, after = olds.get("clusterIdentifier"), news.get("clusterIdentifier")
    if before and after:
        return keys, ["clusterIdentifier"] if before != after else []
    if any(isinstance(news.get(key), Unknown) for key in own):
        return keys, own
    old, new = read(olds, {}), read(news, {})
    if own and old.cluster and new.cluster and old.cluster != new.cluster:
        return keys, own
    return keys, []


def _decoded(value: Value) -> Value:
    if isinstance(value, str) and value[:1] in ('"', "["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value
