"""A Pulumi stack of one test: a tiny program, the real engine, a state folder of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from plugin_driver import ROOT

BINARIES = ROOT / ".crossfade" / "bin"
_HEAD = "import pulumi\nimport pulumi_kubernetes as k8s\nfrom pulumi import ResourceOptions\n"


class Stack:
    """Runs `pulumi` in a folder. The program is Python text; `pulumi`, `k8s` and `ResourceOptions` are imported."""

    def __init__(self, folder: Path, kubeconfig: Path) -> None:
        self.folder = folder
        for name in ("bin", "state", "home"):
            (folder / name).mkdir()
        launcher = folder / "bin" / "pulumi-resource-kubernetes"
        launcher.write_text(
            f'#!/bin/sh\ncd "{ROOT}" && exec "{sys.executable}" -m embedded.plugin "$@"\n', encoding="utf-8"
        )
        launcher.chmod(0o755)
        runtime = {"name": "python", "options": {"virtualenv": str(ROOT / ".venv")}}
        project = {"name": "plugin-test", "runtime": runtime}
        (folder / "Pulumi.yaml").write_text(json.dumps(project), encoding="utf-8")
        self.environ = {
            **{key: value for key, value in os.environ.items() if not key.startswith("PULUMI_")},
            "PATH": f"{folder / 'bin'}:{BINARIES}:{ROOT / '.venv' / 'bin'}:/usr/bin:/bin",
            "PULUMI_HOME": str(folder / "home"),
            "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": "tests",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "KUBECONFIG": str(kubeconfig),
        }
        self.run("stack", "init", "dev")

    def program(self, text: str) -> None:
        """Set the program."""
        (self.folder / "__main__.py").write_text(_HEAD + text, encoding="utf-8")

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command and return it; its output is on one pipe."""
        return subprocess.Popen(
            [str(BINARIES / "pulumi"), *arguments, "--non-interactive", "--color=never"],
            cwd=self.folder,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, fails: bool = False) -> str:
        """Run a command to its end and return what it printed."""
        with self.start(*arguments) as process:
            out, _ = process.communicate(timeout=300)
        assert (process.returncode != 0) == fails, out
        assert "Traceback" not in out, out
        return out

    def up(self, *arguments: str, fails: bool = False) -> str:
        """Run `pulumi up`."""
        return self.run("up", "--yes", "--skip-preview", *arguments, fails=fails)

    def steps(self, *arguments: str) -> dict[str, str]:
        """Return what a preview would do, by logical name, without what stays the same."""
        shown = json.loads(self.run("preview", "--json", *arguments))
        return {item["urn"].rpartition("::")[2]: item["op"] for item in shown["steps"] if item["op"] != "same"}

    def state(self) -> str:
        """Return the stored state as text, as it lies on the disk."""
        return "".join(path.read_text() for path in (self.folder / "state").rglob("dev.json"))

    def resources(self) -> list[dict[str, Any]]:
        """Return the resources of the state."""
        return json.loads(self.run("stack", "export"))["deployment"].get("resources") or []
