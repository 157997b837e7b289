"""Publishing: one immutable version, its marker last, at most one winner."""

import threading
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from crossfade import checksums
from crossfade.cli import run
from crossfade.errors import InputError, RefusedError, ServerError
from crossfade.publishing import saved_model as checker
from crossfade.publishing.store import Keys, Target, connect
from crossfade.publishing.upload import CLAIM, Outcome, Publisher
from tests.unit.crossfade.conftest import S3


def keys(s3: S3) -> dict[str, bytes]:
    listed = s3.client.list_objects_v2(Bucket=s3.bucket).get("Contents", [])
    return {item["Key"]: s3.client.get_object(Bucket=s3.bucket, Key=item["Key"])["Body"].read() for item in listed}


def target(s3: S3, path: str = "mnist/1") -> Target:
    return Target.parse(f"s3://{s3.bucket}/{path}")


def test_every_file_and_the_marker_arrive_and_the_claim_goes(s3: S3, saved_model: Path) -> None:
    outcome = Publisher(s3.client, target(s3), saved_model).publish()
    found = keys(s3)
    assert set(found) == {"mnist/1/saved_model.pb", "mnist/1/assets/labels.txt", "mnist/1/SHA256SUMS"}
    assert found["mnist/1/saved_model.pb"] == (saved_model / "saved_model.pb").read_bytes()
    assert checksums.parse(found["mnist/1/SHA256SUMS"].decode(), "marker") == checksums.of_folder(saved_model)
    assert outcome.uploaded == 2
    assert outcome.conditional


def test_a_published_version_is_never_overwritten(s3: S3, saved_model: Path) -> None:
    Publisher(s3.client, target(s3), saved_model).publish()
    before = keys(s3)
    (saved_model / "assets" / "labels.txt").write_text("changed\n")
    for take_over in (False, True):
        with pytest.raises(RefusedError, match=r"already published, with other files \(assets/labels.txt\)"):
            Publisher(s3.client, target(s3), saved_model).publish(take_over=take_over)
    assert keys(s3) == before


def test_publishing_the_same_files_again_sends_nothing(s3: S3, saved_model: Path) -> None:
    Publisher(s3.client, target(s3), saved_model).publish()
    outcome = Publisher(s3.client, target(s3), saved_model).publish()
    assert outcome == Outcome(uploaded=0, kept=2, sent_bytes=0, already=True, conditional=True)


class Broken:
    """A client that fails at the n-th upload, as a lost connection does."""

    def __init__(self, inner: object, fail_at: int) -> None:
        self._inner, self._left = inner, fail_at

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def upload_file(self, *arguments: object, **more: object) -> None:
        """Upload, or fail when it is time to."""
        self._left -= 1
        if not self._left:
            raise ClientError({"Error": {"Code": "InternalError", "Message": "gone"}}, "PutObject")
        self._inner.upload_file(*arguments, **more)  # type: ignore[attr-defined]


def interrupt(s3: S3, folder: Path) -> None:
    with pytest.raises(ServerError, match="gone"):
        Publisher(Broken(s3.client, 2), target(s3), folder).publish()


def test_an_interrupted_upload_has_no_marker_and_resumes(s3: S3, saved_model: Path) -> None:
    interrupt(s3, saved_model)
    assert "mnist/1/SHA256SUMS" not in keys(s3)
    outcome = Publisher(s3.client, target(s3), saved_model).publish()
    assert (outcome.uploaded, outcome.kept) == (1, 1)
    assert f"mnist/1/{CLAIM}" not in keys(s3)


def test_another_versions_interrupted_upload_is_refused_until_taken_over(s3: S3, saved_model: Path) -> None:
    interrupt(s3, saved_model)
    (saved_model / "assets" / "labels.txt").rename(saved_model / "assets" / "names.txt")
    with pytest.raises(RefusedError, match="--take-over"):
        Publisher(s3.client, target(s3), saved_model).publish()
    Publisher(s3.client, target(s3), saved_model).publish(take_over=True)
    assert set(keys(s3)) == {"mnist/1/saved_model.pb", "mnist/1/assets/names.txt", "mnist/1/SHA256SUMS"}


def test_objects_put_there_by_others_are_not_overwritten(s3: S3, saved_model: Path) -> None:
    s3.client.put_object(Bucket=s3.bucket, Key="mnist/1/saved_model.pb", Body=b"theirs")
    with pytest.raises(RefusedError, match="did not put there"):
        Publisher(s3.client, target(s3), saved_model).publish()
    assert keys(s3) == {"mnist/1/saved_model.pb": b"theirs"}


def test_of_concurrent_publishers_of_different_files_exactly_one_version_stands(
    s3: S3, s3_server: str, tmp_path: Path
) -> None:
    folders: list[Path] = []
    for number in range(4):
        folder = tmp_path / str(number)
        folder.mkdir()
        for part in range(3):
            (folder / f"part{part}").write_text(f"publisher {number}\n" * 50)
        folders.append(folder)
    gate = threading.Barrier(len(folders))
    wins: list[Path] = []

    def work(folder: Path) -> None:
        client = connect(s3_server, Keys("root-key", "root-secret"))
        publisher = Publisher(client, target(s3), folder)
        gate.wait()
        try:
            publisher.publish()
        except RefusedError:
            return
        wins.append(folder)

    threads = [threading.Thread(target=work, args=(folder,)) for folder in folders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(wins) == 1
    found = {key.removeprefix("mnist/1/"): body for key, body in keys(s3).items()}
    assert found.pop("SHA256SUMS") == checksums.render(checksums.of_folder(wins[0]))
    assert found == {f"part{part}": (wins[0] / f"part{part}").read_bytes() for part in range(3)}


def test_a_folder_that_differs_from_its_own_sums_is_not_published(s3: S3, saved_model: Path) -> None:
    (saved_model / checksums.NAME).write_bytes(checksums.render(checksums.of_folder(saved_model)))
    (saved_model / "assets" / "labels.txt").write_text("damaged")
    with pytest.raises(InputError, match=r"assets/labels\.txt"):
        Publisher(s3.client, target(s3), saved_model)


def test_a_missing_bucket_and_a_wrong_key_are_told(s3: S3, saved_model: Path) -> None:
    with pytest.raises(ServerError, match="there is no bucket no-such-bucket"):
        Publisher(s3.client, Target("no-such-bucket", "mnist/1"), saved_model).publish()
    with pytest.raises(ServerError, match="secret"):
        Publisher(connect(s3.endpoint, Keys("root-key", "wrong")), target(s3), saved_model).publish()


def test_the_command_refuses_a_second_time_and_shows_no_secret(
    s3: S3, saved_model: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MY_ID", "root-key")
    monkeypatch.setenv("MY_SECRET", "root-secret")
    command = ["publish", str(saved_model), f"s3://{s3.bucket}/mnist/1", "--endpoint", s3.endpoint]
    command += ["--access-key-env", "MY_ID", "--secret-key-env", "MY_SECRET"]
    assert run(command) == 0
    assert run(command) == 4
    assert run([*command, "--keep-existing"]) == 0
    said = capfd.readouterr()
    assert "already published" in said.err
    assert "root-secret" not in said.out + said.err
    monkeypatch.delenv("MY_SECRET")
    assert run(command) == 2


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "mnist/1",
        "gs://bucket/mnist/1",
        "s3://bucket",
        "s3://bucket/",
        "s3://bucket/a/../b",
        "s3://b/a",
        "s3://bucket//a",
    ],
)
def test_a_place_that_is_none_is_refused(uri: str) -> None:
    with pytest.raises(InputError, match="s3://bucket/path"):
        Target.parse(uri)


def test_an_access_keys_secret_is_not_in_its_repr() -> None:
    assert "hidden" not in repr(Keys("id", "hidden"))


def test_a_good_model_names_its_signatures(saved_model: Path) -> None:
    assert checker.check(saved_model) == ["serving_default"]


def test_a_folder_without_a_model_points_to_the_one_below(saved_model: Path) -> None:
    with pytest.raises(InputError, match=rf"Did you mean {saved_model}"):
        checker.check(saved_model.parent)
    with pytest.raises(InputError, match="not a folder"):
        checker.check(saved_model / "nope")


@pytest.mark.parametrize(("content", "reason"), [(b"\xff\xff\xff\xff garbage", "corrupt"), (b"", "tag `serve`")])
def test_a_corrupt_graph_is_refused(saved_model: Path, content: bytes, reason: str) -> None:
    (saved_model / "saved_model.pb").write_bytes(content)
    with pytest.raises(InputError, match=reason):
        checker.check(saved_model)


def test_a_truncated_graph_is_refused(saved_model: Path) -> None:
    whole = (saved_model / "saved_model.pb").read_bytes()
    (saved_model / "saved_model.pb").write_bytes(whole[:-3])
    with pytest.raises(InputError, match="corrupt"):
        checker.check(saved_model)
