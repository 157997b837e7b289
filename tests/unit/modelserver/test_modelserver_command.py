"""The command: flags, exit codes, last words, a container's surroundings, and draining on SIGTERM."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import grpc
import httpx
import numpy as np
import pytest
from modelserver_running import command, environment, request_for, run_command
from tensorflow_serving.apis import get_model_status_pb2

from modelserver.flags import FlagError, Flags, parse

# Generated protos declare their messages at run time, where the type checker cannot see them.
# pyright: reportAttributeAccessIssue=false


def test_flags_have_tensorflow_servings_form_and_defaults() -> None:
    flags = parse(["--port=1", "--enable_batching", "--enable_model_warmup=false", "--model_name=m"])
    assert (flags.port, flags.enable_batching, flags.enable_model_warmup, flags.model_name) == (1, True, False, "m")
    default = Flags()
    assert (default.port, default.rest_api_port, default.model_name) == (8500, 0, "default")
    assert (default.max_num_load_retries, default.load_retry_interval_micros) == (5, 60_000_000)
    assert (default.file_system_poll_wait_seconds, default.rest_api_timeout_in_ms) == (1, 30_000)


@pytest.mark.parametrize(
    ("argument", "text"),
    [
        ("--nope=1", "unknown argument: --nope=1"),
        ("port=1", "unknown argument: port=1"),
        ("--port", "--port needs a value"),
        ("--port=x", "Couldn't interpret value x for flag port."),
        ("--enable_batching=maybe", "Couldn't interpret value maybe for flag enable_batching."),
        ("--ssl_config_file=/x", "--ssl_config_file is a flag of TensorFlow Serving that this stand-in"),
        ("--use_alts_credentials", "--use_alts_credentials is a flag of TensorFlow Serving that this stand-in"),
    ],
)
def test_wrong_flags_are_named(argument: str, text: str) -> None:
    with pytest.raises(FlagError) as caught:
        parse([argument])
    assert str(caught.value).startswith(text)


def test_flags_that_ask_for_nothing_are_accepted() -> None:
    assert parse(["--ssl_config_file=", "--use_alts_credentials=false", "--flush_filesystem_caches=true"]) == Flags()


def test_version_says_stand_in() -> None:
    done = run_command("--version")
    assert done.returncode == 0
    assert done.stdout.startswith(
        "TensorFlow ModelServer: 2.21.0 (stand-in for TensorFlow Serving)\nTensorFlow Library: "
    )


def test_unknown_flag_prints_usage() -> None:
    done = run_command("--nope")
    assert done.returncode == 2
    assert "usage:" in done.stderr
    assert done.stderr.splitlines()[-1] == "unknown argument: --nope"


def test_failed_load_ends_in_one_line_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "2").mkdir()
    done = run_command(
        f"--model_base_path={tmp_path}",
        "--model_name=mnist",
        "--max_num_load_retries=0",
        "--file_system_poll_wait_seconds=0",
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "Failed to start server. Error: UNKNOWN: 1 servable(s) did not become available: {{{name: mnist version: 2} "
        "due to error: NOT_FOUND: Could not find SavedModel .pb or .pbtxt at supplied export directory path: "
        f"{tmp_path}/2. Check that the directory exists and that you have the right permissions for accessing it.}}, }}"
    )
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("flag", ["--model_config_file=/nowhere/models.config", "--monitoring_config_file=/nowhere"])
def test_missing_file_is_named(flag: str) -> None:
    done = run_command(flag, "--model_base_path=/x")
    assert done.returncode == 1
    assert flag.partition("=")[2] in done.stderr.splitlines()[-1]


def test_taken_port_is_named(exported: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))  # noqa: S104
        taken.listen()
        done = run_command(f"--port={taken.getsockname()[1]}", f"--model_base_path={exported}/half")
    assert done.returncode == 1
    assert "the port is taken" in done.stderr.splitlines()[-1]


def test_sigterm_answers_what_is_under_way_and_exits_zero(exported: Path) -> None:
    body = b'{"instances": [4]}'
    with (
        command(f"--model_base_path={exported}/many", "--file_system_poll_wait_seconds=0") as running,
        socket.create_connection(("127.0.0.1", running.client.rest_port), timeout=60) as rest,
        socket.create_connection(("127.0.0.1", running.client.rest_port), timeout=60) as idle,
    ):
        # gRPC: a run of about a second. The status call after it on the same connection shows that it has arrived.
        slow = running.client.prediction.Predict.future(request_for("default", "slow", n=np.array([100_000])))
        asked = get_model_status_pb2.GetModelStatusRequest()
        asked.model_spec.name = "default"
        running.client.models.GetModelStatus(asked)
        # REST: a request whose second half comes after the signal.
        head = b"POST /v1/models/default:predict HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body)
        rest.sendall(head + body[:5])
        assert running.client.http.get("/v1/models/default").status_code == 200
        running.process.send_signal(signal.SIGTERM)
        assert idle.recv(1) == b""  # idle connections close: the signal has been taken
        with pytest.raises(httpx.TransportError):
            httpx.get(f"http://127.0.0.1:{running.client.rest_port}/v1/models/default")
        assert running.process.poll() is None
        rest.sendall(body[5:])
        answer = rest.recv(65536)
        assert answer.startswith(b"HTTP/1.1 400 ")  # one row is no [batch, 3]: an answer, not a cut connection
        assert b"Connection: close" in answer
        assert list(slow.result(60).outputs["steps"].int64_val) == [100_000]
        with pytest.raises(grpc.RpcError):
            running.client.models.GetModelStatus(asked, timeout=10)
        assert running.process.wait(60) == 0


def test_stops_while_waiting_for_a_model(tmp_path: Path) -> None:
    line = [sys.executable, "-m", "modelserver", f"--model_base_path={tmp_path}"]
    with subprocess.Popen(line, cwd="/", env=environment(), stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        while "No versions of servable" not in (said := process.stderr.readline()):
            assert said
        process.send_signal(signal.SIGTERM)
        process.stderr.read()
        assert process.wait(60) == 0


def test_keeps_its_memory_and_its_stderr_small(exported: Path) -> None:
    with command(f"--model_base_path={exported}/half", "--tensorflow_session_parallelism=1") as running:
        running.client.predict("default", x=np.zeros(1, np.float32))
        status = Path(f"/proc/{running.process.pid}/status").read_text()
        private = int(next(line for line in status.splitlines() if line.startswith("RssAnon")).split()[1])
        assert private < 200_000  # kB; the rest is the shared library, which all servers of a machine share
        running.process.send_signal(signal.SIGTERM)
        assert running.process.stderr is not None
        assert all("] " in line for line in running.process.stderr.read().splitlines())
