"""A release as Helm knows it: status, names of its objects, and why its pods do not run."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

import yaml

from embedded.plugin.await_.loop import look
from embedded.plugin.await_.rules import rule_for
from embedded.plugin.await_.verdict import Ready
from embedded.plugin.cluster import Cluster
from embedded.plugin.errors import PluginError
from embedded.plugin.helm.cli import Helm, HelmError
from embedded.plugin.objects import Kind
from embedded.plugin.values import Value

_WORKLOADS = frozenset({"Deployment", "DaemonSet", "StatefulSet", "Job"})
_STALE_SECONDS = 30  # a pending release this old belongs to a helm that was killed
_PAUSE_SECONDS = 2.0


def find(helm: Helm, name: str) -> dict[str, Any] | None:
    """Return Helm's record (name, info, config, manifest, version), None where there is no such release."""
    try:
        return helm.json(["status", name])
    except HelmError as error:
        if "not found" in str(error):
            return None
        raise


def outputs(helm: Helm, record: dict[str, Any]) -> dict[str, Any]:
    """Return what a release gives beside its inputs: `status` and `resourceNames`."""
    about = helm.json(["get", "metadata", record["name"]])
    status = {
        "appVersion": about.get("appVersion", ""),
        "chart": about.get("chart", ""),
        "name": record["name"],
        "namespace": record["namespace"],
        "revision": record.get("version", 1),
        "status": (record.get("info") or {}).get("status", ""),
        "version": about.get("version", ""),
    }
    return {"status": status, "resourceNames": resource_names(record.get("manifest") or "")}


def objects(manifest: str) -> list[dict[str, Any]]:
    """Return the manifest's objects; none where it cannot be read, which only costs a hint."""
    try:
        loaded = list(yaml.safe_load_all(manifest))
    except yaml.YAMLError:
        return []
    return [item for item in loaded if isinstance(item, dict) and item.get("kind") and item.get("metadata")]


def resource_names(manifest: str) -> dict[str, list[str]]:
    """Return the names of the manifest's objects by `Kind.group/apiVersion`, as the official plugin groups them."""
    names: dict[str, list[str]] = {}
    for item in objects(manifest):
        metadata = item["metadata"]
        name = f"{metadata['namespace']}/{metadata['name']}" if metadata.get("namespace") else str(metadata.get("name"))
        group, _, version = str(item.get("apiVersion", "")).rpartition("/")
        key = f"{item['kind']}.{group}/{group}/{version}" if group else f"{item['kind']}/{version}"
        names.setdefault(key, []).append(name)
    return names


def troubles(cluster: Cluster, record: dict[str, Any] | None) -> list[str]:
    """Return why the release's workloads are not ready, in their pods' words; nothing where nobody can say."""
    found = []
    for item in objects((record or {}).get("manifest") or ""):
        kind = Kind(str(item.get("apiVersion")), str(item.get("kind")))
        if kind.kind not in _WORKLOADS:
            continue
        metadata = {"namespace": (record or {}).get("namespace"), **item["metadata"]}
        try:
            target = cluster.target(kind, {"metadata": metadata})
            live, rule = cluster.read(target), rule_for(kind, item)
            if live is None or rule is None:
                continue
            verdict, _ = look(live, rule, cluster.listed)
        except (PluginError, ValueError):
            continue
        if not isinstance(verdict, Ready):
            found.append(f"{target.text}: {verdict.reason}")
    return found


def unlock(cluster: Cluster, helm: Helm, name: str, tell: Value) -> dict[str, Any] | None:
    """Return the record once no operation is pending; one that a killed helm left behind is undone.

    Undone means: rolled back to the last deployed revision, or uninstalled where there never was one.
    """
    while True:
        record = find(helm, name)
        status = (record or {}).get("info", {}).get("status", "")
        if record is None or not status.startswith("pending-"):
            return record
        if _age(record) > _STALE_SECONDS:
            break
        tell(f"another helm operation is pending ({status})")
        if cluster.clock.pause(_PAUSE_SECONDS):
            raise HelmError("cancelled while another helm operation was pending")
    history = helm.json(["history", name])
    good = [item["revision"] for item in history if item.get("status") in ("deployed", "superseded")]
    tell(f"undoing an interrupted helm operation ({status})")
    if good:
        helm.run(["rollback", name, str(max(good))])
    else:
        helm.run(["uninstall", name, "--ignore-not-found"])
    return find(helm, name)


def _age(record: dict[str, Any]) -> float:
    """Return the seconds since the last operation began; a long time where Helm does not say."""
    text = str((record.get("info") or {}).get("last_deployed", ""))
    try:
        return time.time() - datetime.fromisoformat(text).timestamp()
    except ValueError:
        return float("inf")
