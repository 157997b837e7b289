"""A cluster that is already there: its kubeconfig becomes an explicit Kubernetes provider.

Makes nothing in the cluster. Every other component is given this provider; default providers are disabled, so that
nothing can land in whatever cluster kubectl happens to point at.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s
from pulumi import ResourceOptions

from components.cluster.kubeconfig import Access


@dataclass(frozen=True, kw_only=True)
class ClusterHandle:
    """A cluster to place things in."""

    provider: k8s.Provider
    """The one provider that every Kubernetes resource uses."""

    def options(self, *, depends_on: Sequence[pulumi.Resource] = ()) -> ResourceOptions:
        """Return the options of a top-level component, whose children then inherit the provider."""
        return ResourceOptions(providers=[self.provider], depends_on=list(depends_on))


@dataclass(frozen=True, kw_only=True)
class ExistingClusterArgs:
    """What an existing cluster is made from."""

    access: Access
    """One context of a kubeconfig."""


class ExistingCluster(pulumi.ComponentResource):
    """A cluster that is already there."""

    handle: ClusterHandle

    def __init__(self, name: str, args: ExistingClusterArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("crossfade:cluster:ExistingCluster", name, {}, opts)
        provider = k8s.Provider(
            f"{name}-kubernetes",
            kubeconfig=pulumi.Output.secret(args.access.content),
            enable_server_side_apply=True,
            opts=ResourceOptions(parent=self, additional_secret_outputs=["kubeconfig"]),
        )
        self.handle = ClusterHandle(provider=provider)
        self.register_outputs({})
