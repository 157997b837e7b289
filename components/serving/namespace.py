"""The model servers' namespace and their service account.

Makes the namespace unless the stack file says it is there already; then its labels are its owner's business.
"""

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s
from pulumi import ResourceOptions

from components.manifests import labels, namespace_labels
from stacks.config import Serving

SERVICE_ACCOUNT = "model-server"
"""Service account of every model server: an identity for the mesh, without rights in the cluster."""


@dataclass(frozen=True, kw_only=True)
class ServingNamespaceArgs:
    """What the namespace is made from."""

    config: Serving


class ServingNamespace(pulumi.ComponentResource):
    """The namespace that model servers run in."""

    ready: tuple[pulumi.Resource, ...]

    def __init__(self, name: str, args: ServingNamespaceArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("crossfade:serving:ServingNamespace", name, {}, opts)
        config = args.config
        made: list[pulumi.Resource] = []
        if config.create_namespace:
            marks = namespace_labels(pod_security=config.pod_security, injection=True)
            made.append(
                k8s.core.v1.Namespace(
                    f"{name}-namespace",
                    metadata={"name": config.namespace, "labels": {**config.labels, **marks}},
                    opts=ResourceOptions(parent=self),
                )
            )
        account = k8s.core.v1.ServiceAccount(
            f"{name}-account",
            metadata={
                "name": SERVICE_ACCOUNT,
                "namespace": config.namespace,
                "labels": {**config.labels, **labels(name=SERVICE_ACCOUNT, component="serving")},
            },
            automount_service_account_token=False,
            opts=ResourceOptions(parent=self, depends_on=made),
        )
        self.ready = (*made, account)
        self.register_outputs({})
