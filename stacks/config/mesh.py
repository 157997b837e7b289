"""`crossfade:mesh`: the service mesh and its gateway, through which every request comes."""

from typing import Any, Literal, TypeAlias

from pydantic import Field

from stacks.config.base import Section
from stacks.config.cluster import Text
from stacks.types import (
    AbsolutePath,
    DnsLabel,
    Host,
    LabelKey,
    LabelValue,
    NodePort,
    ObjectName,
    Port,
    ReleaseVersion,
    ServiceName,
    Url,
)

Values: TypeAlias = dict[str, Any]
"""Free-form Helm values."""


class IstioCni(Section):
    """Istio's CNI plugin, which sets up the pods' traffic capture without rights in the pods themselves."""

    enabled: bool = True
    """Install it. Without it the sidecar's init container needs NET_ADMIN, which restricted pod security forbids."""
    bin_dir: AbsolutePath | None = None
    """Folder of CNI programs on the nodes. Left out: the chart's own default, /opt/cni/bin."""
    conf_dir: AbsolutePath | None = None
    """Folder of CNI settings on the nodes. Left out: the chart's own default, /etc/cni/net.d."""


class NodePorts(Section):
    """Ports on every node, with service type NodePort or LoadBalancer."""

    http: NodePort | None = None
    """Node port of the REST port. Left out: Kubernetes picks one."""
    grpc: NodePort | None = None
    """Node port of the gRPC port. Left out: Kubernetes picks one."""


class GatewayConfig(Section):
    """The gateway that carries REST and gRPC to the models."""

    name: ObjectName = "crossfade-gateway"
    """Name of the Gateway object."""
    service: ServiceName = "istio-ingressgateway"
    """Name of the gateway's Deployment and Service."""
    http: Port | None = 80
    """Port for REST; null for none."""
    grpc: Port | None = 31400
    """Port for gRPC; null for none."""
    service_type: Literal["LoadBalancer", "NodePort", "ClusterIP"] = "LoadBalancer"
    """Type of the gateway's Service."""
    node_ports: NodePorts = NodePorts()
    """Fixed ports on the nodes."""
    hosts: tuple[Host, ...] = Field(default=("*",), min_length=1, strict=False)
    """Hosts the gateway answers for."""
    selector: dict[LabelKey, LabelValue] = Field(default={"istio": "ingressgateway"}, min_length=1)
    """Labels of the gateway's pods."""


class IstioValues(Section):
    """Helm values, laid over the program's own."""

    base: Values = Field(default_factory=dict[str, Any])
    """Values of the chart `base`."""
    istiod: Values = Field(default_factory=dict[str, Any])
    """Values of the chart `istiod`."""
    cni: Values = Field(default_factory=dict[str, Any])
    """Values of the chart `cni`."""
    gateway: Values = Field(default_factory=dict[str, Any])
    """Values of the chart `gateway`."""


class IstioMesh(Section):
    """Istio from its Helm charts."""

    kind: Literal["istio"]
    """`istio`: Istio with sidecars, from its Helm charts."""
    version: ReleaseVersion
    """Istio's version, and that of its charts."""
    install: bool = True
    """Install Istio. false: it is there already, with a gateway that has the labels of `gateway.selector`."""
    charts: Text | None = None
    """Folder with the charts base, istiod, cni and gateway, from the project folder. Left out: `repository`."""
    repository: Url = "https://istio-release.storage.googleapis.com/charts"
    """Helm repository of the charts."""
    hub: Text | None = None
    """Registry and folder of Istio's images. Left out: the charts' own."""
    tag: Text | None = None
    """Tag of Istio's images. Left out: `version`."""
    namespace: DnsLabel = "istio-system"
    """Namespace of Istio's control plane."""
    gateway_namespace: DnsLabel = "istio-ingress"
    """Namespace of the gateway's pods."""
    mtls: Literal["STRICT", "PERMISSIVE"] = "STRICT"
    """Whether model servers refuse plain-text connections."""
    outbound: Literal["REGISTRY_ONLY", "ALLOW_ANY"] = "REGISTRY_ONLY"
    """Whether pods reach only hosts that the mesh knows."""
    cni: IstioCni = IstioCni()
    """Istio's CNI plugin."""
    gateway: GatewayConfig = GatewayConfig()
    """The gateway that carries REST and gRPC to the models."""
    values: IstioValues = IstioValues()
    """Helm values, laid over the program's own."""


MeshConfig: TypeAlias = IstioMesh
"""Every kind of mesh. A new kind joins this alias: a union with `kind` as its discriminator."""
