"""Helm values for Istio's charts. Pure.

The program's own choices come first, and the stack file's `values` are laid over them. Keys are those of the charts
base, istiod, cni and gateway of Istio 1.29.
"""

from typing import Final

from components.manifests import Manifest, merge
from stacks.config import IstioMesh

SAFE_RETRIES: Final[Manifest] = {"attempts": 2, "retryOn": "connect-failure,refused-stream,reset-before-request"}
"""Retries for requests without a route of their own. Istio's default also retries `unavailable`, which can run a
request twice."""

_SECCOMP: Final[Manifest] = {"type": "RuntimeDefault"}


def _resources(cpu: str, memory: str, limit: str) -> Manifest:
    return {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": limit}}


def _images(mesh: IstioMesh) -> Manifest:
    return {"tag": mesh.tag or mesh.version, **({"hub": mesh.hub} if mesh.hub is not None else {})}


def base_values(mesh: IstioMesh) -> Manifest:
    """Return the values of the chart `base`: CRDs and the cluster-wide objects."""
    own: Manifest = {"defaultRevision": "default", "global": {"istioNamespace": mesh.namespace}}
    return merge(own, mesh.values.base)


def istiod_values(mesh: IstioMesh) -> Manifest:
    """Return the values of the chart `istiod`: the control plane, and what it injects into pods."""
    own: Manifest = {
        "global": {
            "istioNamespace": mesh.namespace,
            **_images(mesh),
            "proxy": {"seccompProfile": _SECCOMP, "resources": _resources("50m", "64Mi", "512Mi")},
        },
        "cni": {"enabled": mesh.cni.enabled},
        "resources": _resources("50m", "128Mi", "1Gi"),
        "seccompProfile": _SECCOMP,
        "meshConfig": {
            "accessLogFile": "",
            "enablePrometheusMerge": True,
            "outboundTrafficPolicy": {"mode": mesh.outbound},
            "defaultHttpRetryPolicy": SAFE_RETRIES,
        },
    }
    return merge(own, mesh.values.istiod)


def cni_values(mesh: IstioMesh) -> Manifest:
    """Return the values of the chart `cni`: the node agent that sets up the pods' traffic capture."""
    folders = {"cniBinDir": mesh.cni.bin_dir, "cniConfDir": mesh.cni.conf_dir}
    own: Manifest = {
        "global": _images(mesh),
        "resources": _resources("10m", "64Mi", "256Mi"),
        "excludeNamespaces": ["kube-system", mesh.namespace],
        **{key: folder for key, folder in folders.items() if folder is not None},
    }
    return merge(own, mesh.values.cni)


def gateway_values(mesh: IstioMesh) -> Manifest:
    """Return the values of the chart `gateway`: the proxy through which every request comes."""
    gateway = mesh.gateway
    with_node_ports = gateway.service_type != "ClusterIP"
    ports: list[Manifest] = [{"name": "status-port", "port": 15021, "targetPort": 15021, "protocol": "TCP"}]
    for name, port, node_port in (
        ("http", gateway.http, gateway.node_ports.http),
        ("grpc", gateway.grpc, gateway.node_ports.grpc),
    ):
        if port is not None:
            node = {"nodePort": node_port} if with_node_ports and node_port is not None else {}
            ports.append({"name": name, "port": port, "targetPort": port, "protocol": "TCP", **node})
    own: Manifest = {
        "name": gateway.service,
        "labels": dict(gateway.selector),
        # The chart's image is `auto`, for which Kubernetes would pull anew at every start.
        "imagePullPolicy": "IfNotPresent",
        "resources": _resources("50m", "64Mi", "512Mi"),
        "securityContext": {
            # Ports below 1024 without root, inside the pod's own network namespace.
            "sysctls": [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}],
            "seccompProfile": _SECCOMP,
        },
        "service": {"type": gateway.service_type, "ports": ports},
    }
    return merge(own, mesh.values.gateway)
