"""Who may reach the model servers, and how: mutual TLS, the gateway and the namespace itself, no live reconfiguration.

Pure. Each rule is there twice where it can be: in the mesh, which knows identities, and in the network.
"""

from typing import Literal

from components.manifests import NAMESPACE_LABEL, Manifest

RELOAD_PATH = "/tensorflow.serving.ModelService/HandleReloadConfigRequest"
"""gRPC method that replaces the served models. It shares TensorFlow Serving's port with predictions."""


def peer_authentication_spec(mode: Literal["STRICT", "PERMISSIVE"]) -> Manifest:
    """Write the spec of a PeerAuthentication for the namespace. STRICT refuses plain text."""
    return {"mtls": {"mode": mode}}


def callers_spec(namespaces: tuple[str, ...]) -> Manifest:
    """Write the spec of an AuthorizationPolicy: only identities of these namespaces may call. Needs mutual TLS."""
    return {"action": "ALLOW", "rules": [{"from": [{"source": {"namespaces": list(namespaces)}}]}]}


def no_reload_spec() -> Manifest:
    """Write the spec of an AuthorizationPolicy that refuses to replace the served models, whoever asks."""
    return {"action": "DENY", "rules": [{"to": [{"operation": {"paths": [RELOAD_PATH]}}]}]}


def ingress_policy_spec(namespaces: tuple[str, ...]) -> Manifest:
    """Write the spec of a NetworkPolicy over all pods: only pods of these namespaces may connect.

    The kubelet's probes are let through by Kubernetes itself.
    """
    return {
        "podSelector": {},
        "policyTypes": ["Ingress"],
        "ingress": [{"from": [{"namespaceSelector": {"matchLabels": {NAMESPACE_LABEL: name}}} for name in namespaces]}],
    }
