"""Who may do what with the bucket: the least that serving and publishing need.

Pure. The reader lists and reads. The writer also adds objects; it cannot delete them, since published versions are
immutable: only its own claim on a path, a marker object, may go when the upload is done. (S3 has no right to add
without the right to overwrite: `crossfade publish` uploads on condition that the object is not there yet.) Neither can
touch the bucket itself, its policy, or another bucket.
"""

import json
from typing import Any

from components.storage.store import CLAIM

_READ = ("s3:GetObject",)
_WRITE = ("s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts")


def bucket_policy(bucket: str, *, reader: str, writer: str) -> str:
    """Write the bucket's policy as JSON. `reader` and `writer` are access key ids, versitygw's name for principals."""
    objects, whole = f"arn:aws:s3:::{bucket}/*", f"arn:aws:s3:::{bucket}"
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                _allow("List", ("s3:ListBucket",), whole, reader, writer),
                _allow("Read", _READ, objects, reader),
                _allow("Publish", _WRITE, objects, writer),
                _allow("EndClaim", ("s3:DeleteObject",), f"{whole}/*/{CLAIM}", writer),
            ],
        },
        sort_keys=True,
    )


def _allow(sid: str, actions: tuple[str, ...], resource: str, *principals: str) -> dict[str, Any]:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {"AWS": list(principals)},
        "Action": list(actions),
        "Resource": [resource],
    }


def accounts_file(*keys: tuple[str, str]) -> str:
    """Write versitygw's users.json from pairs of access key id and secret.

    Role `user` owns nothing: an account has the rights that a bucket's policy gives it. (versitygw v1.8.0,
    auth/iam_internal.go; read anew on each request, so it may be a mounted Secret.)
    """
    accounts = {access: {"access": access, "secret": secret, "role": "user"} for access, secret in keys}
    return json.dumps({"accessAccounts": accounts}, sort_keys=True)
