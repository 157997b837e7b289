"""Kubernetes on the node: images in, kubeadm init, kubeconfig, default storage class.

Each part is done once and noted; an interrupted ``up`` goes on where it was.
"""

import fcntl
import shutil
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from embedded import images
from embedded.console import say, step
from embedded.errors import EmbeddedError
from embedded.node import config, inside, lifecycle
from embedded.paths import PATHS, PROJECT

_READY = "etc/kubernetes/crossfade-initialised"
_KUBELET_LOG = PATHS.node_root / "var/log/kubelet/current"
_MANIFESTS = PROJECT / "embedded" / "manifests"


def up() -> None:
    """Bring the cluster up, or back up; a second call only checks.

    Raises:
        EmbeddedError: with the log to read.
    """
    begin = datetime.now(UTC)
    with _only_one():
        if inside.running_pid() is None:
            with step("Starting the node", usually="15 s"):
                lifecycle.start()
        _load_images()
        if not (PATHS.node_root / _READY).exists():
            _initialise()
        _write_kubeconfig()
        with step("Waiting for Kubernetes", usually="20 s, a minute after a cold start"):
            inside.wait_for("the API server", _api_is_ready, seconds=240, log=_KUBELET_LOG)
            inside.wait_for("the node", lambda: _node_is_ready(begin), seconds=120, log=_KUBELET_LOG)
            _apply_manifests()
            inside.wait_for("a system pod", _system_is_ready, seconds=240, log=_KUBELET_LOG)
        say(f"==> The cluster is up. KUBECONFIG={PATHS.kubeconfig}")


def down(*, delete: bool = False) -> None:
    """Stop the cluster; with ``delete`` drop its data as well."""
    with _only_one():
        ran = lifecycle.stop()
        say("==> The cluster is stopped" if ran else "==> The cluster was not running")
        if delete:
            shutil.rmtree(PATHS.node, ignore_errors=True)
            PATHS.kubeconfig.unlink(missing_ok=True)
            say("==> Its data is deleted")


def kubectl(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run kubectl against the embedded cluster.

    Raises:
        EmbeddedError: it failed and ``check`` is set.
    """
    program = Path(sys.executable).with_name("kubectl")
    result = subprocess.run(
        [str(program), "--kubeconfig", str(PATHS.kubeconfig), *arguments], capture_output=True, text=True, check=False
    )
    if check and result.returncode != 0:
        raise EmbeddedError(f"`kubectl {' '.join(arguments)}` failed: {result.stderr.strip()}")
    return result


@contextmanager
def _only_one() -> Generator[None]:
    """Let one `up` or `down` work at a time; a second waits for it."""
    PATHS.node.mkdir(parents=True, exist_ok=True)
    with (PATHS.node / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("==> Another `crossfade cluster` command is at work; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _load_images() -> None:
    """Assemble and load every image that the node does not have in its present form."""
    images.prepare()
    done = PATHS.node_root / "var/lib/crossfade/images"
    done.mkdir(parents=True, exist_ok=True)
    # Digests from before the work: what changes meanwhile is noticed by the next `up`.
    wanted = [(recipe, done / recipe.name.replace("/", "_"), images.fingerprint(recipe)) for recipe in images.recipes()]
    stale = [(recipe, note, digest) for recipe, note, digest in wanted if _noted(note) != digest]
    if not stale:
        return
    folder = PATHS.node_root / "var/tmp"
    with step(f"Assembling {len(stale)} images and loading them into containerd", usually="90 s"):
        images.drop_layers()
        for recipe, note, digest in stale:
            archive = folder / "image.tar"
            images.assemble(recipe, archive)
            inside.run("ctr", "-n", "k8s.io", "images", "import", f"/{archive.relative_to(PATHS.node_root)}")
            archive.unlink()
            note.write_text(digest)
        images.drop_layers()


def _noted(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def _initialise() -> None:
    if (PATHS.node_root / "etc/kubernetes/manifests").is_dir():
        with step("Clearing an interrupted initialisation", usually="10 s"):
            inside.run("kubeadm", "reset", "--force", f"--cri-socket={config.CRI_SOCKET}", check=False)
    log = PATHS.node / "kubeadm.log"
    with step("kubeadm init", usually="30 to 70 s"):
        result = inside.run(
            "kubeadm", "init", "--config=/etc/crossfade-kubeadm.yaml", "--ignore-preflight-errors=all", check=False
        )
        log.write_text(result.stdout + result.stderr)
        log.chmod(0o600)  # kubeadm prints the join token
        if result.returncode != 0:
            last = "\n".join(result.stderr.strip().splitlines()[-5:])
            raise EmbeddedError(f"kubeadm init failed; see {log} and {_KUBELET_LOG}:\n{last}")
        (PATHS.node_root / _READY).touch()


def _write_kubeconfig() -> None:
    partial = PATHS.kubeconfig.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    partial.touch(mode=0o600)
    partial.write_text((PATHS.node_root / "etc/kubernetes/admin.conf").read_text())
    partial.replace(PATHS.kubeconfig)


def _api_is_ready() -> bool:
    return kubectl("get", "--raw=/readyz", "--request-timeout=3s", check=False).returncode == 0


def _node_is_ready(since: datetime) -> bool:
    # After a restart the API server still shows what was true before it; a renewed lease shows the kubelet is back.
    lease = kubectl("-n", "kube-node-lease", "get", "lease", "-o", "jsonpath={.items[0].spec.renewTime}", check=False)
    if not lease.stdout or datetime.fromisoformat(lease.stdout) < since:
        return False
    condition = '{.items[0].status.conditions[?(@.type=="Ready")].status}'
    return kubectl("get", "nodes", "-o", f"jsonpath={condition}", check=False).stdout == "True"


def _system_is_ready() -> bool:
    # The volume provisioner is not waited for: it fails once before kube-proxy is up, and then takes its time.
    condition = '{.items[*].status.conditions[?(@.type=="Ready")].status}'
    states = kubectl("-n", "kube-system", "get", "pods", "-o", f"jsonpath={condition}", check=False).stdout.split()
    return bool(states) and "False" not in states


def _apply_manifests() -> None:
    kubectl("apply", "--server-side", "--field-manager=crossfade-cluster", "-f", str(_MANIFESTS))
