"""A model's routes: the VirtualService that splits its traffic, and the Service over all its versions.

The VirtualService waits for every version to be ready, so a version that fails leaves all traffic where it was.
Pulumi deletes after it updates: a removed version goes only after the VirtualService has let go of it.
"""

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s
from pulumi import ResourceOptions
from pulumi_kubernetes.apiextensions import CustomResource

from components.manifests import Manifest, labels
from components.mesh.gateway import GatewayHandle
from components.routing.specs import plan_routing, virtual_service_spec
from components.routing.split import plan_split
from components.serving.pod import NO_AWAIT, service_spec
from stacks.config import GatewayConfig, Model, Serving, model_names


@dataclass(frozen=True, kw_only=True)
class RoutesArgs:
    """What a model's routes are made from."""

    model: str
    config: Model
    serving: Serving
    listeners: GatewayConfig
    gateway: GatewayHandle
    after: tuple[pulumi.Resource, ...]
    """What the model's Service needs first: the namespace."""
    versions: tuple[pulumi.Resource, ...]
    """Everything that must be ready before requests are routed: all versions' servers and their rules."""


class Routes(pulumi.ComponentResource):
    """A model's routes."""

    def __init__(self, name: str, args: RoutesArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("crossfade:routing:Routes", name, {}, opts)
        names = model_names(args.model, args.config)
        routing = plan_routing(args.model, args.config, args.serving, args.listeners, args.gateway.reference)
        marks = {**args.serving.labels, **labels(name="model-server", component="routing", instance=args.model)}
        manifest: Manifest = {
            "metadata": {
                "name": names.service,
                "namespace": args.serving.namespace,
                "labels": {**marks, "app": names.app},
                "annotations": dict(NO_AWAIT),
            },
            "spec": service_spec({"app": names.app}, routing.grpc_port, routing.http_port),
        }
        service = k8s.core.v1.Service(
            f"{args.model}-all-versions",
            metadata=manifest["metadata"],
            spec=manifest["spec"],
            opts=ResourceOptions(parent=self, depends_on=list(args.after)),
        )
        CustomResource(
            f"{args.model}-split",
            api_version="networking.istio.io/v1",
            kind="VirtualService",
            metadata={"name": names.virtual_service, "namespace": args.serving.namespace, "labels": marks},
            spec=virtual_service_spec(plan_split(args.config.traffic, args.config.versions), routing),
            opts=ResourceOptions(parent=self, depends_on=[service, *args.gateway.ready, *args.versions]),
        )
        self.register_outputs({})
