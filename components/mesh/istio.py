"""Istio from its Helm charts: CRDs, control plane, CNI plugin and ingress gateway.

`helm.v3.Release` and not `Chart`: istiod rewrites its own webhooks, which a rendered chart would fight over. Makes no
Gateway object and no rules; see `components.mesh.gateway` and `components.mesh.rules`. Helm keeps Istio's CRDs on
removal (their charts mark them so), since deleting them would delete everyone's routes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s
from pulumi import ResourceOptions

from components.manifests import Manifest, namespace_labels
from components.mesh import values
from stacks.config import IstioMesh

TIMEOUT_SECONDS = 600


@dataclass(frozen=True, kw_only=True)
class MeshHandle:
    """A mesh that later stages can put rules and routes in."""

    namespace: str
    """Namespace of the control plane."""
    gateway_namespace: str
    """Namespace of the gateway's pods."""
    ready: tuple[pulumi.Resource, ...]
    """What must be there before pods join the mesh, or rules are made. Empty where Istio was there already."""


@dataclass(frozen=True, kw_only=True)
class IstioArgs:
    """What Istio is made from."""

    config: IstioMesh


class Istio(pulumi.ComponentResource):
    """Istio, installed where the stack file asks for it."""

    handle: MeshHandle

    def __init__(self, name: str, args: IstioArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("crossfade:mesh:Istio", name, {}, opts)
        config = args.config
        self.handle = MeshHandle(
            namespace=config.namespace,
            gateway_namespace=config.gateway_namespace,
            ready=self._install(name, config) if config.install else (),
        )
        self.register_outputs({})

    def _install(self, name: str, config: IstioMesh) -> tuple[pulumi.Resource, ...]:
        # The CNI agent works on the node itself, which only `privileged` allows.
        level = "privileged" if config.cni.enabled else "baseline"
        namespace = self._namespace(f"{name}-namespace", config.namespace, level, injection=None)
        base = self._release("istio-base", "base", config, config.namespace, values.base_values(config), [namespace])
        istiod = self._release("istiod", "istiod", config, config.namespace, values.istiod_values(config), [base])
        ready: list[pulumi.Resource] = [istiod]
        if config.cni.enabled:
            cni = values.cni_values(config)
            ready.append(self._release("istio-cni", "cni", config, config.namespace, cni, [namespace]))
        ingress = self._namespace(f"{name}-gateway-namespace", config.gateway_namespace, "restricted", injection=True)
        gateway = values.gateway_values(config)
        # The gateway's image is filled in by istiod's injection.
        ready.append(
            self._release(
                config.gateway.service, "gateway", config, config.gateway_namespace, gateway, [ingress, istiod]
            )
        )
        return tuple(ready)

    def _namespace(self, logical: str, name: str, level: str, *, injection: bool | None) -> pulumi.Resource:
        return k8s.core.v1.Namespace(
            logical,
            metadata={"name": name, "labels": namespace_labels(pod_security=level, injection=injection)},
            opts=ResourceOptions(parent=self),
        )

    def _release(
        self,
        release: str,
        chart: str,
        config: IstioMesh,
        namespace: str,
        chart_values: Manifest,
        after: Sequence[pulumi.Resource],
    ) -> pulumi.Resource:
        # A folder is named as the stack file has it: an absolute path would differ from machine to machine.
        local, listed = config.charts is not None, not config.repository.startswith("oci://")
        repository = None if local or not listed else k8s.helm.v3.RepositoryOptsArgs(repo=config.repository)
        source = f"{config.charts}/{chart}" if local else chart if listed else f"{config.repository}/{chart}"
        return k8s.helm.v3.Release(
            release,
            name=release,
            namespace=namespace,
            chart=source,
            version=None if local else config.version,
            repository_opts=repository,
            values=chart_values,
            timeout=TIMEOUT_SECONDS,
            max_history=3,
            opts=ResourceOptions(parent=self, depends_on=list(after)),
        )
