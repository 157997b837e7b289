"""What `crossfade cluster status` and `logs` show. Reads only."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedded.errors import EmbeddedError
from embedded.node import inside
from embedded.node.cluster import kubectl
from embedded.paths import PATHS

_LOGS = {
    "init": PATHS.node_log,
    "kubeadm": PATHS.node / "kubeadm.log",
    "kubelet": PATHS.node_root / "var/log/kubelet/current",
    "containerd": PATHS.node_root / "var/log/containerd/current",
}


@dataclass(frozen=True, kw_only=True)
class Status:
    """The state of the embedded cluster.

    Attributes:
        running: whether the node's init is alive.
        ready: whether the API server calls the node Ready.
        version: Kubernetes version, empty when the API server does not answer.
        address: the node's address, empty if the cluster was never up.
        pods_ready, pods: how many pods are ready, of how many that should be.
        memory_bytes: resident memory of all processes in the node's cgroup, without page cache.
        disk_bytes: what the node's root file system and data take.
    """

    running: bool
    ready: bool
    version: str
    address: str
    pods_ready: int
    pods: int
    memory_bytes: int
    disk_bytes: int


def status() -> Status:
    """Return what can be seen now; never fails because the cluster is down."""
    running = inside.running_pid() is not None
    slot = inside.slot()
    nodes = _items("nodes") if running else []
    pods = [pod for pod in (_items("pods", "-A") if running else []) if pod["status"].get("phase") != "Succeeded"]
    return Status(
        running=running,
        ready=any(_condition(node, "Ready") for node in nodes),
        version=nodes[0]["status"]["nodeInfo"]["kubeletVersion"] if nodes else "",
        address=slot.node_address if slot else "",
        pods_ready=sum(_condition(pod, "Ready") for pod in pods),
        pods=len(pods),
        memory_bytes=memory_bytes(),
        disk_bytes=_disk_bytes(),
    )


def log_file(name: str) -> Path:
    """Return the log called ``name``.

    Raises:
        EmbeddedError: there is no such log, or nothing has been written yet.
    """
    if name not in _LOGS:
        raise EmbeddedError(f"no log is called {name!r}; there are: {', '.join(_LOGS)}. Pods' logs: kubectl logs")
    if not _LOGS[name].exists():
        raise EmbeddedError(f"the {name} log is empty: the cluster was never up. Start it: crossfade cluster up")
    return _LOGS[name]


def memory_bytes() -> int:
    """Return the resident memory of the node in bytes, from its memory cgroup (v1 or v2); 0 when it is down."""
    slot = inside.slot()
    if slot is None:
        return 0
    for path, keys in (
        (Path("/sys/fs/cgroup/memory") / slot.cgroup / "memory.stat", ("total_rss",)),
        (Path("/sys/fs/cgroup") / slot.cgroup / "memory.stat", ("anon",)),
    ):
        if path.exists():
            values = dict(line.split() for line in path.read_text().splitlines())
            return sum(int(values[key]) for key in keys)
    return 0


def _disk_bytes() -> int:
    result = subprocess.run(["du", "-sxB1", str(PATHS.node)], capture_output=True, text=True, check=False)
    return int(result.stdout.split()[0]) if result.stdout else 0


def _items(*what: str) -> list[dict[str, Any]]:
    result = kubectl("get", *what, "-o", "json", "--request-timeout=5s", check=False)
    return json.loads(result.stdout)["items"] if result.returncode == 0 else []


def _condition(item: dict[str, Any], kind: str) -> bool:
    conditions = item["status"].get("conditions", [])
    return any(condition["type"] == kind and condition["status"] == "True" for condition in conditions)
