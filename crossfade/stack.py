"""What a deployed stack says about itself: its stack file, its outputs and its cluster. Reads only.

Outputs come from `pulumi stack output --json`; secrets in them stay masked, and nothing here asks for them in clear.
"""

import json
import subprocess
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from crossfade import workspace
from crossfade.errors import CrossfadeError, InputError, MissingToolError

PROJECT = "crossfade"


def run_tool(arguments: list[str], place: workspace.Workspace, *, timeout: float = 120) -> str:
    """Run a tool of the project's PATH and return its stdout.

    Raises MissingToolError where it is not installed, CrossfadeError with the end of its stderr where it fails.
    """
    environment = place.environment()
    try:
        done = subprocess.run(
            arguments, cwd=place.root, env=environment, capture_output=True, text=True, timeout=timeout, check=False
        )
    except FileNotFoundError:
        raise MissingToolError(
            f"{arguments[0]} is not on PATH, nor in {place.bin}. `make demo` installs the tools."
        ) from None
    except subprocess.TimeoutExpired:
        raise CrossfadeError(f"`{' '.join(arguments[:4])} …` gave no answer within {timeout:.0f} s.") from None
    if done.returncode != 0:
        tail = "\n".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-6:])
        raise CrossfadeError(f"`{' '.join(arguments[:4])} …` failed:\n{tail}")
    return done.stdout


@dataclass(frozen=True)
class Stack:
    """One stack of the project, by name."""

    name: str
    place: workspace.Workspace = field(default_factory=workspace.find)

    @cached_property
    def config(self) -> dict[str, Any]:
        """The stack file's values by short key (`models`). Raises InputError where it is unreadable."""
        path = self.place.stack_file(self.name)
        return read_config(path)

    @cached_property
    def outputs(self) -> dict[str, Any]:
        """The stack's outputs. Raises CrossfadeError where the stack does not exist or was never deployed."""
        text = run_tool(["pulumi", "stack", "output", "--json", "--stack", self.name, "--non-interactive"], self.place)
        return json.loads(text)

    def storage(self) -> dict[str, Any]:
        """Return the `storage` output: kind, bucket and, in the cluster, namespace, service, port, writerSecret."""
        storage = self.outputs.get("storage")
        if not isinstance(storage, dict):
            raise CrossfadeError(
                f"stack {self.name} has no storage yet: bring it up first with `pulumi up --stack {self.name}`."
            )
        return storage

    def kubectl(self, *arguments: str) -> list[str]:
        """Build a kubectl command line for this stack's cluster, even where KUBECONFIG points to another one."""
        cluster = self.config.get("cluster", {})
        chosen: list[str] = []
        if cluster.get("kubeconfig"):
            chosen += ["--kubeconfig", str(self.place.root / Path(cluster["kubeconfig"]).expanduser())]
        if cluster.get("context"):
            chosen += ["--context", cluster["context"]]
        return ["kubectl", *chosen, *arguments]

    def read_cluster(self, *arguments: str) -> Any:  # noqa: ANN401 - whatever JSON the API answers
        """`kubectl … -o json`, parsed."""
        return json.loads(run_tool(self.kubectl(*arguments, "-o", "json"), self.place, timeout=60))

    def server(self, protocol: str) -> str:
        """HOST:PORT of the stack's gateway for `grpc` or `http`, as seen from this machine.

        A load balancer's address where the gateway's Service has one, else a node's address and the node port.
        """
        gateway = self.outputs.get("gateway")
        if not isinstance(gateway, dict):
            raise CrossfadeError(f"stack {self.name} has no gateway yet: `pulumi up --stack {self.name}` makes it.")
        namespace, name, wanted = gateway["namespace"], gateway["service"], gateway[f"{protocol}Port"]
        if wanted is None:
            raise CrossfadeError(
                f"stack {self.name}'s gateway has no port for {protocol}: set `mesh.gateway.{protocol}`."
            )
        service = self.read_cluster("get", "service", name, "--namespace", namespace)
        port = next((port for port in service["spec"]["ports"] if port["port"] == wanted), None)
        if port is None:
            raise CrossfadeError(f"the gateway's Service {namespace}/{name} has no port {wanted} for {protocol}.")
        for entry in service.get("status", {}).get("loadBalancer", {}).get("ingress", []):
            return f"{entry.get('ip') or entry['hostname']}:{wanted}"
        if "nodePort" not in port:
            raise CrossfadeError(
                f"the gateway's Service {namespace}/{name} has neither a load balancer's address nor a node port yet."
            )
        return f"{self._node_address()}:{port['nodePort']}"

    def _node_address(self) -> str:
        for node in self.read_cluster("get", "nodes")["items"]:
            for address in node["status"]["addresses"]:
                if address["type"] == "InternalIP":
                    return address["address"]
        raise CrossfadeError("the cluster has no node with an address: is it up? (`crossfade cluster status`)")


def read_config(path: Path) -> dict[str, Any]:
    """Return a stack file's `crossfade:…` values by short key. Raises InputError where there are none."""
    try:
        document = yaml.safe_load(path.read_text())
        values = document["config"]
        return {key.partition(":")[2]: value for key, value in values.items() if key.startswith(f"{PROJECT}:")}
    except FileNotFoundError:
        raise InputError(
            f"no stack file {path}: give --stack the name of one of the Pulumi.<stack>.yaml files."
        ) from None
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is not a stack file with a `config:` block: {error}") from None
