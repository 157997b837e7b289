"""`crossfade:storage`: the bucket that holds the models, and the names of the credentials to it."""

from typing import Literal, TypeAlias

from stacks.config.base import Amounts, Resources, Section
from stacks.types import (
    AbsolutePath,
    BucketName,
    DnsLabel,
    ImageRef,
    ObjectName,
    Port,
    Quantity,
    Region,
    SecretKey,
    ServiceName,
)


class StorageVolume(Section):
    """A folder of a node as the store's volume, for clusters that make no volumes themselves."""

    host_path: AbsolutePath
    """Folder on the node. The program makes a PersistentVolume for it. User 1000 must be able to write there:
    `install -d -o 1000 -g 1000 /srv/models`."""
    node: ObjectName | None = None
    """Name of the node that has the folder. Left out: any node, which is right only where there is one."""


class StorageNames(Section):
    """Names of the store's objects."""

    server: ServiceName = "s3"
    """Deployment and Service of the S3 server."""
    volume: ObjectName = "s3-data"
    """PersistentVolumeClaim, and PersistentVolume if the program makes it."""
    root_secret: ObjectName = "s3-root"  # noqa: S105 -- a name, not a secret
    """Secret with the server's own credentials."""
    writer_secret: ObjectName = "s3-writer"  # noqa: S105 -- a name, not a secret
    """Secret with the key that publishing uses."""
    reader_secret: ObjectName = "s3-reader"  # noqa: S105 -- a name, not a secret
    """Secret with the read-only key of the model servers, in their namespace."""


class SecretKeys(Section):
    """Keys inside the credential Secrets."""

    access_key_id: SecretKey = "access_id"
    """Key that holds the access key's id."""
    secret_access_key: SecretKey = "access_key"  # noqa: S105 -- a name, not a secret
    """Key that holds the secret access key."""


class InClusterStorage(Section):
    """An S3 server in the cluster, on a persistent volume."""

    kind: Literal["inCluster"]
    """`inCluster`: an S3 server (versitygw) in the cluster, on a persistent volume."""
    bucket: BucketName
    """Bucket that holds the models. Uris of versions are `s3://<bucket>/<path>`."""
    namespace: DnsLabel = "crossfade-storage"
    """Namespace of the S3 server. The program makes it."""
    image: ImageRef = "ghcr.io/versity/versitygw:v1.8.0"
    """Image of the S3 server."""
    tools_image: ImageRef = "curlimages/curl:8.16.0"
    """Image with a POSIX shell and curl (7.75 or newer), for the job that prepares the store."""
    size: Quantity = "10Gi"
    """Size of the volume."""
    storage_class: ObjectName | None = None
    """StorageClass of the volume. Left out: the cluster's default one."""
    volume: StorageVolume | None = None
    """A folder of a node as the volume, where the cluster has no StorageClass."""
    port: Port = 7070
    """Port of the S3 Service."""
    region: Region = "us-east-1"
    """Region that clients sign their requests with."""
    resources: Resources = Resources(requests=Amounts(cpu="50m", memory="64Mi"), limits=Amounts(memory="512Mi"))
    """Resources of the S3 server. What is given replaces the default as a whole."""
    retain: bool = True
    """Protect the namespace, claim and volume with the models: `crossfade destroy` keeps them and says so."""
    names: StorageNames = StorageNames()
    """Names of the store's objects."""
    secret_keys: SecretKeys = SecretKeys()
    """Keys inside the credential Secrets."""


StorageConfig: TypeAlias = InClusterStorage
"""Every kind of storage. A new kind joins this alias: a union with `kind` as its discriminator."""
