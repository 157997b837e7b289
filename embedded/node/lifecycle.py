"""Starting and stopping the node's init, its interface and its cgroups.

Does not know Kubernetes beyond the kubelet's being a daemon; ``embedded.node.cluster`` does.
"""

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from embedded import rootfs
from embedded.console import step
from embedded.errors import EmbeddedError
from embedded.node import config, inside
from embedded.node.config import Slot
from embedded.paths import PATHS

_CGROUPS = Path("/sys/fs/cgroup")
_SLOTS = 16


def start() -> None:
    """Start the node unless it runs. Its data from an earlier run is kept.

    Raises:
        EmbeddedError: no slot is free, or the init does not come up.
    """
    if inside.running_pid() is not None:
        return
    PATHS.node.mkdir(parents=True, exist_ok=True)
    slot = _choose_slot()
    inside.write_state({"slot": slot.number})
    _fill_root(slot)
    remove_cgroups(slot)
    _ip("link", "delete", slot.interface, check=False)
    arguments = [str(PATHS.node_root), config.NODE_NAME, f"{slot.node_address}/24", slot.host_address, slot.cgroup]
    unshare = ["unshare", "--mount", "--uts", "--ipc", "--net", "--pid", "--fork"]
    script = Path(__file__).with_name("init.sh")
    with PATHS.node_log.open("ab") as log:
        parent = subprocess.Popen(
            [*unshare, str(script), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd="/",
        )
    pid = _child_of(parent)
    started = inside.start_time(pid)
    if started is None:
        raise EmbeddedError(f"the node ended at once. See {PATHS.node_log}")
    inside.write_state({"slot": slot.number, "pid": pid, "started": started})
    _ip("link", "add", slot.interface, "type", "veth", "peer", "name", "eth0", "netns", str(pid))
    _ip("address", "add", f"{slot.host_address}/24", "dev", slot.interface)
    _ip("link", "set", slot.interface, "up")
    inside.wait_for(
        "containerd",
        lambda: inside.run("ctr", "version", check=False).returncode == 0,
        seconds=60,
        log=PATHS.node_root / "var/log/containerd/current",
    )


def stop() -> bool:
    """Stop the node and remove its interface and cgroups; keep its data. Return whether it ran."""
    slot = inside.slot()
    pid = inside.running_pid()
    if slot is None:
        return False
    if pid is not None:
        # The kubelet first, so that it does not start anew what ends; then all else may end in its own time.
        inside.run("sv", "-w", "10", "force-stop", "kubelet", check=False)
        inside.run("/bin/sh", "-c", "kill -TERM -1", check=False)
        _wait_until_alone(pid, seconds=15)
        os.kill(pid, signal.SIGKILL)
        while inside.start_time(pid) is not None:
            time.sleep(0.05)
    inside.write_state({"slot": slot.number})
    _ip("link", "delete", slot.interface, check=False)
    remove_cgroups(slot)
    return pid is not None


def remove_cgroups(slot: Slot) -> None:
    """Remove the node's cgroups from every hierarchy, deepest first."""
    for hierarchy in [_CGROUPS, *sorted(_CGROUPS.glob("*"))]:
        top = hierarchy / slot.cgroup
        if not top.is_dir():
            continue
        for folder in [*sorted((p for p in top.rglob("*") if p.is_dir()), reverse=True), top]:
            _remove_cgroup(folder)


def _remove_cgroup(folder: Path) -> None:
    # The kernel lets go of a killed process's cgroup a moment after the process has gone.
    for _ in range(100):
        try:
            folder.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise EmbeddedError(f"cannot remove the cgroup {folder}: a process is still in it")


def _choose_slot() -> Slot:
    before = inside.slot()
    candidates = [before] if before else [Slot(number=number) for number in range(_SLOTS)]
    taken = {link["ifname"] for link in json.loads(_ip("-json", "link").stdout)}
    routes = {route["dst"] for route in json.loads(_ip("-json", "route").stdout)}
    for slot in candidates:
        if slot.interface not in taken and f"10.89.{slot.number}.0/24" not in routes:
            return slot
    if before:
        raise EmbeddedError(
            f"the interface {before.interface} or the network 10.89.{before.number}.0/24 of this embedded cluster is "
            f"in use by something else. See `ip address`, or give this cluster up: crossfade cluster down --delete"
        )
    raise EmbeddedError("all networks 10.89.0.0/24 to 10.89.15.0/24 are in use; see `ip address`")


def _fill_root(slot: Slot) -> None:
    """Make the node's root file system, once, and write what may have changed since."""
    root = PATHS.node_root
    if not root.is_dir():
        partial = root.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        with step("Copying the node's root file system", usually="10 s"):
            subprocess.run(["cp", "-a", "--reflink=auto", str(rootfs.NODE.path), str(partial)], check=True)
        partial.rename(root)
    for name in ("kubelet", "kubeadm"):
        target = root / "usr/local/bin" / name
        target.unlink(missing_ok=True)
        shutil.copy2(PATHS.bin / name, target)
    for folder in ("etc/cni/net.d", "opt/cni/bin", "etc/containerd", "var/lib/crossfade/service", ".old", "run", "tmp"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for plugin in (root / "usr/lib/cni").iterdir():
        shutil.copy2(plugin, root / "opt/cni/bin" / plugin.name)
    (root / "etc/containerd/config.toml").write_text(config.containerd())
    (root / "etc/crossfade-kubeadm.yaml").write_text(config.kubeadm(slot))
    # Written anew on each start. istio-cni adds itself to it, by a key file that a restart takes away: no pod could
    # start, its own neither. Istio repairs the pods that start before it is back.
    (root / "etc/cni/net.d/10-crossfade.conflist").write_text(json.dumps(config.cni(), indent=2))
    for leftover in (root / "var/lib/crossfade/service").iterdir():
        leftover.unlink() if leftover.is_symlink() else shutil.rmtree(leftover)
    for name, text in (("containerd", config.CONTAINERD_RUN), ("kubelet", config.KUBELET_RUN)):
        log = root / "var/log" / name
        log.mkdir(parents=True, exist_ok=True)
        logger = config.LOG_RUN.replace(" .", f" /var/log/{name}")
        for relative, content in ((f"{name}/run", text), (f"{name}/log/run", logger)):
            path = root / "var/lib/crossfade/service" / relative
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
            path.chmod(0o755)


def _child_of(parent: subprocess.Popen[bytes]) -> int:
    """Return the process that ``unshare --fork`` made: the node's init."""
    children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children")
    for _ in range(100):
        if parent.poll() is not None:
            break
        found = children.read_text().split()
        if found:
            return int(found[0])
        time.sleep(0.05)
    raise EmbeddedError(f"the node's init did not start. See {PATHS.node_log}")


def _wait_until_alone(pid: int, *, seconds: float) -> None:
    """Wait until the init is the only process of its PID namespace, or time is up."""
    namespace = Path(f"/proc/{pid}/ns/pid").readlink()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        others = 0
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != pid:
                try:
                    others += (entry / "ns/pid").readlink() == namespace
                except OSError:
                    continue
        if not others:
            return
        time.sleep(0.2)


def _ip(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    result = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if check and result.returncode != 0:
        raise EmbeddedError(f"`ip {' '.join(arguments)}` failed: {result.stderr.strip()}")
    return result
