"""Drives a stack of its own on the tests' embedded cluster, with the tools a user has: pulumi, kubectl, crossfade."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from crossfade.commands import load
from crossfade.stack import Stack
from crossfade.traffic.types import Headers, Result
from crossfade.workspace import Workspace

MODELS = "crossfade:models"


@dataclass(frozen=True, kw_only=True)
class Run:
    """A finished command: exit code, and both streams as one text."""

    code: int
    text: str


@dataclass(frozen=True)
class Driver:
    """One stack: its file, the engine on it, and requests to its gateway."""

    name: str
    place: Workspace

    @property
    def file(self) -> Path:
        """The stack file."""
        return self.place.stack_file(self.name)

    def run(self, *command: str, environment: dict[str, str] | None = None) -> Run:
        """Run a command with the project's environment; never raises for its exit code."""
        done = subprocess.run(
            command,
            cwd=self.place.root,
            env={**self.place.environment(), **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return Run(code=done.returncode, text=done.stdout)

    def pulumi(self, *arguments: str, environment: dict[str, str] | None = None) -> Run:
        """Run the Pulumi CLI on this stack."""
        return self.run("pulumi", *arguments, "--stack", self.name, "--non-interactive", environment=environment)

    def up(self) -> Run:
        """Run `pulumi up`; its exit code is the caller's to judge."""
        return self.pulumi("up", "--yes", "--skip-preview", "--suppress-outputs")

    def must_up(self) -> Run:
        """Run `pulumi up`, which must end well."""
        run = self.up()
        assert run.code == 0, run.text
        return run

    def steps(self) -> dict[str, str]:
        """Return what `pulumi preview` proposes: resource name → operation, unchanged ones left out."""
        run = subprocess.run(
            ["pulumi", "preview", "--json", "--stack", self.name, "--non-interactive"],
            cwd=self.place.root,
            env=self.place.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, run.stdout + run.stderr
        steps = json.loads(run.stdout)["steps"]
        return {step["urn"].rpartition("::")[2]: step["op"] for step in steps if step["op"] != "same"}

    def kubectl(self, *arguments: str) -> str:
        """Run kubectl on the tests' cluster; it must end well."""
        run = self.run("kubectl", *arguments)
        assert run.code == 0, run.text
        return run.text

    def get(self, *arguments: str) -> Any:  # noqa: ANN401 - whatever JSON the API answers
        """`kubectl get … -o json`, parsed."""
        return json.loads(self.kubectl("get", *arguments, "-o", "json"))

    def server(self, protocol: str) -> str:
        """HOST:PORT of the gateway for `grpc` or `rest`."""
        return Stack(self.name, self.place).server("http" if protocol == "rest" else "grpc")

    def send(self, protocol: str, requests: int, *, headers: Headers = ()) -> Result:
        """Send held-out digits through the gateway, retries off."""
        return load.send(self.server(protocol), protocol, requests=requests, headers=(headers,))

    def settle(self, expected: Callable[[Result], bool]) -> None:
        """Wait until answers of both APIs show that the gateway has the last routes; at most a minute."""
        for protocol in ("grpc", "rest"):
            deadline = time.monotonic() + 60
            while not expected(result := self.send(protocol, 60)):
                assert time.monotonic() < deadline, f"{protocol}: {result}"
                time.sleep(0.5)

    @contextmanager
    def edited(self, change: Callable[[dict[str, Any]], None]) -> Generator[None]:
        """Edit the stack file's config for the block's duration; the caller deploys."""
        before = self.file.read_text()
        document = yaml.safe_load(before)
        change(document["config"])
        self.file.write_text(yaml.safe_dump(document, sort_keys=False))
        try:
            yield
        finally:
            self.file.write_text(before)

    @contextmanager
    def deployed(self, change: Callable[[dict[str, Any]], None]) -> Generator[None]:
        """Deploy an edited stack file, and the file as it was after the block."""
        try:
            with self.edited(change):
                self.must_up()
                yield
        finally:
            self.must_up()


def traffic(config: dict[str, Any]) -> dict[str, Any]:
    """Return the mnist model's traffic section of a stack file's config."""
    return config[MODELS]["mnist"]["traffic"]


def workspace(root: Path) -> Workspace:
    """Return the workspace of the tests' cluster."""
    assert os.environ.get("CROSSFADE_CLUSTER") == "e2e"
    return Workspace(root)
