"""The Gateway object: on which ports and for which hosts the ingress gateway listens.

Routes nothing by itself; VirtualServices refer to it by `reference`.
"""

from dataclasses import dataclass

import pulumi
from pulumi import ResourceOptions
from pulumi_kubernetes.apiextensions import CustomResource

from components.manifests import Manifest, labels
from components.mesh.istio import MeshHandle
from stacks.config import GatewayConfig


def gateway_spec(config: GatewayConfig) -> Manifest:
    """Write the spec of a networking.istio.io/v1 Gateway: one server for each protocol that has a port."""
    servers = [
        {"port": {"number": port, "name": protocol.lower(), "protocol": protocol}, "hosts": list(config.hosts)}
        for protocol, port in (("HTTP", config.http), ("GRPC", config.grpc))
        if port is not None
    ]
    return {"selector": dict(config.selector), "servers": servers}


@dataclass(frozen=True, kw_only=True)
class GatewayHandle:
    """A Gateway that routes can be bound to."""

    reference: str
    """`namespace/name`, as a VirtualService refers to it."""
    ready: tuple[pulumi.Resource, ...]


@dataclass(frozen=True, kw_only=True)
class GatewayArgs:
    """What the Gateway is made from."""

    config: GatewayConfig
    mesh: MeshHandle


class Gateway(pulumi.ComponentResource):
    """The Gateway object."""

    handle: GatewayHandle

    def __init__(self, name: str, args: GatewayArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("crossfade:mesh:Gateway", name, {}, opts)
        namespace, config = args.mesh.gateway_namespace, args.config
        gateway = CustomResource(
            f"{name}-listeners",
            api_version="networking.istio.io/v1",
            kind="Gateway",
            metadata={
                "name": config.name,
                "namespace": namespace,
                "labels": labels(name=config.name, component="gateway"),
            },
            spec=gateway_spec(config),
            opts=ResourceOptions(parent=self, depends_on=list(args.mesh.ready)),
        )
        self.handle = GatewayHandle(reference=f"{namespace}/{config.name}", ready=(gateway,))
        self.register_outputs({})
