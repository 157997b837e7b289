"""Manifests of one version's servers. Pure.

Nothing here knows whether `tensorflow/serving` or the stand-in runs: both have the same binary, flags and paths.
Facts about TensorFlow Serving: the image's own entrypoint is a shell that ignores SIGTERM, so the binary is the
command; `/v1/models/M` answers 200 in any state, so readiness asks for the version's metadata.
"""

import hashlib
import json
from dataclasses import dataclass

from components.manifests import Manifest, container_resources, labels, restricted_container, restricted_pod
from components.serving.loader import loader
from components.serving.model_config import CONFIG_DIR, METRICS_PATH, MODELS_DIR, SERVER_BINARY, ServerSettings
from components.serving.namespace import SERVICE_ACCOUNT
from components.storage.store import ModelSource
from stacks.config import Model, ResolvedVersionNames, Serving, model_names, parse_uri, version_names

PROBE_SECONDS = 2


@dataclass(frozen=True, kw_only=True)
class ServerPlan:
    """One version of one model, with everything its manifests are made from."""

    model: str
    version: str
    config: Model
    serving: Serving
    settings: ServerSettings
    source: ModelSource

    @property
    def names(self) -> ResolvedVersionNames:
        """Names of the version's objects."""
        return version_names(self.model, self.version, self.config)

    @property
    def selector(self) -> dict[str, str]:
        """Labels that tell this version's pods apart: the two that Istio reads."""
        return {"app": model_names(self.model, self.config).app, "version": self.version}

    @property
    def labels(self) -> dict[str, str]:
        """Labels of the version's objects; the user's own never replace the ones that selectors rely on."""
        own = labels(name="model-server", component="serving", instance=self.model, version=self.version)
        return {**self.serving.labels, **self.config.versions[self.version].labels, **own, **self.selector}

    def metadata(self, name: str) -> Manifest:
        """Return the metadata of one of the version's objects."""
        return {"name": name, "namespace": self.serving.namespace, "labels": self.labels}


def config_map(plan: ServerPlan) -> Manifest:
    """Write the ConfigMap with the server's settings.

    It is immutable and its name ends in a hash of its content: changed settings make a new one beside it, and pods of
    the version before keep reading theirs until they are gone.
    """
    digest = hashlib.sha256(json.dumps(plan.settings.files, sort_keys=True).encode()).hexdigest()[:10]
    return {
        "metadata": plan.metadata(f"{plan.names.config_map}-{digest}"),
        "immutable": True,
        "data": dict(plan.settings.files),
    }


def deployment(plan: ServerPlan, config_map_name: str) -> Manifest:
    """Write the version's Deployment. A new pod is ready before an old one goes; a roll-out that stalls fails."""
    serving = plan.serving
    return {
        "metadata": plan.metadata(plan.names.deployment),
        "spec": {
            "replicas": plan.config.versions[plan.version].replicas,
            "revisionHistoryLimit": 3,
            # Kubernetes counts the copying as well as the loading, and a little for scheduling.
            "progressDeadlineSeconds": serving.startup_seconds + 60,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            "selector": {"matchLabels": plan.selector},
            "template": {
                "metadata": {"labels": plan.labels, "annotations": _annotations(plan.settings.http_port)},
                "spec": _pod_spec(plan, config_map_name),
            },
        },
    }


def _annotations(http_port: int) -> dict[str, str]:
    return {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": str(http_port),
        "prometheus.io/path": METRICS_PATH,
        "sidecar.istio.io/proxyCPU": "20m",
        "sidecar.istio.io/proxyMemory": "64Mi",
        "sidecar.istio.io/proxyMemoryLimit": "256Mi",
    }


def _pod_spec(plan: ServerPlan, config_map_name: str) -> Manifest:
    serving, settings = plan.serving, plan.settings
    uri = parse_uri(settings.uri)
    models: Manifest = {"name": "models", "mountPath": MODELS_DIR}
    scratch: Manifest = {"name": "scratch", "mountPath": "/tmp"}  # noqa: S108 -- an emptyDir of the pod's own
    load = loader(
        plan.source,
        image=serving.loader_image,
        path=uri.path if uri is not None else "",
        target=settings.model_dir,
        models=models,
        scratch=scratch,
    )
    timeout = plan.config.request_timeout_seconds or serving.request_timeout_seconds
    return {
        "serviceAccountName": SERVICE_ACCOUNT,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": restricted_pod(),
        # Draining, then the longest request that may still run, then a little for the sidecar.
        "terminationGracePeriodSeconds": serving.drain_seconds + timeout + 10,
        "imagePullSecrets": [{"name": name} for name in serving.image_pull_secrets],
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": plan.selector},
            }
        ],
        "initContainers": [load],
        "containers": [_server(plan, [{**models, "readOnly": True}, scratch])],
        "volumes": [
            {"name": "models", "emptyDir": {}},
            {"name": "scratch", "emptyDir": {}},
            {"name": "settings", "configMap": {"name": config_map_name}},
        ],
    }


def _server(plan: ServerPlan, mounts: list[Manifest]) -> Manifest:
    serving, settings = plan.serving, plan.settings
    loaded: Manifest = {"httpGet": {"path": settings.metadata_path, "port": "http"}, "timeoutSeconds": 5}
    container: Manifest = {
        "name": plan.config.names.container,
        "image": settings.image,
        "imagePullPolicy": "IfNotPresent",
        "command": [SERVER_BINARY],
        "args": list(settings.flags),
        "env": [{"name": name, "value": value} for name, value in settings.env.items()],
        "ports": [
            {"name": "grpc", "containerPort": settings.grpc_port},
            {"name": "http", "containerPort": settings.http_port},
        ],
        "startupProbe": {
            **loaded,
            "periodSeconds": PROBE_SECONDS,
            "failureThreshold": -(-serving.startup_seconds // PROBE_SECONDS),
        },
        "readinessProbe": {**loaded, "periodSeconds": 5, "failureThreshold": 2},
        # Only the port: a server that is slow to answer is loaded, not broken, and a restart would make it worse.
        "livenessProbe": {"tcpSocket": {"port": "grpc"}, "periodSeconds": 20, "timeoutSeconds": 5},
        "resources": container_resources(plan.config.versions[plan.version].resources or serving.resources),
        "securityContext": restricted_container(),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [*mounts, {"name": "settings", "mountPath": CONFIG_DIR, "readOnly": True}],
    }
    if serving.drain_seconds > 0:
        # Proxies hear of a stopping pod a moment after it was told to stop; until then it must go on serving.
        container["lifecycle"] = {"preStop": {"sleep": {"seconds": serving.drain_seconds}}}
    return container


def service(plan: ServerPlan) -> Manifest:
    """Write the Service over this version's pods alone."""
    return {
        "metadata": {**plan.metadata(plan.names.service), "annotations": dict(NO_AWAIT)},
        "spec": service_spec(plan.selector, plan.settings.grpc_port, plan.settings.http_port),
    }


NO_AWAIT = {"pulumi.com/skipAwait": "true"}
"""The Service comes before its pods, so waiting for endpoints would wait for ever. The Deployment is waited for."""


def service_spec(selector: dict[str, str], grpc_port: int, http_port: int) -> Manifest:
    """Write the spec of a Service over model servers. The ports' names tell the mesh what they carry."""
    return {
        "type": "ClusterIP",
        "selector": selector,
        "ports": [
            {"name": "grpc", "port": grpc_port, "targetPort": "grpc", "appProtocol": "grpc"},
            {"name": "http", "port": http_port, "targetPort": "http", "appProtocol": "http"},
        ],
    }


def disruption_budget(plan: ServerPlan) -> Manifest | None:
    """Write the PodDisruptionBudget; None when the stack file sets no bound."""
    budget = plan.config.pdb
    bounds = {"minAvailable": budget.min_available, "maxUnavailable": budget.max_unavailable}
    given = {key: value for key, value in bounds.items() if value is not None}
    if not given:
        return None
    return {
        "metadata": plan.metadata(plan.names.disruption_budget),
        "spec": {"selector": {"matchLabels": plan.selector}, "unhealthyPodEvictionPolicy": "AlwaysAllow", **given},
    }
