"""An S3 server in the cluster, with its bucket, its keys and its volume.

With `retain` the namespace, the claim and the volume are protected: `pulumi destroy` refuses to touch them, and
`pulumi destroy --exclude-protected` removes all else, says what it kept, and leaves it in the state, so that the next
update goes on with the same bucket. The namespace is among them because deleting it would delete the claim.
See docs/decisions/0006-bucket-retention.md. Publishes nothing; that is the command line's work.
"""

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s
from pulumi import Output, ResourceOptions

from components.manifests import namespace_labels
from components.storage import server, setup, volume
from components.storage.bucket_policy import accounts_file, bucket_policy
from components.storage.credentials import AccessKey
from components.storage.secret import key_secret
from components.storage.store import ModelStore
from stacks.config import InClusterStorage


@dataclass(frozen=True, kw_only=True)
class InClusterStoreArgs:
    """What a store in the cluster is made from."""

    config: InClusterStorage
    readers: tuple[str, ...]
    """Namespaces whose pods may reach the server."""


class InClusterStore(pulumi.ComponentResource):
    """An S3 server in the cluster, with its bucket."""

    store: ModelStore

    def __init__(self, name: str, args: InClusterStoreArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("crossfade:storage:InClusterStore", name, {}, opts)
        config = args.config
        child = ResourceOptions(parent=self)
        kept = ResourceOptions(parent=self, protect=config.retain)
        namespace = k8s.core.v1.Namespace(
            f"{name}-namespace",
            metadata={
                "name": config.namespace,
                "labels": namespace_labels(pod_security="restricted", injection=False),
            },
            opts=kept,
        )
        inside = ResourceOptions(parent=self, depends_on=[namespace])
        claim = self._claim(name, config, namespace)
        root, writer, reader = (AccessKey(f"{name}-{role}-key", opts=child) for role in ("root", "writer", "reader"))
        accounts = Output.all(
            writer.access_key_id, writer.secret_access_key, reader.access_key_id, reader.secret_access_key
        ).apply(lambda found: accounts_file((found[0], found[1]), (found[2], found[3])))
        root_secret = key_secret(
            f"{name}-root",
            name=config.names.root_secret,
            namespace=config.namespace,
            key=root,
            keys=config.secret_keys,
            more={server.ACCOUNTS_KEY: accounts},
            opts=inside,
        )
        key_secret(
            f"{name}-writer",
            name=config.names.writer_secret,
            namespace=config.namespace,
            key=writer,
            keys=config.secret_keys,
            opts=inside,
        )
        for part, manifest in (
            ("server", server.server_network_policy(config, args.readers)),
            ("setup", setup.setup_network_policy(config)),
        ):
            k8s.networking.v1.NetworkPolicy(
                f"{name}-{part}-network", metadata=manifest["metadata"], spec=manifest["spec"], opts=inside
            )
        # The ids are no secrets, and name which keys the server knows: changing one restarts it.
        known = Output.concat(root.access_key_id, " ", writer.access_key_id, " ", reader.access_key_id)
        manifest = server.deployment(config, known)
        deployment = k8s.apps.v1.Deployment(
            f"{name}-server",
            metadata=manifest["metadata"],
            spec=manifest["spec"],
            opts=ResourceOptions(parent=self, depends_on=[namespace, claim, root_secret]),
        )
        manifest = server.service(config)
        service = k8s.core.v1.Service(
            f"{name}-service",
            metadata=manifest["metadata"],
            spec=manifest["spec"],
            opts=ResourceOptions(parent=self, depends_on=[deployment]),
        )
        endpoint = f"http://{config.names.server}.{config.namespace}.svc:{config.port}"
        job = self._bucket(name, config, endpoint, reader, writer, service)
        self.store = ModelStore(
            bucket=config.bucket,
            endpoint=endpoint,
            region=config.region,
            provider="Other",
            namespace=config.namespace,
            port=server.CONTAINER_PORT,
            external=None,
            reader=reader,
            reader_secret=config.names.reader_secret,
            secret_keys=config.secret_keys,
            ready=(service, job),
        )
        self.register_outputs({})

    def _claim(self, name: str, config: InClusterStorage, namespace: pulumi.Resource) -> pulumi.Resource:
        after = [namespace]
        if config.volume is not None:
            manifest = volume.persistent_volume(config, config.volume)
            made = k8s.core.v1.PersistentVolume(
                f"{name}-volume",
                metadata=manifest["metadata"],
                spec=manifest["spec"],
                opts=ResourceOptions(parent=self, protect=config.retain),
            )
            after.append(made)
        manifest = volume.persistent_volume_claim(config)
        return k8s.core.v1.PersistentVolumeClaim(
            f"{name}-claim",
            metadata=manifest["metadata"],
            spec=manifest["spec"],
            opts=ResourceOptions(parent=self, protect=config.retain, depends_on=after),
        )

    def _bucket(
        self,
        name: str,
        config: InClusterStorage,
        endpoint: str,
        reader: AccessKey,
        writer: AccessKey,
        service: pulumi.Resource,
    ) -> pulumi.Resource:
        policy = Output.all(reader.access_key_id, writer.access_key_id).apply(
            lambda ids: bucket_policy(config.bucket, reader=ids[0], writer=ids[1])
        )
        manifest = setup.job(config, endpoint, policy)
        return k8s.batch.v1.Job(
            f"{name}-bucket",
            metadata=manifest["metadata"],
            spec=manifest["spec"],
            opts=ResourceOptions(parent=self, depends_on=[service]),
        )
