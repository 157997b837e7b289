"""One version of a model: its settings, Service, DestinationRule, servers and disruption budget.

Service and DestinationRule come before the Deployment. So on removal they go last: first the routes let go of the
version, then its pods drain for as long as the stack file says, and only then do proxies lose the cluster they route
to. Routes are not made here; see `components.routing.routes`.
"""

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s
from pulumi import ResourceOptions
from pulumi_kubernetes.apiextensions import CustomResource

from components.routing.specs import destination_rule_spec, service_host
from components.serving import pod
from components.serving.model_config import plan_server
from components.storage.store import ModelSource
from stacks.config import Model, Serving


@dataclass(frozen=True, kw_only=True)
class ModelServerArgs:
    """What one version's servers are made from."""

    model: str
    version: str
    config: Model
    serving: Serving
    source: ModelSource
    namespace: tuple[pulumi.Resource, ...]
    """What the namespace needs first."""
    ground: tuple[pulumi.Resource, ...]
    """What must be there before pods start: mesh, rules, bucket and its key."""


class ModelServer(pulumi.ComponentResource):
    """One version of a model."""

    ready: tuple[pulumi.Resource, ...]
    """What must be there before requests are routed to this version."""

    def __init__(self, name: str, args: ModelServerArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("crossfade:serving:ModelServer", name, {}, opts)
        inside = ResourceOptions(parent=self, depends_on=list(args.namespace))
        plan = pod.ServerPlan(
            model=args.model,
            version=args.version,
            config=args.config,
            serving=args.serving,
            settings=plan_server(args.model, args.version, args.config, args.serving),
            source=args.source,
        )
        manifest = pod.config_map(plan)
        config_map_name: str = manifest["metadata"]["name"]
        # The hash is in the logical name as well. Pulumi then deletes the old one only after an update that succeeded;
        # a replaced one would go at the start of the next try, while old pods may still need it.
        settings = k8s.core.v1.ConfigMap(
            f"{name}-config-{config_map_name.rpartition('-')[2]}",
            metadata=manifest["metadata"],
            immutable=manifest["immutable"],
            data=manifest["data"],
            opts=inside,
        )
        manifest = pod.service(plan)
        service = k8s.core.v1.Service(
            f"{name}-service", metadata=manifest["metadata"], spec=manifest["spec"], opts=inside
        )
        host = service_host(plan.names.service, args.serving.namespace)
        rule = CustomResource(
            f"{name}-destination",
            api_version="networking.istio.io/v1",
            kind="DestinationRule",
            metadata=plan.metadata(plan.names.destination_rule),
            spec=destination_rule_spec(host, args.version),
            opts=ResourceOptions(parent=self, depends_on=[*args.ground, service]),
        )
        manifest = pod.deployment(plan, config_map_name)
        deployment = k8s.apps.v1.Deployment(
            name,
            metadata=manifest["metadata"],
            spec=manifest["spec"],
            opts=ResourceOptions(parent=self, depends_on=[*args.ground, settings, service, rule]),
        )
        budget = pod.disruption_budget(plan)
        if budget is not None:
            k8s.policy.v1.PodDisruptionBudget(
                f"{name}-budget", metadata=budget["metadata"], spec=budget["spec"], opts=inside
            )
        self.ready = (service, rule, deployment)
        self.register_outputs({})
