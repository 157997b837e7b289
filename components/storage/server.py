"""Manifests of the S3 server in the cluster: versitygw over a folder of a persistent volume. Pure.

Facts are versitygw v1.8.0's: accounts are read from `users.json` in --iam-dir, which may be read-only; --health opens
a path for probes without credentials; --sidecar keeps metadata in files, so that any file system will do.
"""

from pulumi import Input

from components.manifests import (
    NAMESPACE_LABEL,
    Manifest,
    container_resources,
    labels,
    restricted_container,
    restricted_pod,
    secret_env,
)
from stacks.config import InClusterStorage

CONTAINER_PORT = 7070
"""Port inside the pod, whatever the Service's is: the server does not run as root."""

ACCOUNTS_KEY = "users.json"
"""Key of the root Secret with the accounts of reader and writer."""

_HEALTH = "/health"
_DATA, _IAM = "/data", "/etc/versitygw"
_PREPARE = f"""\
mkdir -p {_DATA}/buckets {_DATA}/metadata || {{
  echo "The volume is not writable for user $(id -u). Give that user the folder, or use a StorageClass." >&2
  exit 1
}}
"""


def root_env(config: InClusterStorage) -> list[Manifest]:
    """Return the environment variables with the server's own credentials."""
    keys, secret = config.secret_keys, config.names.root_secret
    return [
        secret_env("ROOT_ACCESS_KEY_ID", secret, keys.access_key_id),
        secret_env("ROOT_SECRET_ACCESS_KEY", secret, keys.secret_access_key),
    ]


def server_selector(config: InClusterStorage) -> dict[str, str]:
    """Return the labels that tell the server's pods apart."""
    return {"app.kubernetes.io/name": "versitygw", "app.kubernetes.io/instance": config.names.server}


def deployment(config: InClusterStorage, accounts: Input[str]) -> Manifest:
    """Write the server's Deployment. `accounts` changes when a key does, which restarts the server.

    One pod and `Recreate`: two servers must never write one volume.
    """
    selector = server_selector(config)
    found = labels(name="versitygw", component="storage", instance=config.names.server)
    probe: Manifest = {"httpGet": {"path": _HEALTH, "port": "http-s3"}}
    security = restricted_container()
    mount: Manifest = {"name": "data", "mountPath": _DATA}
    return {
        "metadata": {"name": config.names.server, "namespace": config.namespace, "labels": found},
        "spec": {
            "replicas": 1,
            "strategy": {"type": "Recreate"},
            "revisionHistoryLimit": 2,
            "progressDeadlineSeconds": 180,
            "selector": {"matchLabels": selector},
            "template": {
                "metadata": {"labels": found, "annotations": {"crossfade/accounts": accounts}},
                "spec": {
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "securityContext": restricted_pod(),
                    "terminationGracePeriodSeconds": 30,
                    "initContainers": [
                        {
                            "name": "prepare",
                            "image": config.tools_image,
                            "imagePullPolicy": "IfNotPresent",
                            "command": ["/bin/sh", "-c", _PREPARE],
                            "resources": container_resources(config.resources),
                            "securityContext": security,
                            "terminationMessagePolicy": "FallbackToLogsOnError",
                            "volumeMounts": [mount],
                        }
                    ],
                    "containers": [
                        {
                            "name": "versitygw",
                            "image": config.image,
                            "imagePullPolicy": "IfNotPresent",
                            "args": [
                                f"--port=:{CONTAINER_PORT}",
                                f"--region={config.region}",
                                f"--health={_HEALTH}",
                                f"--iam-dir={_IAM}",
                                "--quiet",
                                "posix",
                                f"--sidecar={_DATA}/metadata",
                                f"{_DATA}/buckets",
                            ],
                            "env": root_env(config),
                            "ports": [{"name": "http-s3", "containerPort": CONTAINER_PORT}],
                            "startupProbe": {**probe, "periodSeconds": 1, "failureThreshold": 60},
                            "readinessProbe": {**probe, "periodSeconds": 5},
                            "livenessProbe": {**probe, "periodSeconds": 20, "timeoutSeconds": 5},
                            "resources": container_resources(config.resources),
                            "securityContext": security,
                            "terminationMessagePolicy": "FallbackToLogsOnError",
                            "volumeMounts": [mount, {"name": "accounts", "mountPath": _IAM, "readOnly": True}],
                        }
                    ],
                    "volumes": [
                        {"name": "data", "persistentVolumeClaim": {"claimName": config.names.volume}},
                        {
                            "name": "accounts",
                            "secret": {
                                "secretName": config.names.root_secret,
                                "defaultMode": 0o440,
                                "items": [{"key": ACCOUNTS_KEY, "path": ACCOUNTS_KEY}],
                            },
                        },
                    ],
                },
            },
        },
    }


def service(config: InClusterStorage) -> Manifest:
    """Write the Service. The port's name tells the mesh that it carries HTTP."""
    return {
        "metadata": {
            "name": config.names.server,
            "namespace": config.namespace,
            "labels": labels(name="versitygw", component="storage", instance=config.names.server),
        },
        "spec": {
            "type": "ClusterIP",
            "selector": server_selector(config),
            "ports": [{"name": "http-s3", "port": config.port, "targetPort": "http-s3", "appProtocol": "http"}],
        },
    }


def server_network_policy(config: InClusterStorage, readers: tuple[str, ...]) -> Manifest:
    """Let pods of the reading namespaces and of the store's own reach the server, and the server reach nothing."""
    spaces: list[Manifest] = [{"podSelector": {}}]
    spaces += [{"namespaceSelector": {"matchLabels": {NAMESPACE_LABEL: name}}} for name in readers]
    return {
        "metadata": {
            "name": config.names.server,
            "namespace": config.namespace,
            "labels": labels(name="versitygw", component="storage", instance=config.names.server),
        },
        "spec": {
            "podSelector": {"matchLabels": server_selector(config)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": spaces, "ports": [{"protocol": "TCP", "port": CONTAINER_PORT}]}],
            "egress": [],
        },
    }
