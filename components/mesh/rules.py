"""The mesh's and the network's rules for the model servers' namespace, placed.

What they say is in `components.mesh.policy` (who comes in) and `components.mesh.egress` (what goes out).
"""

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s
from pulumi import ResourceOptions
from pulumi_kubernetes.apiextensions import CustomResource

from components.manifests import Manifest, labels
from components.mesh import egress, policy
from components.mesh.istio import MeshHandle
from components.storage.store import ModelStore
from stacks.config import IstioMesh


@dataclass(frozen=True, kw_only=True)
class RulesArgs:
    """What the rules are made from."""

    config: IstioMesh
    mesh: MeshHandle
    store: ModelStore
    namespace: str
    """Namespace of the model servers."""
    after: tuple[pulumi.Resource, ...]
    """What must be there first: the namespace."""


class Rules(pulumi.ComponentResource):
    """The rules for the model servers' namespace."""

    ready: tuple[pulumi.Resource, ...]

    def __init__(self, name: str, args: RulesArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("crossfade:mesh:Rules", name, {}, opts)
        self._namespace = args.namespace
        self._opts = ResourceOptions(parent=self, depends_on=[*args.mesh.ready, *args.after])
        callers = (args.mesh.gateway_namespace, args.namespace)
        security, networking = "security.istio.io/v1", "networking.istio.io/v1"
        placed = [
            self._istio(
                f"{name}-mtls", security, "PeerAuthentication", policy.peer_authentication_spec(args.config.mtls)
            ),
            self._istio(f"{name}-no-reload", security, "AuthorizationPolicy", policy.no_reload_spec()),
            self._istio(f"{name}-sidecars", networking, "Sidecar", egress.sidecar_spec(args.store)),
            self._network(f"{name}-ingress", policy.ingress_policy_spec(callers)),
            self._network(f"{name}-egress", egress.egress_policy_spec(args.store, args.mesh.namespace)),
        ]
        # Without mutual TLS callers have no identity, and this rule would refuse all of them.
        if args.config.mtls == "STRICT":
            spec = policy.callers_spec(callers)
            placed.append(self._istio(f"{name}-callers", security, "AuthorizationPolicy", spec))
        if args.store.external is not None:
            spec = egress.service_entry_spec(args.store.external)
            placed.append(self._istio(f"{name}-store", networking, "ServiceEntry", spec))
        self.ready = tuple(placed)
        self.register_outputs({})

    def _istio(self, name: str, api_version: str, kind: str, spec: Manifest) -> pulumi.Resource:
        return CustomResource(
            name,
            api_version=api_version,
            kind=kind,
            metadata=self._metadata(name),
            spec=spec,
            opts=self._opts,
        )

    def _network(self, name: str, spec: Manifest) -> pulumi.Resource:
        manifest: Manifest = {"metadata": self._metadata(name), "spec": spec}
        return k8s.networking.v1.NetworkPolicy(
            name, metadata=manifest["metadata"], spec=manifest["spec"], opts=self._opts
        )

    def _metadata(self, name: str) -> Manifest:
        return {"name": name, "namespace": self._namespace, "labels": labels(name=name, component="rules")}
