"""The job that makes the bucket and sets its policy. Pure.

Safe to run again: a bucket that is there stays, and the policy is written whole. The job's template holds the policy,
so that a change of it makes a new job. Credentials reach curl through a file in memory, which the shell writes itself:
they are on no command line.
"""

from pulumi import Input

from components.manifests import (
    NAMESPACE_LABEL,
    Manifest,
    container_resources,
    labels,
    restricted_container,
    restricted_pod,
)
from components.storage.server import CONTAINER_PORT, root_env, server_selector
from stacks.config import InClusterStorage

_WORK = "/work"

# curl 7.88 hashes no body for S3, and signs `?policy` as it stands where S3 reads `policy=`: both are spelt out.
SCRIPT = """\
set -eu
umask 077
{
  echo silent
  echo show-error
  printf 'user = "%s:%s"\\n' "$ROOT_ACCESS_KEY_ID" "$ROOT_SECRET_ACCESS_KEY"
  printf 'aws-sigv4 = "aws:amz:%s:s3"\\n' "$REGION"
  echo 'header = "x-amz-content-sha256: UNSIGNED-PAYLOAD"'
  echo 'header = "content-type: application/json"'
  echo 'max-time = 20'
} >"$WORK/curl"
printf '%s' "$POLICY" >"$WORK/policy.json"

put() { # WHAT URL ACCEPTED-STATUS... -- [CURL-OPTION...]
  what=$1 url=$2 accepted=
  shift 2
  while [ "$1" != -- ]; do accepted="$accepted $1 "; shift; done
  shift
  status=$(curl --config "$WORK/curl" --request PUT --output "$WORK/answer" --write-out '%{http_code}' "$@" "$url") || {
    echo "$what: no answer from $url" >&2
    exit 1
  }
  case "$accepted" in
    *" $status "*) echo "$what: done ($status)" ;;
    *) echo "$what: $status $(sed -n 's/.*<Message>\\(.*\\)<\\/Message>.*/\\1/p' "$WORK/answer")" >&2; exit 1 ;;
  esac
}

put "bucket $BUCKET" "$ENDPOINT/$BUCKET" 200 409 --
put "policy of $BUCKET" "$ENDPOINT/$BUCKET?policy=" 200 204 -- --data-binary "@$WORK/policy.json"
"""


def setup_labels(config: InClusterStorage) -> dict[str, str]:
    """Return the labels of the job's pods."""
    return labels(name="bucket-setup", component="storage", instance=config.names.server)


def job(config: InClusterStorage, endpoint: str, policy: Input[str]) -> Manifest:
    """Write the job. It has no name of its own: a new one must be able to run before the old one is gone."""
    return {
        "metadata": {"namespace": config.namespace, "labels": setup_labels(config)},
        "spec": {
            "backoffLimit": 4,
            "activeDeadlineSeconds": 180,
            "template": {
                "metadata": {"labels": setup_labels(config)},
                "spec": {
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "restartPolicy": "Never",
                    "securityContext": restricted_pod(),
                    "containers": [
                        {
                            "name": "setup",
                            "image": config.tools_image,
                            "imagePullPolicy": "IfNotPresent",
                            "command": ["/bin/sh", "-c", SCRIPT],
                            "env": [
                                *root_env(config),
                                {"name": "ENDPOINT", "value": endpoint},
                                {"name": "REGION", "value": config.region},
                                {"name": "BUCKET", "value": config.bucket},
                                {"name": "POLICY", "value": policy},
                                {"name": "WORK", "value": _WORK},
                            ],
                            "resources": container_resources(config.resources),
                            "securityContext": restricted_container(),
                            "terminationMessagePolicy": "FallbackToLogsOnError",
                            "volumeMounts": [{"name": "work", "mountPath": _WORK}],
                        }
                    ],
                    "volumes": [{"name": "work", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}}],
                },
            },
        },
    }


def setup_network_policy(config: InClusterStorage) -> Manifest:
    """Let the job reach the server and the cluster's DNS, and nobody reach the job."""
    dns: Manifest = {
        "to": [{"namespaceSelector": {"matchLabels": {NAMESPACE_LABEL: "kube-system"}}}],
        "ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}],
    }
    server: Manifest = {
        "to": [{"podSelector": {"matchLabels": server_selector(config)}}],
        "ports": [{"protocol": "TCP", "port": CONTAINER_PORT}],
    }
    return {
        "metadata": {
            "name": f"{config.names.server}-setup",
            "namespace": config.namespace,
            "labels": setup_labels(config),
        },
        "spec": {
            "podSelector": {"matchLabels": setup_labels(config)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [],
            "egress": [dns, server],
        },
    }
