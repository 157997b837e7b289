"""What the model servers' namespace may reach: its own pods, DNS, the control plane, and the store. Pure.

REGISTRY_ONLY stops what goes through a sidecar; the NetworkPolicy stops what goes around it, where the cluster's
network plugin enforces NetworkPolicies.
"""

from components.manifests import NAMESPACE_LABEL, Manifest
from components.storage.store import ExternalEndpoint, ModelStore

ISTIOD_PORT = 15012
"""istiod's port for certificates and configuration, over TLS."""


def sidecar_spec(store: ModelStore) -> Manifest:
    """Write the spec of a Sidecar: proxies know the namespace itself and the store, nothing else of the cluster."""
    hosts = ["./*"] + ([f"{store.namespace}/*"] if store.namespace is not None else [])
    return {"egress": [{"hosts": hosts}]}


def service_entry_spec(endpoint: ExternalEndpoint) -> Manifest:
    """Write the spec of a ServiceEntry for a store outside the cluster, visible in its own namespace only.

    The pods speak TLS themselves; the mesh passes it on by the name in the handshake.
    """
    return {
        "hosts": [endpoint.host],
        "exportTo": ["."],
        "location": "MESH_EXTERNAL",
        "resolution": "DNS",
        "ports": [{"number": endpoint.port, "name": "tls-s3", "protocol": "TLS"}],
    }


def _tcp(port: int) -> Manifest:
    return {"protocol": "TCP", "port": port}


def _space(name: str) -> Manifest:
    return {"namespaceSelector": {"matchLabels": {NAMESPACE_LABEL: name}}}


def egress_policy_spec(store: ModelStore, control_plane: str) -> Manifest:
    """Write the spec of a NetworkPolicy over all pods of the namespace.

    `control_plane` is istiod's namespace. A store outside has no fixed addresses, so its port is open to any.
    """
    storage: list[Manifest] = []
    if store.namespace is not None:
        storage = [{"to": [_space(store.namespace)], "ports": [_tcp(store.port)]}]
    elif store.external is not None:
        anywhere: list[Manifest] = [{"ipBlock": {"cidr": "0.0.0.0/0"}}, {"ipBlock": {"cidr": "::/0"}}]
        storage = [{"to": anywhere, "ports": [_tcp(store.external.port)]}]
    return {
        "podSelector": {},
        "policyTypes": ["Egress"],
        "egress": [
            {"to": [_space("kube-system")], "ports": [{"protocol": "UDP", "port": 53}, _tcp(53)]},
            {"to": [_space(control_plane)], "ports": [_tcp(ISTIOD_PORT)]},
            {"to": [{"podSelector": {}}]},
            *storage,
        ],
    }
