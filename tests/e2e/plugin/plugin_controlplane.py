"""A Kubernetes control plane on loopback for tests: etcd, kube-apiserver, kube-controller-manager, no nodes.

All files are in one folder; every process is ended by its own id.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

TOKEN = "tests-only"  # noqa: S105 - of a control plane that lives for one test run
_START_SECONDS = 120


def free_ports(count: int) -> list[int]:
    """Return ports that were free a moment ago."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for item in sockets:
            item.bind(("127.0.0.1", 0))
        return [item.getsockname()[1] for item in sockets]
    finally:
        for item in sockets:
            item.close()


@dataclass
class ControlPlane:
    """The running processes and how to reach them."""

    folder: Path
    binaries: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    server: str = ""

    @property
    def kubeconfig(self) -> Path:
        """Return the path of a kubeconfig with all rights."""
        return self.folder / "kubeconfig"

    def start(self) -> None:
        """Start everything and wait until the API server is ready. Raises RuntimeError with the log's end."""
        etcd, peer, api, controller = free_ports(4)
        self.server = f"https://127.0.0.1:{api}"
        keys = self.folder / "keys"
        sa_key = keys / "sa.key"
        kubeadm = [str(self.binaries / "kubeadm"), "init", "phase", "certs", "sa", f"--cert-dir={keys}"]
        subprocess.run(kubeadm, check=True, capture_output=True)
        (self.folder / "tokens.csv").write_text(f"{TOKEN},admin,admin,system:masters\n", encoding="utf-8")
        self._write_kubeconfig(keys)
        self._spawn(
            "etcd",
            [
                f"--data-dir={self.folder / 'etcd'}",
                f"--listen-client-urls=http://127.0.0.1:{etcd}",
                f"--advertise-client-urls=http://127.0.0.1:{etcd}",
                f"--listen-peer-urls=http://127.0.0.1:{peer}",
                f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
                f"--initial-cluster=default=http://127.0.0.1:{peer}",
            ],
        )
        self._spawn(
            "kube-apiserver",
            [
                f"--etcd-servers=http://127.0.0.1:{etcd}",
                "--bind-address=127.0.0.1",
                "--advertise-address=127.0.0.1",
                f"--secure-port={api}",
                f"--cert-dir={keys}",
                f"--token-auth-file={self.folder / 'tokens.csv'}",
                "--authorization-mode=RBAC",
                "--service-cluster-ip-range=10.123.0.0/24",
                "--service-account-issuer=https://tests.invalid",
                f"--service-account-key-file={sa_key}",
                f"--service-account-signing-key-file={sa_key}",
                "--endpoint-reconciler-type=none",
                "--disable-admission-plugins=ServiceAccount",
            ],
        )
        self._await_ready(keys / "apiserver.crt")
        self._spawn(
            "kube-controller-manager",
            [
                f"--kubeconfig={self.kubeconfig}",
                f"--service-account-private-key-file={sa_key}",
                "--use-service-account-credentials=false",
                "--leader-elect=false",
                "--bind-address=127.0.0.1",
                f"--secure-port={controller}",
                f"--cert-dir={keys / 'controller'}",
            ],
        )

    def stop(self) -> None:
        """End every process, last started first, and at once: nothing of theirs is kept."""
        for process in reversed(self.processes):
            if process.poll() is None:
                os.kill(process.pid, signal.SIGKILL)
            process.wait(timeout=15)

    def _spawn(self, name: str, arguments: list[str]) -> None:
        with (self.folder / f"{name}.log").open("wb") as log:
            self.processes.append(
                subprocess.Popen(
                    [str(self.binaries / name), *arguments], stdout=log, stderr=log, start_new_session=True
                )
            )

    def _await_ready(self, certificate: Path) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if any(process.poll() is not None for process in self.processes):
                break
            try:
                context = ssl.create_default_context(cafile=str(certificate))
                request = urllib.request.Request(f"{self.server}/readyz", headers={"Authorization": f"Bearer {TOKEN}"})  # noqa: S310 - our own address
                with urllib.request.urlopen(request, timeout=5, context=context) as answer:  # noqa: S310
                    if answer.status == 200:
                        return
            except OSError:
                pass
            time.sleep(0.5)
        logs = "\n".join(path.read_text(errors="replace")[-1500:] for path in sorted(self.folder.glob("*.log")))
        raise RuntimeError(f"the test control plane did not start:\n{logs}")

    def _write_kubeconfig(self, keys: Path) -> None:
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "tests",
            "clusters": [
                {
                    "name": "tests",
                    "cluster": {"server": self.server, "certificate-authority": str(keys / "apiserver.crt")},
                }
            ],
            "users": [{"name": "admin", "user": {"token": TOKEN}}],
            "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": "admin"}}],
        }
        self.kubeconfig.write_text(json.dumps(content), encoding="utf-8")
