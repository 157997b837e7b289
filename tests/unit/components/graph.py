"""Run the program against a mock engine and look at what it asked for: resources, parents, dependencies, inputs."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from google.protobuf import json_format, struct_pb2
from pulumi.runtime import rpc
from pulumi.runtime.mocks import MockCallArgs, MockMonitor, MockResourceArgs, Mocks, set_mocks, test
from pulumi.runtime.proto import resource_pb2

from components.cluster.kubeconfig import Access
from stacks.config.parse import parse_stack
from stacks.platform import deploy

ROOT = Path(__file__).parents[3]
SECRET = "[secret]"  # noqa: S105 -- what stands in place of one
CREDENTIAL = "credential-of-the-kubeconfig"

_MARK = "4dabf18193072939515e22adb298388d"
_MARK_SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 -- Pulumi's wire mark for secrets

ACCESS = Access(content=f'{{"token": "{CREDENTIAL}"}}', context="test", server="https://test:6443", origin="test")


@dataclass(frozen=True, kw_only=True)
class Node:
    """A resource as the engine sees it. Secret inputs read `[secret]`; `secrets` holds what they were."""

    key: str
    type: str
    name: str
    parent: str
    provider: str
    protect: bool
    custom: bool
    depends_on: tuple[str, ...]
    inputs: dict[str, Any]
    secrets: tuple[str, ...]


class Graph:
    """All resources of a run, by `type::name`."""

    def __init__(self, nodes: dict[str, Node]) -> None:
        self.nodes = nodes

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes.values())

    def of(self, kind: str) -> list[Node]:
        """Return the resources whose type ends in this kind."""
        return [node for node in self if node.type.rpartition(":")[2] == kind]

    def one(self, kind: str, name: str) -> Node:
        """Return the one resource of a kind whose logical name this is."""
        (found,) = [node for node in self.of(kind) if node.name == name]
        return found

    def reaches(self, node: Node, other: Node) -> bool:
        """Tell whether a resource waits for another, directly or not."""
        todo, seen = [node.key], set[str]()
        while todo:
            for key in self.nodes[todo.pop()].depends_on:
                if key not in seen:
                    seen.add(key)
                    todo.append(key)
        return other.key in seen


def dev_sections() -> dict[str, Any]:
    """Read the sections of the dev stack file."""
    config = yaml.safe_load((ROOT / "Pulumi.dev.yaml").read_text(encoding="utf-8"))["config"]
    return {key.partition(":")[2]: value for key, value in config.items() if key.startswith("crossfade:")}


def graph_of(sections: dict[str, Any], *, preview: bool = False) -> Graph:
    """Run the composition for a stack file's sections, and return what it asked the engine for."""
    return _run(yaml.safe_dump(sections, sort_keys=False), preview)


@lru_cache(maxsize=64)
def _run(sections: str, preview: bool) -> Graph:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        monitor = _Monitor(preview=preview)
        set_mocks(monitor.mocks, project="crossfade", stack="dev", preview=preview, monitor=monitor)
        config = parse_stack(yaml.safe_load(sections))

        def program() -> None:
            deploy(config, ACCESS)

        test(program)()
        return monitor.graph()
    finally:
        loop.close()
        asyncio.set_event_loop(None)


class _NoMocks(Mocks):
    """The monitor answers by itself; the program calls no provider function."""

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        raise AssertionError(f"the monitor registers resources itself: {args.typ}")

    def call(self, args: MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        raise AssertionError(f"the program reads from the outside: {args.token}")


class _Monitor(MockMonitor):
    """Registers resources as the engine does: outputs are the inputs, and access keys are known after an update only.

    The SDK's own mock monitor makes an event loop in each of its threads and leaves it open.
    """

    def __init__(self, *, preview: bool) -> None:
        super().__init__(_NoMocks())
        self.preview = preview
        self.requests: list[tuple[str, resource_pb2.RegisterResourceRequest]] = []

    def RegisterResource(  # noqa: N802 -- the engine's name
        self, request: resource_pb2.RegisterResourceRequest
    ) -> resource_pb2.RegisterResourceResponse:
        urn = self.make_urn(request.parent, request.type, request.name)
        if request.type != "pulumi:pulumi:Stack":
            self.requests.append((urn, request))
        outputs = struct_pb2.Struct()
        outputs.CopyFrom(request.object)
        if request.type.endswith(":AccessKey"):
            for field, text in (("access_key_id", "id"), ("secret_access_key", "secret")):
                outputs[field] = rpc.UNKNOWN if self.preview else f"{text}-of-{request.name}"
        unknown = self.preview and request.custom
        return resource_pb2.RegisterResourceResponse(urn=urn, id="" if unknown else request.name, object=outputs)

    def graph(self) -> Graph:
        nodes = {urn: _node(urn, request) for urn, request in self.requests}
        assert len(nodes) == len(self.requests), "two resources share a name"
        return Graph({node.key: node for node in sorted(nodes.values(), key=lambda node: node.key)})


def _key(urn: str) -> str:
    _, _, kind, name = urn.removeprefix("urn:pulumi:").split("::")
    return f"{kind.rpartition('$')[2]}::{name}"


def _node(urn: str, request: resource_pb2.RegisterResourceRequest) -> Node:
    secrets: list[str] = []
    return Node(
        key=_key(urn),
        type=request.type,
        name=request.name,
        parent="" if "pulumi:pulumi:Stack" in request.parent.split("::")[2:3] else _key(request.parent),
        provider=_key(request.provider.rpartition("::")[0]) if request.provider else "",
        protect=request.protect,
        custom=request.custom,
        depends_on=tuple(sorted(_key(each) for each in set(request.dependencies))),
        inputs=_plain(json_format.MessageToDict(request.object), secrets),
        secrets=tuple(secrets),
    )


def _plain(value: Any, secrets: list[str]) -> Any:  # noqa: ANN401 -- any JSON
    if isinstance(value, dict):
        if value.get(_MARK) == _MARK_SECRET:
            secrets.append(str(value["value"]))
            return SECRET
        return {key: _plain(each, secrets) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each, secrets) for each in value]
    return "[unknown]" if value == rpc.UNKNOWN else value


def pod_specs(graph: Graph) -> dict[str, dict[str, Any]]:
    """Return the pod spec of everything that makes pods, by resource."""
    return {
        node.key: node.inputs["spec"]["template"]["spec"]
        for node in graph
        if node.type.startswith(("kubernetes:apps/", "kubernetes:batch/"))
    }
