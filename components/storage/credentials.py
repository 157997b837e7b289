"""Random access keys, made once and kept as secrets in the stack's state.

Replace one with `pulumi up --replace URN`: the store and everyone who was given the key follow in the same update.
See docs/decisions/0005-credentials.md for why this is a dynamic provider.
"""

from typing import Any

import pulumi
from pulumi import Output, ResourceOptions
from pulumi.dynamic import Resource

from components.storage.keys import AccessKeyProvider


class AccessKey(Resource, module="crossfade", name="AccessKey"):
    """A random access key: an id of 20 characters, which is no secret, and a secret of 40."""

    access_key_id: Output[str]
    secret_access_key: Output[str]

    def __init__(self, name: str, opts: ResourceOptions | None = None) -> None:
        secret_outputs = ResourceOptions(additional_secret_outputs=["secret_access_key"])
        props: dict[str, Any] = {"access_key_id": None, "secret_access_key": None}
        super().__init__(AccessKeyProvider(), name, props, pulumi.ResourceOptions.merge(opts, secret_outputs))
