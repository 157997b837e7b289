"""Which versions are loaded, when, and what happens to those that cannot be."""

# ruff: noqa: ANN401  (arrays, JSON values and generated messages have no useful static type here)

import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from modelserver_models import write_warmup
from modelserver_running import Client, request_for, serving
from tensorflow_serving.apis import get_model_status_pb2, model_management_pb2, prediction_log_pb2
from tensorflow_serving.config import file_system_storage_path_source_pb2 as source_pb2

from modelserver.status import Code, ServingError
from modelserver.versions import choose

# Generated protos declare their messages at run time, where the type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

POLL_ONCE = "--file_system_poll_wait_seconds=0"
NO_RETRY = "--max_num_load_retries=0"
ZERO = np.zeros(1, np.float32)


def copy(exported: Path, target: Path, *versions: int) -> Path:
    for version in versions:
        shutil.copytree(exported / "half" / str(2 - version % 2), target / str(version))
    return target


def states(client: Client, model: str = "default") -> dict[int, str]:
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = model
    answer = client.models.GetModelStatus(request)
    names = get_model_status_pb2.ModelVersionStatus.State
    return {entry.version: names.Name(entry.state) for entry in answer.model_version_status}


def refusal(*flags: str) -> ServingError:
    with pytest.raises(ServingError) as caught, serving(POLL_ONCE, NO_RETRY, *flags):
        pass
    return caught.value


numbers = st.sets(st.integers(0, 50))


@given(numbers, numbers, st.integers(0, 5))
def test_policies_choose(found: set[int], named: set[int], count: int) -> None:
    here = {version: Path(str(version)) for version in found}
    policy = source_pb2.FileSystemStoragePathSourceConfig.ServableVersionPolicy
    latest = policy()
    latest.latest.num_versions = count
    every = policy()
    every.all.SetInParent()
    specific = policy()
    specific.specific.versions.extend(named)
    assert set(choose(here, policy())) == set(sorted(found)[-1:])
    assert set(choose(here, latest)) == set(sorted(found)[-max(count, 1) :])
    assert set(choose(here, every)) == found
    assert not named or set(choose(here, specific)) == found & named


def test_folders_that_are_no_numbers_are_left_alone(exported: Path, tmp_path: Path) -> None:
    copy(exported, tmp_path, 3)
    (tmp_path / "latest").symlink_to("3")
    (tmp_path / "4.tmp").mkdir()
    with serving(f"--model_base_path={tmp_path}", POLL_ONCE) as client:
        assert states(client) == {3: "AVAILABLE"}


def damaged(kind: str, exported: Path, version: Path) -> str:
    if kind == "empty":
        version.mkdir(parents=True)
        return f"NOT_FOUND: Could not find SavedModel .pb or .pbtxt at supplied export directory path: {version}. "
    shutil.copytree(exported / "half" / "1", version)
    if kind == "corrupt":
        (version / "saved_model.pb").write_bytes(b"\xff" * 100)
        return f"DATA_LOSS: Can't parse {version}/saved_model.pb as binary proto"
    if kind == "tags":
        return "NOT_FOUND: Could not find meta graph def matching supplied tags: { gpu }. To inspect"
    data = next(version.glob("variables/*.data-*"))
    data.write_bytes(data.read_bytes()[:-2])
    return "OUT_OF_RANGE: Read less bytes than requested"


@pytest.mark.parametrize("kind", ["empty", "corrupt", "tags", "variables"])
def test_model_that_cannot_load_fails_the_start_and_names_version_and_reason(
    kind: str, exported: Path, tmp_path: Path
) -> None:
    reason = damaged(kind, exported, tmp_path / "7")
    tags = ["--saved_model_tags=gpu"] if kind == "tags" else []
    error = refusal(f"--model_base_path={tmp_path}", "--model_name=m", *tags)
    start = "1 servable(s) did not become available: {{{name: m version: 7} due to error: " + reason
    assert error.code == Code.UNKNOWN
    assert error.message.startswith(start)
    assert "\n" not in error.message


def test_load_is_retried(exported: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    damaged("empty", exported, tmp_path / "1")
    flags = [f"--model_base_path={tmp_path}", POLL_ONCE, "--max_num_load_retries=2", "--load_retry_interval_micros=-1"]
    with pytest.raises(ServingError), serving(*flags):
        pass
    assert sum("failed: NOT_FOUND" in record.getMessage() for record in caplog.records) == 3


def eventually(check: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_polling_moves_to_a_new_version_and_a_broken_one_changes_nothing(exported: Path, tmp_path: Path) -> None:
    base, staging = tmp_path / "base", tmp_path / "staging"
    copy(exported, base, 1)
    with serving(f"--model_base_path={base}", "--file_system_poll_wait_seconds=1", NO_RETRY) as client:
        copy(exported, staging, 2)
        (staging / "2").rename(base / "2")
        eventually(lambda: states(client) == {2: "AVAILABLE", 1: "END"})
        assert client.predict("default", x=ZERO)["y"].tolist() == [3.0]
        damaged("corrupt", exported, staging / "3")
        (staging / "3").rename(base / "3")
        eventually(lambda: states(client).get(3) == "END")
        assert states(client) == {3: "END", 2: "AVAILABLE", 1: "END"}
        answer = client.http.get("/v1/models/default/versions/3").json()["model_version_status"][0]
        assert answer["state"] == "END"
        assert answer["status"]["error_code"] == "DATA_LOSS"
        assert client.predict("default", x=ZERO)["y"].tolist() == [3.0]


def test_waits_for_a_first_version(exported: Path, tmp_path: Path) -> None:
    base, staging = tmp_path / "base", tmp_path / "staging"
    copy(exported, staging, 1)
    (staging / "1").rename(tmp_path / "ready")
    base.mkdir()

    timer = threading.Timer(0.2, lambda: (tmp_path / "ready").rename(base / "1"))
    timer.start()
    with serving(f"--model_base_path={base}", POLL_ONCE) as client:
        assert states(client) == {1: "AVAILABLE"}
    timer.join()


def test_label_of_an_unavailable_version_is_refused(exported: Path, config_file: Callable[..., str]) -> None:
    config = config_file(f'name: "m" base_path: "{exported}/half" version_labels {{ key: "a" value: 2 }}')
    error = refusal(config)
    assert str(error) == (
        "FAILED_PRECONDITION: Request to assign label to version 2 of model m, which is not currently available for "
        "inference"
    )


@pytest.mark.parametrize(
    ("models", "text"),
    [
        (['name: "a" base_path: "/a"'] * 2, "Illegal to list model a multiple times in config list"),
        (['name: "a" base_path: "b"'], "Expected model a to have an absolute path or URI; got base_path()=b"),
        (['name: "a" base_path: "s3://b/c"'], "stand-in for TensorFlow Serving reads local folders only"),
        (['name: "a" model_platform: "onnx" base_path: "/a"'], "Invalid protobuf file"),
        (['nome: "a"'], "Invalid protobuf file"),
    ],
)
def test_wrong_model_lists(config_file: Callable[..., str], models: list[str], text: str) -> None:
    assert text in str(refusal(config_file(*models)))


def test_reload_adds_and_drops_models(exported: Path) -> None:
    with serving(f"--model_base_path={exported}/half", POLL_ONCE, NO_RETRY) as client:

        def reload(*models: tuple[str, str]) -> Any:
            request = model_management_pb2.ReloadConfigRequest()
            request.config.model_config_list.SetInParent()
            for name, path in models:
                request.config.model_config_list.config.add(name=name, base_path=path, model_platform="tensorflow")
            return client.models.HandleReloadConfigRequest(request)

        assert reload(("default", f"{exported}/half"), ("other", f"{exported}/many")).status.error_code == 0
        assert client.predict("other", "word", n=np.array([1]))["word"].tolist() == [b"one"]
        reload(("other", f"{exported}/many"))
        eventually(lambda: states(client) == {2: "END"})
        with pytest.raises(grpc.RpcError) as caught:
            client.predict("default", x=ZERO)
        assert "Servable not found for request: Latest(default)" in str(caught.value)
        with pytest.raises(grpc.RpcError) as caught:
            client.models.HandleReloadConfigRequest(model_management_pb2.ReloadConfigRequest())
        assert "Only ModelConfigList is currently supported" in str(caught.value)


def predict_log(value: float, dtype: type = np.float32) -> bytes:
    log = prediction_log_pb2.PredictionLog()
    log.predict_log.request.CopyFrom(request_for("ignored", x=np.array([value], dtype)))
    return log.SerializeToString()


def test_warmup_runs_before_the_version_is_available(exported: Path, tmp_path: Path, monitoring: str) -> None:
    copy(exported, tmp_path, 1)
    write_warmup(tmp_path / "1", [predict_log(1.0)] * 3)
    with serving(f"--model_base_path={tmp_path}", POLL_ONCE, monitoring) as client:
        labels = f'{{model_path="{tmp_path}/1",status="OK"}}'
        assert client.metrics()[f":tensorflow:serving:model_warmup_records_read{labels}"] == 3
        assert client.metrics()[f":tensorflow:serving:model_warmup_latency_count{labels}"] == 1


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"not a TFRecord at all", "DATA_LOSS: .*Please verify your warmup data is in TFRecord format"),
        ([b"\xff\xff"], "INVALID_ARGUMENT: Failed to parse warmup record"),
        ([predict_log(0, np.int64)], "INVALID_ARGUMENT: Expects arg.0. to be float but int64 is provided"),
        ([predict_log(0)] * 1001, "INVALID_ARGUMENT: Number of warmup records exceeds the maximum .1000. at"),
    ],
)
def test_wrong_warmup_fails_the_load(exported: Path, tmp_path: Path, content: Any, text: str) -> None:
    copy(exported, tmp_path, 1)
    write_warmup(tmp_path / "1", content if isinstance(content, list) else [])
    if isinstance(content, bytes):
        (tmp_path / "1" / "assets.extra" / "tf_serving_warmup_requests").write_bytes(content)
    with pytest.raises(ServingError, match=text), serving(f"--model_base_path={tmp_path}", POLL_ONCE, NO_RETRY):
        pass
    with serving(f"--model_base_path={tmp_path}", POLL_ONCE, NO_RETRY, "--enable_model_warmup=false") as client:
        assert states(client) == {1: "AVAILABLE"}
