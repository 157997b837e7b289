"""The stack's own store is reached by way of a port-forward that always ends, with keys from its Secret.

kubectl and pulumi are scripts here that answer as the real ones do; the S3 server behind them is real.
"""

import base64
import json
import os
import time
from pathlib import Path

import pytest

from crossfade.cli import run
from crossfade.errors import CrossfadeError, InputError, ServerError
from crossfade.publishing.store import Target, port_forward, stack_store
from crossfade.stack import Stack
from crossfade.workspace import Workspace
from tests.unit.crossfade.conftest import S3


def script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def stack(s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """Make a project whose stack's outputs, Secret and port-forward lead to the S3 server."""
    root = tmp_path / "project"
    root.mkdir()
    (root / "Pulumi.yaml").write_text("name: crossfade\n")
    (root / "Pulumi.dev.yaml").write_text("config:\n  crossfade:cluster: {kind: existing}\n")
    storage = {
        "kind": "inCluster", "bucket": s3.bucket, "namespace": "store", "service": "s3", "port": 7070,
        "writerSecret": "writer", "secretKeys": {"accessKeyId": "id", "secretAccessKey": "key"},
    }  # fmt: skip
    secret = {
        "data": {
            key: base64.b64encode(value).decode() for key, value in {"id": b"root-key", "key": b"root-secret"}.items()
        }
    }
    place = Workspace(root)
    script(place.bin / "pulumi", f"echo '{json.dumps({'storage': storage})}'")
    port = s3.endpoint.rpartition(":")[2]
    script(
        place.bin / "kubectl",
        f"case \"$*\" in *'get secret writer --namespace store'*) echo '{json.dumps(secret)}';;\n"
        f"*'port-forward --namespace store service/s3 :7070'*) echo $$ > {root}/forward\n"
        f"echo 'Forwarding from 127.0.0.1:{port} -> 7070'; exec sleep 60;;\n"
        "*) echo 'error: not found' >&2; exit 1;; esac",
    )
    monkeypatch.chdir(root)
    return Stack("dev", place)


def ended(stack: Stack) -> bool:
    pid = int((stack.place.root / "forward").read_text())
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def test_publish_finds_the_stacks_bucket_and_key_by_itself(stack: Stack, s3: S3, saved_model: Path) -> None:
    assert run(["publish", str(saved_model), f"s3://{s3.bucket}/mnist/3"]) == 0
    assert s3.client.head_object(Bucket=s3.bucket, Key="mnist/3/SHA256SUMS")
    assert ended(stack)


def test_the_port_forward_ends_when_the_work_fails(stack: Stack) -> None:
    def work() -> None:
        with port_forward(stack, "store", "service/s3", 7070) as port:
            assert port > 0
            raise RuntimeError("boom")

    with pytest.raises(RuntimeError, match="boom"):
        work()
    assert ended(stack)


def test_another_bucket_is_refused_before_anything_is_opened(stack: Stack) -> None:
    with pytest.raises(InputError, match="not in stack dev's bucket"), stack_store(stack, Target("other", "mnist/1")):
        pass
    assert not (stack.place.root / "forward").exists()


def test_kubectls_own_reason_is_told(stack: Stack) -> None:
    with pytest.raises(ServerError, match="error: not found"), port_forward(stack, "store", "service/gone", 7070):
        pass


def test_a_stack_that_was_never_deployed_is_told(stack: Stack, s3: S3) -> None:
    script(stack.place.bin / "pulumi", "echo '{}'")
    with pytest.raises(CrossfadeError, match="has no storage yet"), stack_store(stack, Target(s3.bucket, "mnist/1")):
        pass
