"""The pod security standard `restricted` as a function: what a pod spec does that it forbids.

From kubernetes.io/docs/concepts/security/pod-security-standards; the parts that pods of this program could break.
"""

from typing import Any

VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}


def violations(spec: dict[str, Any]) -> list[str]:
    """Return what a pod spec does that `restricted` forbids; empty when it may run."""
    pod = spec.get("securityContext", {})
    found = [f"spec.{key}" for key in ("hostNetwork", "hostPID", "hostIPC") if spec.get(key)]
    found += [f"volume {each['name']}" for each in spec.get("volumes", []) if not VOLUMES & each.keys()]
    for container in [*spec.get("initContainers", []), *spec["containers"]]:
        name, own = container["name"], container.get("securityContext", {})
        seccomp = own.get("seccompProfile", pod.get("seccompProfile", {})).get("type")
        user = own.get("runAsUser", pod.get("runAsUser"))
        checks = {
            "allowPrivilegeEscalation": own.get("allowPrivilegeEscalation") is False,
            "privileged": not own.get("privileged"),
            "capabilities.drop": "ALL" in own.get("capabilities", {}).get("drop", []),
            "capabilities.add": set(own.get("capabilities", {}).get("add", [])) <= {"NET_BIND_SERVICE"},
            "runAsNonRoot": own.get("runAsNonRoot", pod.get("runAsNonRoot")) is True,
            "runAsUser": user is not None and user != 0,
            "seccompProfile": seccomp in {"RuntimeDefault", "Localhost"},
            "hostPort": not any("hostPort" in port for port in container.get("ports", [])),
        }
        found += [f"{name}: {check}" for check, good in checks.items() if not good]
    return found
