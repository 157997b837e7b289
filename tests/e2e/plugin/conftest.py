"""One control plane for all tests of the plugin, one plugin process, and one namespace for each test."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from plugin_controlplane import ControlPlane
from plugin_driver import ROOT, Driver

BINARIES = ROOT / ".crossfade" / "bin"
KUBECTL = ROOT / ".venv" / "bin" / "kubectl"
Kubectl = Callable[..., str]


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    missing = [name for name in ("etcd", "kube-apiserver", "kube-controller-manager") if not (BINARIES / name).exists()]
    if missing:
        pytest.fail(f"{', '.join(missing)} not built: build them: crossfade cluster tools")
    plane = ControlPlane(tmp_path_factory.mktemp("control-plane"), BINARIES)
    try:
        plane.start()
        yield plane
    finally:
        plane.stop()


@pytest.fixture
def kubectl(control_plane: ControlPlane) -> Kubectl:
    def run(*arguments: str, stdin: str = "") -> str:
        cache = control_plane.folder / "kubectl-cache"  # else it would remember kinds of an earlier run
        where = ["--kubeconfig", str(control_plane.kubeconfig), "--cache-dir", str(cache)]
        command = [str(KUBECTL), *where, *arguments]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="session")
def plugin(control_plane: ControlPlane) -> Iterator[Driver]:
    environ = {"PATH": f"{BINARIES}:/usr/bin:/bin"}
    with Driver(str(control_plane.kubeconfig), environ=environ) as driver:
        yield driver


@pytest.fixture
def namespace(kubectl: Kubectl) -> Iterator[str]:
    name = f"t-{uuid4().hex[:8]}"
    kubectl("create", "namespace", name)
    yield name
    kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def live(kubectl: Kubectl) -> Callable[..., dict[str, Any]]:
    def get(*arguments: str) -> dict[str, Any]:
        return json.loads(kubectl("get", *arguments, "--output=json"))

    return get


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a folder for a Pulumi project with a state of its own."""
    (tmp_path / "state").mkdir()
    return tmp_path
