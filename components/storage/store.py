"""What a store of models hands to the stages after it. Values only; every kind of storage makes the same."""

from dataclasses import dataclass

import pulumi

from components.storage.credentials import AccessKey
from stacks.config import SecretKeys

CLAIM = ".crossfade-publishing"
"""Object with which `crossfade publish` holds a path while it uploads there. Gone when the version is complete."""


@dataclass(frozen=True, kw_only=True)
class ExternalEndpoint:
    """A store outside the cluster, which the mesh must be told about."""

    host: str
    port: int


@dataclass(frozen=True, kw_only=True)
class ModelStore:
    """A bucket that holds models, and the key that reads it."""

    bucket: str
    endpoint: str
    """Address of the S3 API, for example `http://s3.crossfade-storage.svc:7070`."""
    region: str
    provider: str
    """rclone's name for this kind of S3 server (its option `--s3-provider`)."""
    namespace: str | None
    """Namespace of a store in the cluster; None outside."""
    port: int
    """Port of the S3 API."""
    external: ExternalEndpoint | None
    """Where a store outside the cluster is; None inside, where the mesh knows the Service."""
    reader: AccessKey
    """Key that may list and read the bucket, nothing else."""
    reader_secret: str
    """Name for the Secret that carries `reader` to the model servers."""
    secret_keys: SecretKeys
    """Keys inside that Secret."""
    ready: tuple[pulumi.Resource, ...]
    """What must be there before anyone reads."""


@dataclass(frozen=True, kw_only=True)
class ModelSource:
    """A store as a pod sees it: plain values and the name of a Secret in the pod's own namespace."""

    bucket: str
    endpoint: str
    region: str
    provider: str
    secret: str
    access_key_id: str
    """Key inside the Secret that holds the access key's id."""
    secret_access_key: str
    """Key inside the Secret that holds the secret access key."""
