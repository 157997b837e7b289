"""Access keys made once: the provider behind `components.storage.credentials`.

Kept in a module of its own and this small on purpose. Pulumi stores a reference to this class in the stack's state;
moving or renaming it makes existing stacks unreadable. Makes random text, nothing else: no store is contacted.
"""

import secrets
import string
from typing import Any, Final

from pulumi.dynamic import CreateResult, DiffResult, ResourceProvider

_ID_ALPHABET: Final = string.ascii_uppercase + string.digits
_SECRET_ALPHABET: Final = string.ascii_letters + string.digits


class AccessKeyProvider(ResourceProvider):
    """Makes an access key id of 20 characters and a secret of 40, as S3 clients expect them."""

    def create(self, props: dict[str, Any]) -> CreateResult:  # noqa: ARG002 -- the base class names it
        """Make a key; there is nothing to choose about it."""
        key_id = "".join(secrets.choice(_ID_ALPHABET) for _ in range(20))
        secret = "".join(secrets.choice(_SECRET_ALPHABET) for _ in range(40))
        return CreateResult(key_id, {"access_key_id": key_id, "secret_access_key": secret})

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Never differ: a key changes only when it is replaced on purpose (`pulumi up --replace URN`)."""
        return DiffResult(changes=False)
