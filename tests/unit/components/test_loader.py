"""The servers' loader, run as it is: real shell, real rclone, real S3 server."""

import os
import subprocess
from pathlib import Path

import pytest

from components.serving import loader
from components.storage.store import CLAIM
from tests.unit.components.conftest import BIN, BUCKET, KEYS, Store


def load(store: Store, folder: Path, path: str, **changes: str) -> subprocess.CompletedProcess[str]:
    assert (BIN / "rclone").is_file(), "rclone is missing: `crossfade cluster tools` builds it"
    (folder / "work").mkdir(exist_ok=True)
    env = {
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "HOME": "/nonexistent",
        "SOURCE": f"{BUCKET}/{path}",
        "TARGET": str(folder / "models" / "m" / "1"),
        "WORK": str(folder / "work"),
        "CLAIM": CLAIM,
        "RCLONE_S3_PROVIDER": "Other",
        "RCLONE_S3_ENDPOINT": store.endpoint,
        "RCLONE_S3_REGION": "us-east-1",
        "RCLONE_S3_ACCESS_KEY_ID": "reader",
        "RCLONE_S3_SECRET_ACCESS_KEY": KEYS["reader"],
        **changes,
    }
    return subprocess.run(["/bin/sh", "-c", loader.SCRIPT], env=env, capture_output=True, text=True, check=False)


GOOD = {"saved_model.pb": b"graph", "variables/variables.index": b"index"}


@pytest.mark.parametrize("sums", [GOOD, None], ids=["with sums", "without sums"])
def test_loader_copies_a_version(store: Store, tmp_path: Path, sums: dict[str, bytes] | None):
    path = f"good-{'sums' if sums else 'plain'}/1"
    store.publish(path, GOOD, sums=sums)
    done = load(store, tmp_path, path)
    assert done.returncode == 0, done.stderr
    for name, content in GOOD.items():
        assert (tmp_path / "models/m/1" / name).read_bytes() == content


def test_published_version_may_still_be_claimed(store: Store, tmp_path: Path):
    store.publish("just/1", {**GOOD, CLAIM: b"x"}, sums=GOOD)
    done = load(store, tmp_path, "just/1")
    assert done.returncode == 0, done.stderr


def test_loader_starts_afresh_after_a_failure(store: Store, tmp_path: Path):
    store.publish("again/1", GOOD, sums=GOOD)
    left = tmp_path / "models/m/1"
    left.mkdir(parents=True)
    (left / "saved_model.pb").write_bytes(b"half")
    (left / "stray").write_bytes(b"of another try")
    assert load(store, tmp_path, "again/1").returncode == 0
    assert not (left / "stray").exists()


@pytest.mark.parametrize(
    ("files", "sums", "reason"),
    [
        ({}, None, "no such path, or empty"),
        ({"readme.txt": b"x"}, None, "holds no saved_model.pb"),
        ({"saved_model.pb": b""}, None, "holds no saved_model.pb"),
        (GOOD, {**GOOD, "saved_model.pb": b"another graph"}, "checksum mismatch: saved_model.pb"),
        (GOOD, {**GOOD, "variables/lost": b"x"}, "checksum mismatch: variables/lost"),
        ({**GOOD, "variables/stray": b"x"}, GOOD, "checksum mismatch: variables/stray"),
        ({**GOOD, CLAIM: b"x"}, None, "is still being published, or its upload was interrupted"),
    ],
    ids=["missing", "no model", "empty model", "corrupt", "incomplete", "stray", "half published"],
)
def test_loader_names_version_and_reason(
    store: Store,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    files: dict[str, bytes],
    sums: dict[str, bytes] | None,
    reason: str,
):
    path = f"bad/{request.node.callspec.id.replace(' ', '-')}/1"
    store.publish(path, files, sums=sums)
    failed = load(store, tmp_path, path)
    assert failed.returncode == 1
    assert failed.stderr.strip().splitlines()[-1].strip() == f"s3://{BUCKET}/{path}: {reason}"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"RCLONE_S3_SECRET_ACCESS_KEY": "wrong"}, "Forbidden"),
        ({"SOURCE": "no-such-bucket/m/1"}, "directory not found"),
    ],
)
def test_loader_tells_why_the_store_refuses(store: Store, tmp_path: Path, changes: dict[str, str], reason: str):
    store.publish("refused/1", GOOD)
    failed = load(store, tmp_path, "refused/1", **changes)
    assert failed.returncode == 1
    assert ": cannot be copied: " in failed.stderr
    assert reason in failed.stderr
