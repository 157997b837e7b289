"""The cluster and the stack across a killed kubelet, a full stop and start, and `destroy`. Runs last."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from driver import Driver

from embedded.node import inside

ROOT = Path(__file__).resolve().parents[2]


def cluster(*arguments: str) -> str:
    """Run `crossfade cluster …`; it must end well."""
    command = [sys.executable, "-m", "crossfade.cli", "cluster", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def processes(pid: int) -> dict[str, int]:
    """Return command name → process id of what runs in the node's PID namespace."""
    namespace = Path(f"/proc/{pid}/ns/pid").readlink()
    found: dict[str, int] = {}
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "ns/pid").readlink() == namespace:
                found[(entry / "comm").read_text().strip()] = int(entry.name)
        except OSError:
            continue
    return found


def node_pid() -> int:
    """Return the node's init, which must run."""
    pid = inside.running_pid()
    assert pid is not None
    return pid


def test_up_on_a_running_cluster_only_checks_it(stack: Driver) -> None:
    pid = node_pid()
    output = cluster("up")
    assert "Starting" not in output
    assert "kubeadm" not in output
    assert node_pid() == pid
    assert stack.send("grpc", 100).failures == {}


def test_killed_kubelet_comes_back_and_no_request_fails(stack: Driver) -> None:
    old = processes(node_pid())["kubelet"]
    os.kill(old, signal.SIGKILL)
    assert stack.send("grpc", 500).failures == {}
    deadline = time.monotonic() + 60
    while processes(node_pid()).get("kubelet", old) == old:
        assert time.monotonic() < deadline
        time.sleep(0.5)


def test_stop_leaves_nothing_and_start_brings_everything_back(stack: Driver) -> None:
    slot = inside.slot()
    assert slot is not None
    machine = {name: Path(f"/proc/sys/{name}").read_text() for name in ("vm/overcommit_memory", "kernel/panic")}
    mounts = Path("/proc/mounts").read_text()
    pid = node_pid()
    namespace = Path(f"/proc/{pid}/ns/pid").readlink()
    cluster("down")
    left = [entry.name for entry in Path("/proc").iterdir() if entry.name.isdigit() and _namespace(entry) == namespace]
    assert left == []
    assert not Path(f"/sys/class/net/{slot.interface}").exists()
    assert [str(path) for path in Path("/sys/fs/cgroup").glob(f"*/{slot.cgroup}")] == []
    assert Path("/proc/mounts").read_text() == mounts
    assert machine == {name: Path(f"/proc/sys/{name}").read_text() for name in machine}

    cluster("up")
    deadline = time.monotonic() + 240
    while not _serves(stack):
        assert time.monotonic() < deadline
        time.sleep(2)
    for protocol in ("grpc", "rest"):
        result = stack.send(protocol, 500)
        assert result.failures == {}
        assert set(result.versions) == {"v1", "v2"}
    assert stack.steps() == {}


def test_destroy_removes_all_save_the_bucket_and_says_what_it_kept(stack: Driver) -> None:
    run = stack.run(sys.executable, "-m", "crossfade.cli", "destroy", "--stack", stack.name, "--yes")
    assert run.code == 0, run.text
    kept = run.text[run.text.index("Kept:") :]
    assert "PersistentVolumeClaim crossfade-storage/s3-data: protected" in kept
    assert "Namespace crossfade-storage: protected" in kept
    namespaces = set(stack.kubectl("get", "namespaces", "-o", "name").split())
    assert "namespace/crossfade-storage" in namespaces
    assert namespaces.isdisjoint({f"namespace/{name}" for name in ("serving", "istio-system", "istio-ingress")})
    assert stack.kubectl("-n", "crossfade-storage", "get", "deployments,services,jobs,secrets", "-o", "name") == ""
    assert "s3-data" in stack.kubectl("-n", "crossfade-storage", "get", "pvc", "-o", "name")
    # The next `up` goes on with the bucket that was kept: nothing is published again.
    stack.must_up()
    stack.settle(lambda result: not result.failed)


def _serves(stack: Driver) -> bool:
    pods = stack.get("pods", "-n", "serving")["items"]
    ready = [
        any(condition["type"] == "Ready" and condition["status"] == "True" for condition in pod["status"]["conditions"])
        for pod in pods
    ]
    return bool(ready) and all(ready) and not stack.send("grpc", 20).failed


def _namespace(entry: Path) -> Path | None:
    try:
        return (entry / "ns/pid").readlink()
    except OSError:
        return None
