"""Verdicts on what runs no pods: Service, Ingress, volumes, CRD, Namespace, token Secret.

Pure but for the `look_*` functions, which only list.
"""

from __future__ import annotations

from embedded.plugin.await_.verdict import (
    Failed,
    Lister,
    Object,
    Ready,
    Sight,
    Verdict,
    Waiting,
    condition,
    spec_of,
    status_of,
)


def look_service(obj: Object, listed: Lister) -> dict[str, list[Object]]:
    """List the Service's endpoint slices."""
    metadata = obj["metadata"]
    labels = f"kubernetes.io/service-name={metadata['name']}"
    return {"EndpointSlice": listed("discovery.k8s.io/v1", "EndpointSlice", metadata.get("namespace", ""), labels)}


def judge_service(sight: Sight) -> Verdict:
    """Ready when a ready pod stands behind it and a load balancer, if asked for, has an address.

    A Service that is headless, has no selector or is an ExternalName has nothing to wait for.
    """
    spec = spec_of(sight.obj)
    if spec.get("type") == "ExternalName":
        return Ready()
    if spec.get("type") == "LoadBalancer" and not _ingress(sight.obj):
        return Waiting("no load balancer address yet")
    if not spec.get("selector") or spec.get("clusterIP") == "None":
        return Ready()
    endpoints = [item for part in sight.related.get("EndpointSlice", []) for item in part.get("endpoints") or []]
    if any((item.get("conditions") or {}).get("ready") is not False for item in endpoints):
        return Ready()
    labels = ", ".join(f"{key}={value}" for key, value in spec["selector"].items())
    return Waiting(f"{len(endpoints)} pods behind it, none ready (selector {labels})")


def judge_ingress(sight: Sight) -> Verdict:
    """Ready when a controller has given it an address."""
    return Ready() if _ingress(sight.obj) else Waiting("no ingress controller has given it an address yet")


def _ingress(obj: Object) -> list[Object]:
    return (status_of(obj).get("loadBalancer") or {}).get("ingress") or []


def look_claim(_obj: Object, listed: Lister) -> dict[str, list[Object]]:
    """List the storage classes: one of them says when to bind."""
    return {"StorageClass": listed("storage.k8s.io/v1", "StorageClass", "", "")}


def judge_claim(sight: Sight) -> Verdict:
    """Ready when bound, or when its class binds only once a pod uses it."""
    phase = status_of(sight.obj).get("phase")
    if phase == "Bound":
        return Ready()
    if phase == "Lost":
        return Failed("its volume is lost")
    name = spec_of(sight.obj).get("storageClassName")
    for item in sight.related.get("StorageClass", []):
        if item["metadata"]["name"] == name and item.get("volumeBindingMode") == "WaitForFirstConsumer":
            return Ready()
    return Waiting(f"not bound to a volume yet (storage class {name!r})" if name else "not bound to a volume yet")


def judge_volume(sight: Sight) -> Verdict:
    """Ready when available or bound."""
    phase = status_of(sight.obj).get("phase")
    if phase == "Failed":
        return Failed(str(status_of(sight.obj).get("message")))
    return Ready() if phase in ("Available", "Bound") else Waiting(f"phase {phase or 'Pending'}")


def judge_crd(sight: Sight) -> Verdict:
    """Ready when the API server serves its kind."""
    names = condition(sight.obj, "NamesAccepted")
    if names.get("status") == "False":
        return Failed(f"its names are taken: {names.get('message')}")
    if condition(sight.obj, "Established").get("status") == "True":
        return Ready()
    return Waiting("not established yet")


def judge_namespace(sight: Sight) -> Verdict:
    """Ready when active."""
    phase = status_of(sight.obj).get("phase")
    return Ready() if phase == "Active" else Waiting(f"phase {phase or 'Pending'}")


def judge_secret(sight: Sight) -> Verdict:
    """Ready at once, save for a service account's token, which a controller has to write."""
    is_token = sight.obj.get("type") == "kubernetes.io/service-account-token"
    return Ready() if not is_token or (sight.obj.get("data") or {}).get("token") else Waiting("no token yet")
