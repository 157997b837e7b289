"""Upload one immutable version: a claim first, the files, SHA256SUMS last.

SHA256SUMS is the commit marker: a version without it is not published. The claim is an object that holds the digest
of the version's SHA256SUMS. Publishers of the same files may share it, which is how an interrupted upload resumes; one
with other files is refused. Both objects are put with `If-None-Match: *`, so of several publishers at most one wins.
A store that ignores this condition is told apart (`Outcome.conditional`); there, publish a path from one place at a
time.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError

from crossfade import checksums
from crossfade.errors import RefusedError, ServerError
from crossfade.publishing.store import Target

CLAIM = ".crossfade-publishing"
CONDITION_FAILED = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}
Progress = Callable[[int], None]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What an upload did. `already` means that the same version was published before and nothing was sent."""

    uploaded: int
    kept: int
    sent_bytes: int
    already: bool
    conditional: bool
    """Whether the store honours If-None-Match, that is, whether concurrent publishers are kept apart."""


class Publisher:
    """One version on its way to one place. Raises ServerError where the store cannot be used."""

    def __init__(self, client: Any, target: Target, folder: Path) -> None:  # noqa: ANN401 - boto3 carries no types
        self._client = client
        self._target = target
        self._folder = folder
        self._sums = checksums.verify(folder)
        self._marker = checksums.render(self._sums)
        self._claim = hashlib.sha256(self._marker).hexdigest().encode()

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum((self._folder / name).stat().st_size for name in self._sums)

    def publish(self, *, take_over: bool = False, progress: Progress = lambda _: None) -> Outcome:
        """Upload what is missing. `progress` is called with numbers of bytes done; they add up to `size`.

        Raises RefusedError where another version is published there, or another upload is under way; `take_over` ends
        the latter's claim and removes its files.
        """
        try:
            return self._publish(take_over, progress)
        except ClientError as error:
            raise self._explained(error) from error
        except (BotoCoreError, Boto3Error) as error:
            raise ServerError(f"the store of {self._target} cannot be used: {error}") from error

    def _publish(self, take_over: bool, progress: Progress) -> Outcome:
        if self._already():
            return Outcome(uploaded=0, kept=len(self._sums), sent_bytes=0, already=True, conditional=True)
        conditional = self._take_claim(take_over)
        # The claim is removed after the marker is put: whoever claims later must look at the marker again.
        if self._already():
            self._client.delete_object(Bucket=self._target.bucket, Key=self._key(CLAIM))
            return Outcome(uploaded=0, kept=len(self._sums), sent_bytes=0, already=True, conditional=conditional)
        uploaded = sent = 0
        for name, digest in self._sums.items():
            size = (self._folder / name).stat().st_size
            if self._present(name, digest, size):
                progress(size)
                continue
            self._client.upload_file(
                str(self._folder / name),
                self._target.bucket,
                self._key(name),
                ExtraArgs={"Metadata": {"sha256": digest}},
                Callback=progress,
            )
            uploaded, sent = uploaded + 1, sent + size
        if not self._put_new(checksums.NAME, self._marker) and self._read(checksums.NAME) != self._marker:
            raise RefusedError(f"{self._target} was published by someone else at the same moment, with other files.")
        self._client.delete_object(Bucket=self._target.bucket, Key=self._key(CLAIM))
        return Outcome(
            uploaded=uploaded, kept=len(self._sums) - uploaded, sent_bytes=sent, already=False, conditional=conditional
        )

    def _already(self) -> bool:
        """Whether these very files are published. Raises RefusedError where others are."""
        published = self._read(checksums.NAME)
        if published is None or published == self._marker:
            return published is not None
        theirs = checksums.parse(published.decode(errors="replace"), f"{self._target}/{checksums.NAME}")
        wrong = sorted(name for name in theirs.keys() | self._sums.keys() if theirs.get(name) != self._sums.get(name))
        raise RefusedError(
            f"{self._target} is already published, with other files "
            f"({', '.join(wrong[:3])}{' …' if len(wrong) > 3 else ''}).\n"
            "A published version never changes: servers may be running it. Publish under the next number instead."
        )

    def _take_claim(self, take_over: bool) -> bool:
        """Hold the claim. Return whether the store honours conditions."""
        if take_over:
            self._remove_all()
        elif self._read(CLAIM) is None and (foreign := self._listed()):
            raise RefusedError(
                f"{self._target} already holds {len(foreign)} objects that crossfade did not put there"
                f" ({foreign[0]} …).\n"
                "Publish under another path, or give --take-over to remove them first."
            )
        self._put_new(CLAIM, self._claim)
        # Read back: it is ours, or it was there before, or a store without conditions let somebody overwrite it.
        if self._read(CLAIM) != self._claim:
            raise RefusedError(
                f"another upload to {self._target}, with other files, is under way or was interrupted.\n"
                "Wait for it; or, when you know that it is dead, give --take-over to remove what it left."
            )
        return not self._put_new(CLAIM, self._claim)

    def _put_new(self, name: str, body: bytes) -> bool:
        """Put an object unless it exists. Return whether it was put."""
        try:
            self._client.put_object(Bucket=self._target.bucket, Key=self._key(name), Body=body, IfNoneMatch="*")
        except ClientError as error:
            if _code(error) in CONDITION_FAILED:
                return False
            if _code(error) != "NotImplemented":
                raise
            self._client.put_object(Bucket=self._target.bucket, Key=self._key(name), Body=body)
        return True

    def _read(self, name: str) -> bytes | None:
        try:
            return self._client.get_object(Bucket=self._target.bucket, Key=self._key(name))["Body"].read()
        except ClientError as error:
            if _code(error) in {"NoSuchKey", "404"}:
                return None
            raise

    def _present(self, name: str, digest: str, size: int) -> bool:
        try:
            head = self._client.head_object(Bucket=self._target.bucket, Key=self._key(name))
        except ClientError as error:
            if _code(error) in {"NoSuchKey", "NotFound", "404"}:
                return False
            raise
        return head["ContentLength"] == size and head.get("Metadata", {}).get("sha256") == digest

    def _listed(self) -> list[str]:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._target.bucket, Prefix=f"{self._target.path}/"
        )
        return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def _remove_all(self) -> None:
        # Not a marker: one that came in the meantime makes the version published.
        for key in self._listed():
            if key == self._key(checksums.NAME):
                continue
            self._client.delete_object(Bucket=self._target.bucket, Key=key)

    def _key(self, name: str) -> str:
        return f"{self._target.path}/{name}"

    def _explained(self, error: ClientError) -> ServerError:
        code = _code(error)
        reasons = {
            "NoSuchBucket": f"there is no bucket {self._target.bucket}; `pulumi up` makes the stack's own",
            "AccessDenied": "the key may not write there",
            "InvalidAccessKeyId": "the store does not know the access key",
            "SignatureDoesNotMatch": "the store refuses the access key's secret",
        }
        return ServerError(f"cannot publish to {self._target}: {reasons.get(code, str(error))}.", code)


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
