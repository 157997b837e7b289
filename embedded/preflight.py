"""What a machine must have before anything is built on it.

All that is missing is named at once. Checks the machine only; the offer of package registries shows when they are used.
"""

import os
import platform
import shutil
from pathlib import Path

from embedded.errors import EmbeddedError
from embedded.paths import PATHS
from embedded.tools import GO_MINIMUM, find_go, stale_families

# Bits of CapEff, from capabilities(7): what namespaces, mounts, interfaces and containers need.
_CAPABILITIES = {
    "CAP_CHOWN": 0,
    "CAP_DAC_OVERRIDE": 1,
    "CAP_KILL": 5,
    "CAP_SETGID": 6,
    "CAP_SETUID": 7,
    "CAP_SETPCAP": 8,
    "CAP_NET_BIND_SERVICE": 10,
    "CAP_NET_ADMIN": 12,
    "CAP_NET_RAW": 13,
    "CAP_SYS_CHROOT": 18,
    "CAP_SYS_PTRACE": 19,
    "CAP_SYS_ADMIN": 21,
    "CAP_MKNOD": 27,
    "CAP_SETFCAP": 31,
}
_GIB = 1 << 30
BUILD_DISK_GIB = 25
RUN_DISK_GIB = 8
MEMORY_GIB = 6


def check() -> None:
    """Look at this machine, for the whole cluster.

    Raises:
        EmbeddedError: a list of everything that is missing, each with its fix.
    """
    _refuse(
        "run the embedded cluster",
        [*_system(), *_root(), *_commands(), *_go(), *_memory(), *_disk()],
        "Any other cluster will do as well: name it in the stack file under crossfade:cluster (kind: existing).",
    )


def check_build() -> None:
    """Look at this machine, for building the tools only, which needs no root.

    Raises:
        EmbeddedError: a list of everything that is missing, each with its fix.
    """
    _refuse("build the tools", [*_system(), *_go(), *_disk()], "")


def _refuse(what: str, missing: list[str], otherwise: str) -> None:
    if missing:
        lines = "\n".join(f"  - {line}" for line in missing)
        message = f"this machine cannot {what}; nothing was built or changed:\n{lines}\n{otherwise}"
        raise EmbeddedError(message.strip())


def missing_capabilities(effective: int) -> list[str]:
    """Return the names of needed capabilities that the CapEff mask ``effective`` lacks."""
    return [name for name, bit in _CAPABILITIES.items() if not effective >> bit & 1]


def _system() -> list[str]:
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        return [f"Linux on x86_64: this is {platform.system()} on {platform.machine()}"]
    return []


def _root() -> list[str]:
    if platform.system() != "Linux":
        return []
    problems: list[str] = []
    if os.geteuid() != 0:
        problems.append("root: run the same command with sudo (namespaces, mounts and the node's interface need it)")
    status = Path("/proc/self/status").read_text()
    effective = int(next(line for line in status.splitlines() if line.startswith("CapEff")).split()[1], 16)
    if lacking := missing_capabilities(effective):
        problems.append(f"capabilities: {', '.join(lacking)}; in a container, start it privileged")
    if not Path("/sys/fs/cgroup").is_mount():
        problems.append("cgroups: /sys/fs/cgroup is not mounted")
    elif not os.access("/sys/fs/cgroup", os.W_OK):
        problems.append("cgroups: /sys/fs/cgroup is read-only; in a container, start it privileged")
    filesystems = Path("/proc/filesystems").read_text().split()
    if "overlay" not in filesystems and not Path(f"/lib/modules/{platform.release()}/kernel/fs/overlayfs").exists():
        problems.append("overlayfs: the kernel has no overlay file system, which containerd needs (modprobe overlay)")
    return problems


def _commands() -> list[str]:
    problems = [
        f"the command `{name}`: apt-get install {package}"
        for name, package in (("ip", "iproute2"), ("unshare", "util-linux"), ("nsenter", "util-linux"))
        if shutil.which(name) is None
    ]
    if shutil.which("debootstrap") is None and shutil.which("apt-get") is None:
        problems.append("debootstrap: install it with your distribution's package manager")
    return problems


def _go() -> list[str]:
    if stale_families():
        try:
            find_go()
        except EmbeddedError as error:
            return [f"Go {GO_MINIMUM[0]}.{GO_MINIMUM[1]}: {error}"]
    return []


def _disk() -> list[str]:
    PATHS.root.mkdir(parents=True, exist_ok=True)
    if PATHS.node_root.exists() and not stale_families():
        wanted = 2  # what is there already needs little more
    else:
        wanted = BUILD_DISK_GIB if stale_families() else RUN_DISK_GIB
    free = shutil.disk_usage(PATHS.root).free
    if free < wanted * _GIB:
        line = (
            f"disk: {free / _GIB:.1f} GiB are free at {PATHS.root}, {wanted} GiB are needed"
            " (Go's caches are deleted after the build)"
        )
        return [line]
    return []


def _memory() -> list[str]:
    if platform.system() != "Linux":
        return []
    meminfo = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    total = int(meminfo["MemTotal"].split()[0]) * 1024
    if total < MEMORY_GIB * _GIB:
        return [f"memory: this machine has {total / _GIB:.1f} GiB, {MEMORY_GIB} GiB are needed"]
    return []
