"""Debian root file systems: one for the node, one as the base layer of images that need more than one static file.

Made by debootstrap from Debian's signed package lists. Does not configure them; ``embedded.node`` and
``embedded.images`` add what they need.
"""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from embedded.console import say, step
from embedded.errors import EmbeddedError
from embedded.paths import PATHS

RELEASE = "bookworm"
# What a running root file system never reads.
_USELESS = ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale", "var/log")


@dataclass(frozen=True, kw_only=True)
class RootFs:
    """One root file system: its name and the Debian packages in it beside debootstrap's ``minbase``."""

    name: str
    packages: tuple[str, ...]

    @property
    def path(self) -> Path:
        """Where it is unpacked."""
        return PATHS.build / f"{self.name}-rootfs"


NODE = RootFs(
    name="node",
    packages=(
        "ca-certificates",
        "conntrack",
        "containerd",
        "containernetworking-plugins",
        "ethtool",
        "iproute2",
        "iptables",
        "kmod",
        "runc",
        "runit",
        "socat",
    ),
)
BASE = RootFs(
    name="base",
    packages=("ca-certificates", "curl", "iptables", "libpython3.11-stdlib", "python3-minimal"),
)


def ensure(rootfs: RootFs) -> None:
    """Make ``rootfs`` unless it is there already with the same packages.

    Raises:
        EmbeddedError: debootstrap is missing and cannot be installed, or fails.
    """
    stamp = PATHS.build / "stamps" / f"rootfs-{rootfs.name}"
    wanted = " ".join((RELEASE, *rootfs.packages))
    if stamp.exists() and stamp.read_text() == wanted and rootfs.path.is_dir():
        return
    _ensure_debootstrap()
    partial = rootfs.path.with_suffix(".partial")
    log = PATHS.build / f"rootfs-{rootfs.name}.log"
    PATHS.build.mkdir(parents=True, exist_ok=True)
    for attempt in (1, 2, 3):
        shutil.rmtree(partial, ignore_errors=True)
        with step(f"Debian {RELEASE} for the {rootfs.name}", usually="1 min"), log.open("w") as output:
            # The mount namespace keeps a killed debootstrap from leaving its /proc mounted on this machine.
            command = ["unshare", "--mount", "debootstrap", "--variant=minbase"]
            command += [f"--include={','.join(rootfs.packages)}", RELEASE, str(partial)]
            result = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, check=False)
        if result.returncode == 0:
            break
        say(f"    attempt {attempt} of 3 failed; see {log}")
    else:
        tail = "\n".join(log.read_text().splitlines()[-5:])
        raise EmbeddedError(
            f"debootstrap failed three times. Are Debian's packages reachable? {log} ends with:\n{tail}"
        )
    for useless in _USELESS:
        shutil.rmtree(partial / useless, ignore_errors=True)
        (partial / useless).mkdir(parents=True)
    shutil.rmtree(rootfs.path, ignore_errors=True)
    partial.rename(rootfs.path)
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(wanted)


def _ensure_debootstrap() -> None:
    if shutil.which("debootstrap"):
        return
    with step("Installing debootstrap", usually="10 s"):
        subprocess.run(["apt-get", "update", "-qq"], check=False, capture_output=True)
        command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "debootstrap"]
        result = subprocess.run(command, check=False, capture_output=True, text=True)
    if result.returncode != 0 or not shutil.which("debootstrap"):
        last = result.stderr.strip().splitlines()[-1:] or ["no reason given"]
        raise EmbeddedError(f"cannot install debootstrap: {last[0]}. Install it by hand: apt-get install debootstrap")
