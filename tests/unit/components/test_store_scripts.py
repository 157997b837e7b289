"""The store's setup job, run as it is against the real S3 server, and the rights that come of it."""

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from components.storage.store import CLAIM
from tests.unit.components.conftest import BUCKET, KEYS, Store, run_setup


def test_setup_may_run_again(store: Store, tmp_path: Path):
    assert run_setup(store.endpoint, tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"ROOT_SECRET_ACCESS_KEY": "wrong"}, "signature"),
        ({"POLICY": "{}"}, "policy of models: 400"),
        ({"ENDPOINT": "http://127.0.0.1:1"}, "no answer from"),
    ],
)
def test_setup_that_fails_says_why(store: Store, tmp_path: Path, changes: dict[str, str], reason: str):
    failed = run_setup(store.endpoint, tmp_path, **changes)
    assert failed.returncode == 1
    assert reason in failed.stderr
    assert KEYS["root"] not in failed.stdout + failed.stderr


@pytest.mark.parametrize("who", ["reader", "writer"])
def test_reader_and_writer_may_list_and_read(store: Store, who: str):
    store.publish("readable/1", {"a": b"content"})
    client = store.client(who)
    assert client.list_objects_v2(Bucket=BUCKET, Prefix="readable/")["KeyCount"] == 1
    assert client.get_object(Bucket=BUCKET, Key="readable/1/a")["Body"].read() == b"content"


@pytest.mark.parametrize(
    ("who", "call", "arguments"),
    [
        ("reader", "put_object", {"Bucket": BUCKET, "Key": "mine", "Body": b"x"}),
        ("reader", "delete_object", {"Bucket": BUCKET, "Key": "a"}),
        ("reader", "get_bucket_policy", {"Bucket": BUCKET}),
        ("reader", "create_bucket", {"Bucket": "other"}),
        ("writer", "delete_object", {"Bucket": BUCKET, "Key": "a"}),
        ("writer", "delete_bucket", {"Bucket": BUCKET}),
        ("writer", "delete_bucket_policy", {"Bucket": BUCKET}),
        ("writer", "create_bucket", {"Bucket": "other"}),
    ],
)
def test_nobody_may_do_more(store: Store, who: str, call: str, arguments: dict[str, Any]):
    store.publish("", {"a": b"x"})
    with pytest.raises(ClientError, match="AccessDenied"):
        getattr(store.client(who), call)(**arguments)


def test_writer_may_end_its_claim(store: Store):
    store.publish("claimed/1", {CLAIM: b"mine"})
    store.client("writer").delete_object(Bucket=BUCKET, Key=f"claimed/1/{CLAIM}")
    assert store.client("reader").list_objects_v2(Bucket=BUCKET, Prefix="claimed/")["KeyCount"] == 0
