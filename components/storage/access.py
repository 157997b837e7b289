"""The reading key of a store, brought to a namespace whose pods read models."""

from dataclasses import dataclass

import pulumi
from pulumi import ResourceOptions

from components.storage.secret import key_secret
from components.storage.store import ModelSource, ModelStore


@dataclass(frozen=True, kw_only=True)
class StoreAccessArgs:
    """What a namespace's access to a store is made from."""

    store: ModelStore
    namespace: str
    """Namespace of the pods that read."""
    after: tuple[pulumi.Resource, ...]
    """What the namespace needs first."""


class StoreAccess(pulumi.ComponentResource):
    """A namespace's access to a store: a Secret with the reading key."""

    source: ModelSource
    secret: pulumi.Resource

    def __init__(self, name: str, args: StoreAccessArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("crossfade:storage:StoreAccess", name, {}, opts)
        store = args.store
        self.secret = key_secret(
            f"{name}-reader",
            name=store.reader_secret,
            namespace=args.namespace,
            key=store.reader,
            keys=store.secret_keys,
            opts=ResourceOptions(parent=self, depends_on=list(args.after)),
        )
        self.source = ModelSource(
            bucket=store.bucket,
            endpoint=store.endpoint,
            region=store.region,
            provider=store.provider,
            secret=store.reader_secret,
            access_key_id=store.secret_keys.access_key_id,
            secret_access_key=store.secret_keys.secret_access_key,
        )
        self.register_outputs({})
