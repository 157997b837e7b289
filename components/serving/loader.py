"""The init container that brings one version of a model from the bucket to a server, and checks it. Pure.

Stock TensorFlow Serving reads no S3, and a server must never see more than its own version. A failure ends in one line
that names the version and the reason; Kubernetes keeps it as the container's termination message.
See docs/decisions/0004-loader.md.
"""

from components.manifests import Manifest, restricted_container, secret_env
from components.storage.store import CLAIM, ModelSource

# rclone's exit codes: 0 also when an S3 path holds nothing, so that is asked separately.
SCRIPT = """\
set -u
log=$WORK/rclone.log
fail() { echo "s3://$SOURCE: $1" >&2; exit 1; }
reason() { tail -n 1 "$log" | sed -e 's/^.*ERROR *: *//' -e 's/^Attempt [0-9/]* failed with [0-9]* errors and: //'; }
run() { rclone --config '' --log-level ERROR --log-file "$log" "$@"; }

rm -rf "$TARGET" "$log"
mkdir -p "$TARGET" || fail "the server's volume is not writable"
run copy --retries 3 --low-level-retries 5 --contimeout 10s --timeout 60s ":s3:$SOURCE" "$TARGET" ||
  fail "cannot be copied: $(reason)"
[ -n "$(ls -A "$TARGET")" ] || fail "no such path, or empty"
[ -s "$TARGET/saved_model.pb" ] || [ -s "$TARGET/saved_model.pbtxt" ] || fail "holds no saved_model.pb"
# A publisher's claim is no part of the version. SHA256SUMS comes last: beside it the claim is only not gone yet.
if [ -e "$TARGET/SHA256SUMS" ]; then
  run checksum sha256 --exclude /SHA256SUMS --exclude "/$CLAIM" \\
    --combined "$WORK/differences" "$TARGET/SHA256SUMS" "$TARGET" ||
    fail "checksum mismatch: $(grep -v '^=' "$WORK/differences" | cut -c 3- | head -n 3 | tr '\\n' ' ')"
elif [ -e "$TARGET/$CLAIM" ]; then
  fail "is still being published, or its upload was interrupted"
fi
echo "s3://$SOURCE: copied and checked"
"""

_WORK = "/tmp"  # noqa: S108 -- an emptyDir of the pod's own


def loader(source: ModelSource, *, image: str, path: str, target: str, models: Manifest, scratch: Manifest) -> Manifest:
    """Write the init container.

    `path` is the version's path in the bucket, `target` the folder for it in the pod; `models` and `scratch` are the
    volume mounts that hold `target` and /tmp.
    """
    return {
        "name": "load",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["/bin/sh", "-c", SCRIPT],
        "env": [
            {"name": "SOURCE", "value": f"{source.bucket}/{path}"},
            {"name": "TARGET", "value": target},
            {"name": "WORK", "value": _WORK},
            {"name": "CLAIM", "value": CLAIM},
            {"name": "RCLONE_S3_PROVIDER", "value": source.provider},
            {"name": "RCLONE_S3_ENDPOINT", "value": source.endpoint},
            {"name": "RCLONE_S3_REGION", "value": source.region},
            secret_env("RCLONE_S3_ACCESS_KEY_ID", source.secret, source.access_key_id),
            secret_env("RCLONE_S3_SECRET_ACCESS_KEY", source.secret, source.secret_access_key),
        ],
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "512Mi"}},
        "securityContext": restricted_container(),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [models, scratch],
    }
