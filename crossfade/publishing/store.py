"""How to reach a bucket: in the cluster by way of a port-forward, or anywhere by an endpoint and keys.

Keys are read where they lie (a Kubernetes Secret, environment variables, the cloud's own chain) and never shown.
"""

import base64
import os
import queue
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from crossfade.errors import CrossfadeError, InputError, MissingToolError, ServerError
from crossfade.stack import Stack

URI = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(?P<path>[^/\s][^\s]*[^/\s]|[^/\s])/?")
FORWARDED = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+)")
FORWARD_SECONDS = 30.0


@dataclass(frozen=True)
class Target:
    """A version's place: `bucket` and the key prefix `path`, without a slash at either end."""

    bucket: str
    path: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.path}"

    @staticmethod
    def parse(uri: str) -> "Target":
        """Read `uri`. Raises InputError unless it is s3://bucket/path with a plain path."""
        found = URI.fullmatch(uri)
        if not found or any(part in ("", ".", "..") for part in found["path"].split("/")):
            raise InputError(f"{uri!r} is not a version's place. Write s3://bucket/path, like s3://ml-models/mnist/1.")
        return Target(found["bucket"], found["path"])


@dataclass(frozen=True)
class Keys:
    """An access key; its secret half is kept out of repr."""

    access_id: str
    secret: str = field(repr=False)


def connect(endpoint: str | None, keys: Keys | None) -> Any:  # noqa: ANN401 - boto3 carries no types
    """Return an S3 client; `keys` None leaves it to the cloud's own chain (environment, profile, instance)."""
    import boto3
    from botocore.config import Config

    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1",
        aws_access_key_id=keys.access_id if keys else None,
        aws_secret_access_key=keys.secret if keys else None,
        config=Config(
            connect_timeout=10,
            read_timeout=60,
            retries={"max_attempts": 4, "mode": "standard"},
            s3={"addressing_style": "path"} if endpoint else {},
            # Other S3 servers do not all know the newer checksum trailers.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )


def keys_from_environment(id_variable: str, secret_variable: str) -> Keys:
    """Keys from two environment variables. Raises InputError naming the one that is not set."""
    for variable in (id_variable, secret_variable):
        if not os.environ.get(variable):
            raise InputError(
                f"the environment variable {variable} is not set: it should hold a half of the access key."
            )
    return Keys(os.environ[id_variable], os.environ[secret_variable])


@contextmanager
def stack_store(stack: Stack, target: Target) -> Iterator[Any]:
    """Open an S3 client for the stack's own bucket. Raises InputError where `target` is another bucket."""
    storage = stack.storage()
    if storage.get("bucket") != target.bucket:
        raise InputError(
            f"{target} is not in stack {stack.name}'s bucket, s3://{storage.get('bucket')}. "
            "Give that bucket, another --stack, or --endpoint."
        )
    if storage.get("kind") != "inCluster":
        yield connect(storage.get("endpoint"), None)  # the keys are the cloud's own, from its usual places
        return
    keys = _secret_keys(stack, storage)
    with port_forward(stack, storage["namespace"], f"service/{storage['service']}", int(storage["port"])) as port:
        yield connect(f"http://127.0.0.1:{port}", keys)


def _secret_keys(stack: Stack, storage: dict[str, Any]) -> Keys:
    namespace, name = storage["namespace"], storage["writerSecret"]
    fields = storage.get("secretKeys", {})
    wanted = fields.get("accessKeyId", "access_id"), fields.get("secretAccessKey", "access_key")
    data = stack.read_cluster("get", "secret", name, "--namespace", namespace).get("data", {})
    try:
        return Keys(*(base64.b64decode(data[key]).decode() for key in wanted))
    except KeyError as missing:
        raise CrossfadeError(f"the Secret {namespace}/{name} lacks the key {missing}: `pulumi up` makes it.") from None


@contextmanager
def port_forward(stack: Stack, namespace: str, target: str, port: int) -> Iterator[int]:
    """Lead a loopback port to `target`, `service/NAME` or `pod/NAME`, while the block runs.

    Raises ServerError where it does not open.
    """
    command = stack.kubectl("port-forward", "--namespace", namespace, target, f":{port}", "--address", "127.0.0.1")
    try:
        process = subprocess.Popen(
            command,
            cwd=stack.place.root,
            env=stack.place.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    except FileNotFoundError:
        raise MissingToolError("kubectl is not on PATH, nor in .venv/bin: `uv sync` installs it there.") from None
    lines: queue.Queue[str | None] = queue.Queue()
    # Its output is read all the time: a full pipe would stop it.
    reader = threading.Thread(target=_drain, args=(process, lines), daemon=True)
    reader.start()
    try:
        yield _forwarded_port(lines, f"{namespace}/{target.partition('/')[2]}")
    finally:
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        reader.join(timeout=5)
        if process.stdout:
            process.stdout.close()


def _drain(process: subprocess.Popen[str], lines: "queue.Queue[str | None]") -> None:
    for line in process.stdout or ():
        lines.put(line)
    lines.put(None)


def _forwarded_port(lines: "queue.Queue[str | None]", what: str) -> int:
    said: list[str] = []
    while True:
        try:
            line = lines.get(timeout=FORWARD_SECONDS)
        except queue.Empty:
            line = None
        if line is None:
            reason = " ".join(said).strip() or f"no answer within {FORWARD_SECONDS:.0f} s"
            raise ServerError(f"cannot reach the store {what} in the cluster: {reason}")
        if found := FORWARDED.search(line):
            return int(found[1])
        said.append(line.strip())
