"""An access key as a Kubernetes Secret. The one place where keys leave the program."""

from collections.abc import Mapping

import pulumi_kubernetes as k8s
from pulumi import Input, Output, ResourceOptions

from components.manifests import labels
from components.storage.credentials import AccessKey
from stacks.config import SecretKeys


def key_secret(
    logical_name: str,
    *,
    name: str,
    namespace: str,
    key: AccessKey,
    keys: SecretKeys,
    opts: ResourceOptions,
    more: Mapping[str, Input[str]] | None = None,
) -> k8s.core.v1.Secret:
    """Place a Secret with an access key under the given keys. All values are secret, `more` as well."""
    data: dict[str, Input[str]] = {
        keys.access_key_id: Output.secret(key.access_key_id),
        keys.secret_access_key: Output.secret(key.secret_access_key),
    }
    data |= {entry: Output.secret(value) for entry, value in (more or {}).items()}
    return k8s.core.v1.Secret(
        logical_name,
        metadata={"name": name, "namespace": namespace, "labels": labels(name=name, component="storage")},
        type="Opaque",
        string_data=data,
        opts=opts,
    )
