"""Driving the Pulumi CLI: output passed through, interruptions waited for, and what an interrupted run left mended.

It decides nothing about resources; that is the program's and the engine's part.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from crossfade import workspace
from crossfade.console import note
from crossfade.errors import CrossfadeError, MissingToolError
from crossfade.stack import Stack, run_tool

INTERRUPT_SECONDS = 120


class Engine:
    """The Pulumi CLI on one stack."""

    def __init__(self, place: workspace.Workspace, stack: str) -> None:
        self._place = place
        self._stack = stack

    def stream(self, *arguments: str, what: str) -> None:
        """Run `pulumi ARGUMENTS`, its output to this terminal. Raises CrossfadeError where it fails."""
        stream(["pulumi", *arguments, "--non-interactive"], self._place, what)

    def select(self) -> None:
        """Select the stack, made where it does not exist."""
        run_tool(["pulumi", "stack", "select", "--create", self._stack, "--non-interactive"], self._place)

    def up(self, config_file: Path | None = None, *, what: str) -> None:
        """Run `pulumi up --yes` without the preview, on the stack's own file or `config_file`."""
        chosen = ["--config-file", str(config_file)] if config_file else []
        self.stream("up", "--yes", "--skip-preview", "--suppress-outputs", "--stack", self._stack, *chosen, what=what)

    def state(self) -> dict[str, Any]:
        """Return the stack's deployment, secrets still encrypted."""
        text = run_tool(["pulumi", "stack", "export", "--stack", self._stack, "--non-interactive"], self._place)
        return json.loads(text)["deployment"]

    def unlock(self) -> None:
        """Remove a dead Pulumi's lock. Raises CrossfadeError where it is alive, or on another machine."""
        for path in sorted((self._place.state / ".pulumi" / "locks").glob(f"**/{self._stack}/*.json")):
            try:
                lock = json.loads(path.read_text())
            except (OSError, ValueError):
                continue  # its owner removed it just now, or is writing it: Pulumi itself will tell
            pid, host = int(lock.get("pid", 0)), lock.get("hostname")
            if host != os.uname().nodename or _is_pulumi(pid):
                raise CrossfadeError(
                    f"another Pulumi (process {pid} on {host}) is updating stack {self._stack}. "
                    "Wait for it, and run this again.\n"
                    f"When you know that it is dead: `pulumi cancel --yes {self._stack}`."
                )
            note(f"Removing the lock of an interrupted Pulumi (process {pid} is gone)")
            run_tool(["pulumi", "cancel", "--yes", self._stack, "--non-interactive"], self._place)
            return

    def settle_cluster(self) -> None:
        """Forget the stack's state where its cluster was deleted and another is in its place: nothing in it exists.

        A cluster is known by the uid of its namespace kube-system, noted beside the state.
        """
        stack = Stack(self._stack, self._place)
        uid = stack.read_cluster("get", "namespace", "kube-system")["metadata"]["uid"]
        noted = self._place.state / f"cluster-of-{self._stack}"
        before = noted.read_text() if noted.exists() else uid
        if before != uid:
            note(f"The cluster of stack {self._stack} was deleted since its last `pulumi up`: its state is forgotten.")
            command = ["pulumi", "stack", "rm", "--force", "--yes", "--preserve-config", "--stack", self._stack]
            run_tool([*command, "--non-interactive"], self._place)
            self.select()
        noted.write_text(uid)

    def mend(self) -> None:
        """Settle creations that an interrupted update began: what the cluster has is taken over, the rest forgotten."""
        pending = [
            item["resource"] for item in self.state().get("pending_operations") or [] if item["type"] == "creating"
        ]
        if not pending:
            return
        note(f"An interrupted update left {len(pending)} creations open: asking the cluster which of them exist")
        imports: list[str] = []
        for resource in pending:
            identity = existing(Stack(self._stack, self._place), resource)
            if identity:
                imports += ["--import-pending-creates", resource["urn"], "--import-pending-creates", identity]
        self.stream(
            "refresh", "--yes", "--skip-preview", "--stack", self._stack, *imports,
            *([] if len(imports) == 4 * len(pending) else ["--clear-pending-creates"]),
            what="settling the interrupted update",
        )  # fmt: skip


def existing(stack: Stack, resource: dict[str, Any]) -> str | None:
    """Return the id, `namespace/name`, of the Kubernetes object that a pending creation made, None without one."""
    inputs = resource.get("inputs", {})
    metadata = inputs.get("metadata", {})
    kind, version, name = inputs.get("kind"), inputs.get("apiVersion"), metadata.get("name")
    if not (resource["type"].startswith("kubernetes:") and kind and version and name):
        return None
    group = version.partition("/")[0] if "/" in version else ""
    api = version.partition("/")[2] or version
    namespace = metadata.get("namespace")
    command = stack.kubectl("get", f"{kind}.{api}.{group}".lower(), name, "--ignore-not-found", "-o", "name")
    try:
        found = run_tool(
            [*command, *(["--namespace", namespace] if namespace else [])], stack.place, timeout=60
        ).strip()
    except CrossfadeError:
        return None  # its kind is not known to the cluster, so neither is the object
    if not found:
        return None
    return f"{namespace}/{name}" if namespace else name


def stream(command: list[str], place: workspace.Workspace, what: str) -> None:
    """Run a command in the project, its output to this terminal. Raises CrossfadeError where it fails.

    On Ctrl-C the command has had the signal too; it is given time to finish what it has begun.
    """
    try:
        process = subprocess.Popen(command, cwd=place.root, env=place.environment())
    except FileNotFoundError:
        raise MissingToolError(
            f"{command[0]} is not on PATH, nor in {place.bin}. `make demo` installs the tools."
        ) from None
    try:
        code = process.wait()
    except KeyboardInterrupt:
        note(f"Interrupted: waiting for {command[0]} to stop cleanly (at most {INTERRUPT_SECONDS // 60} min)")
        try:
            process.wait(INTERRUPT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        raise
    if code != 0:
        raise CrossfadeError(
            f"{what} failed: `{' '.join(command[:4])} …` ended with code {code}; its own message is above.\n"
            "What was done is kept: mend the cause and run the same command again."
        )


def _is_pulumi(pid: int) -> bool:
    """Whether a process of this number lives and is a Pulumi; numbers are used again."""
    try:
        return "pulumi" in Path(f"/proc/{pid}/comm").read_text()
    except OSError:
        return False
