"""Running `helm`: with the provider's kubeconfig, secrets off the command line, and an end on cancellation.

Knows commands and files, not releases' properties.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from embedded.plugin.cluster import Cluster
from embedded.plugin.errors import PluginError
from embedded.plugin.helm.chart import Chart
from embedded.plugin.values import Value

_TELL_SECONDS = 5.0
_INTERRUPT_SECONDS = 20.0  # helm marks the release as failed when it is interrupted
_REPOSITORY = "chart-repository"


class HelmError(PluginError):
    """Helm refused or failed. The text is Helm's own."""


def _private(path: Path, text: str) -> Path:
    """Write a file that only this user can read, from its first byte."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    return path


class Helm:
    """The `helm` binary on PATH, pointed at one cluster and namespace."""

    def __init__(self, cluster: Cluster, namespace: str, folder: Path) -> None:
        found = shutil.which("helm")
        if found is None:
            raise HelmError(
                "helm is not on PATH: a Helm release needs it (crossfade's tools folder has one, .crossfade/bin)"
            )
        self._binary, self._cluster, self._folder = found, cluster, folder
        settings = cluster.settings
        kubeconfig = _private(folder / "kubeconfig", json.dumps(settings.kubeconfig or {}))
        self._where = ["--namespace", namespace, "--kubeconfig", str(kubeconfig)]
        if settings.context:
            self._where += ["--kube-context", settings.context]
        dropped = ("KUBECONFIG", "HELM_NAMESPACE", "HELM_KUBECONTEXT", "HELM_KUBETOKEN", "HELM_KUBEAPISERVER")
        self._environ = {key: value for key, value in os.environ.items() if key not in dropped}

    def run(self, command: list[str], *, stdin: str = "", tell: Callable[[float], None] | None = None) -> str:
        """Run a command and return its output. Raises HelmError with Helm's own reason, also when it was cancelled."""
        process = subprocess.Popen(
            [self._binary, *command, *self._where],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self._environ,
            start_new_session=True,  # a Ctrl-C is for the engine; we end helm ourselves, in order
        )
        start, given, cancelled_at = time.monotonic(), stdin, None
        while True:
            try:
                out, err = process.communicate(given or None, timeout=0.5 if tell is None else _TELL_SECONDS / 5)
                break
            except subprocess.TimeoutExpired:
                given = ""
            waited = time.monotonic() - start
            if self._cluster.cancelled.is_set():
                if cancelled_at is None:
                    process.send_signal(signal.SIGINT)
                    cancelled_at = waited
                elif waited - cancelled_at > _INTERRUPT_SECONDS:
                    process.kill()
            elif tell is not None:
                tell(waited)
        if process.returncode != 0:
            ended = "cancelled: " if cancelled_at is not None else ""
            raise HelmError(ended + _reason(err or out))
        return out

    def json(self, command: list[str]) -> Value:
        """Run a command and return its JSON output."""
        return json.loads(self.run([*command, "--output", "json"]))

    def chart_flags(self, chart: Chart) -> list[str]:
        """Return the reference and flags that name the chart. A login goes into a private file, never into a flag."""
        version = ["--version", chart.version] if chart.version and chart.path is None else []
        if not chart.repo:
            return [chart.reference, *version]
        if not chart.login:
            return [chart.reference, "--repo", chart.repo, *version]
        file = self._folder / "repositories.yaml"
        if not file.exists():
            entry = {"name": _REPOSITORY, "url": chart.repo, **chart.login}
            _private(file, yaml.safe_dump({"apiVersion": "", "repositories": [entry]}))
            self._where += ["--repository-config", str(file), "--repository-cache", str(self._folder / "cache")]
            self.run(["repo", "update", _REPOSITORY])
        return [f"{_REPOSITORY}/{chart.reference}", *version]

    def metadata(self, chart: Chart) -> dict[str, Any]:
        """Return the chart's Chart.yaml. Raises HelmError where the chart cannot be found or read."""
        loaded = yaml.safe_load(self.run(["show", "chart", *self.chart_flags(chart)]))
        return loaded if isinstance(loaded, dict) else {}


def _reason(text: str) -> str:
    """Return Helm's message without its prefix and its warnings."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    kept = [line for line in lines if not line.startswith(("WARNING:", "coalesce.go", "level="))] or lines
    return " ".join(kept).removeprefix("Error: ") or "helm failed without a message"


@contextmanager
def helm(cluster: Cluster, namespace: str) -> Iterator[Helm]:
    """Give a Helm whose files are private and gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="crossfade-helm-") as folder:
        yield Helm(cluster, namespace, Path(folder))
