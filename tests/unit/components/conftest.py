"""A real S3 server on loopback, set up by the program's own job."""

import hashlib
import os
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from components.storage import setup
from components.storage.bucket_policy import accounts_file, bucket_policy
from tests.unit.components.graph import ROOT
from tests.unit.crossfade.conftest import free_port

BIN = ROOT / ".crossfade" / "bin"
KEYS = {"root": "root-secret", "writer": "writer-secret", "reader": "reader-secret"}
BUCKET = "models"


@dataclass(frozen=True, kw_only=True)
class Store:
    """A server with the bucket set up, as in the cluster."""

    endpoint: str

    def client(self, key: str) -> Any:  # noqa: ANN401 -- boto3 has no types
        """Return an S3 client with one of the keys."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=key,
            aws_secret_access_key=KEYS[key],
            region_name="us-east-1",
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
        )

    def publish(self, path: str, files: dict[str, bytes], *, sums: dict[str, bytes] | None = None) -> None:
        """Upload files as the writer; with `sums`, SHA256SUMS last, over what is given there."""
        for name, content in files.items():
            self.client("writer").put_object(Bucket=BUCKET, Key=f"{path}/{name}", Body=content)
        if sums is not None:
            text = "".join(f"{hashlib.sha256(body).hexdigest()}  {name}\n" for name, body in sums.items())
            self.client("writer").put_object(Bucket=BUCKET, Key=f"{path}/SHA256SUMS", Body=text.encode())


def run_setup(endpoint: str, work: Path, **changes: str) -> subprocess.CompletedProcess[str]:
    work.mkdir(exist_ok=True)
    env = {
        "PATH": os.environ["PATH"],
        "ROOT_ACCESS_KEY_ID": "root",
        "ROOT_SECRET_ACCESS_KEY": KEYS["root"],
        "ENDPOINT": endpoint,
        "REGION": "us-east-1",
        "BUCKET": BUCKET,
        "POLICY": bucket_policy(BUCKET, reader="reader", writer="writer"),
        "WORK": str(work),
        **changes,
    }
    return subprocess.run(["/bin/sh", "-c", setup.SCRIPT], env=env, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    assert (BIN / "versitygw").is_file(), "versitygw is missing: `crossfade cluster tools` builds it"
    folder = tmp_path_factory.mktemp("store")
    for name in ("iam", "buckets", "metadata"):
        (folder / name).mkdir()
    accounts = folder / "iam" / "users.json"
    accounts.write_text(accounts_file(("writer", KEYS["writer"]), ("reader", KEYS["reader"])), encoding="utf-8")
    accounts.chmod(0o440)
    address = f"127.0.0.1:{free_port()}"
    process = subprocess.Popen(
        [
            *(
                str(BIN / "versitygw"),
                f"--port={address}",
                "--health=/health",
                f"--iam-dir={folder / 'iam'}",
                "--quiet",
            ),
            *("posix", f"--sidecar={folder / 'metadata'}", str(folder / "buckets")),
        ],
        env={"ROOT_ACCESS_KEY_ID": "root", "ROOT_SECRET_ACCESS_KEY": KEYS["root"]},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(f"http://{address}/health", process)
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(10)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 30
    while True:
        assert process.poll() is None, "versitygw ended"
        try:
            urllib.request.urlopen(url, timeout=5).close()  # noqa: S310 -- loopback
            return
        except OSError:
            assert time.monotonic() < until, f"nothing answers at {url}"
            time.sleep(0.05)


@pytest.fixture(scope="module")
def store(endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Store:
    done = run_setup(endpoint, tmp_path_factory.mktemp("setup"))
    assert done.returncode == 0, done.stderr
    return Store(endpoint=endpoint)
