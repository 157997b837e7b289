"""The clients and `crossfade predict`, against a real server on loopback."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from crossfade import inputs
from crossfade.cli import run
from crossfade.client import GrpcClient, RestClient, tensors
from crossfade.client import types as client_types
from crossfade.errors import InputError, ServerError
from crossfade.protos import tensor_pb2, types_pb2
from tests.unit.crossfade.conftest import TinyServer, free_port

Tiny = Callable[..., TinyServer]


def digit(value: int) -> np.ndarray:
    image = np.zeros((1, 28, 28), dtype=np.float32)
    image[0, 0, 0] = value / 10
    return image


def test_grpc_tells_outputs_version_and_route(tiny: Tiny) -> None:
    with GrpcClient(tiny().grpc, headers=[("User-Group", "canary")]) as client:
        answer = client.predict("mnist", {"image": digit(7)})
    assert answer.outputs["probabilities"].argmax() == 7
    assert answer.outputs["probabilities"].dtype == np.float32
    assert (answer.model, answer.version, answer.route, answer.signature) == ("mnist", 1, "v1", "serving_default")


def test_rest_tells_outputs_and_route(tiny: Tiny) -> None:
    server = tiny(canary_every=1)
    with RestClient(server.rest, headers=[("user-group", "canary")]) as client:
        answer = client.predict("mnist", {"image": digit(3)})
    assert answer.outputs["probabilities"].argmax() == 3
    assert (answer.version, answer.route) == (None, "v2")
    assert {key.lower(): value for key, value in server.behaviour.told_headers[0].items()}["user-group"] == "canary"


def test_errors_carry_the_servers_code_and_words(tiny: Tiny) -> None:
    server = tiny()
    with GrpcClient(server.grpc) as client, pytest.raises(ServerError, match="Servable not found") as failure:
        client.predict("nope", {"image": digit(0)})
    assert failure.value.code == "NOT_FOUND"
    with RestClient(server.rest) as client, pytest.raises(ServerError, match="Servable not found") as failure:
        client.predict("nope", {"image": digit(0)})
    assert failure.value.code == "HTTP 404"


def test_a_failed_call_is_not_repeated(tiny: Tiny) -> None:
    server = tiny(fail_every=1)
    with GrpcClient(server.grpc) as client, pytest.raises(ServerError, match="UNAVAILABLE"):
        client.predict("mnist", {"image": digit(0)})
    with RestClient(server.rest) as client, pytest.raises(ServerError, match="503"):
        client.predict("mnist", {"image": digit(0)})
    assert server.behaviour.count == 2


def test_a_slow_answer_ends_at_the_deadline(tiny: Tiny) -> None:
    server = tiny(delay=1.0)
    with GrpcClient(server.grpc, deadline=0.1) as client, pytest.raises(ServerError, match="in time") as failure:
        client.predict("mnist", {"image": digit(0)})
    assert failure.value.code == "DEADLINE_EXCEEDED"
    with RestClient(server.rest, deadline=0.1) as client, pytest.raises(ServerError, match="in time"):
        client.predict("mnist", {"image": digit(0)})


def test_nobody_there_is_told_plainly() -> None:
    address = f"127.0.0.1:{free_port()}"
    with GrpcClient(address) as client, pytest.raises(ServerError, match="cannot be reached"):
        client.predict("mnist", {"image": digit(0)})
    with RestClient(address) as client, pytest.raises(ServerError, match="cannot be reached"):
        client.predict("mnist", {"image": digit(0)})


def test_batches_past_grpcs_own_limit_of_4_mb_go_and_come(tiny: Tiny) -> None:
    images = np.full((2000, 28, 28), 0.5, dtype=np.float32)  # 6.3 MB each way
    with GrpcClient(tiny().grpc) as client:
        answer = client.predict("mnist", {"image": images})
    np.testing.assert_array_equal(answer.outputs["echo"], images)


@pytest.mark.parametrize("text", ["", "host", "host:", "host:0", "host:65536", "http://host:80", "a b:80", "host:80/x"])
def test_an_address_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="HOST:PORT"):
        client_types.address(text)


@given(
    hnp.arrays(
        st.sampled_from([np.float32, np.float64, np.int32, np.int64, np.uint8, np.bool_]),
        hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
    )
)
def test_tensors_survive_the_way_there_and_back(array: np.ndarray) -> None:
    back = tensors.from_proto(tensors.to_proto(array))
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)


def test_strings_and_short_value_fields_are_read_as_tensorflow_writes_them() -> None:
    words = np.array([b"a", b"bc"], dtype=object)
    np.testing.assert_array_equal(tensors.from_proto(tensors.to_proto(words)), words)
    proto = tensor_pb2.TensorProto(dtype=types_pb2.DT_FLOAT, float_val=[1.0, 2.0])
    proto.tensor_shape.dim.add(size=4)
    assert tensors.from_proto(proto).tolist() == [1.0, 2.0, 2.0, 2.0]
    proto.tensor_shape.dim[0].size = 1
    with pytest.raises(ServerError, match="2 values"):
        tensors.from_proto(proto)
    with pytest.raises(InputError, match="complex128"):
        tensors.to_proto(np.array([1j]))


def test_predict_prints_json_from_a_picture(tiny: Tiny, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "digit.png"
    Image.fromarray(np.zeros((56, 56), dtype=np.uint8)).save(picture)
    assert run(["predict", str(picture), "--server", tiny().grpc, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["predictions"] == [{"label": 0, "probability": 1.0}]
    assert (answer["model"], answer["version"], answer["route"]) == ("mnist", 1, "v1")


def test_predict_ends_wrong_input_in_a_message_and_code_2(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    large, text = tmp_path / "large.npy", tmp_path / "words.txt"
    np.save(large, np.full((28, 28), 255.0))
    text.write_text("seven")
    for arguments, reason in (
        ([], "either a file or --digit"),
        ([str(large)], "divide by 255"),
        ([str(text)], "suffix"),
        ([str(tmp_path / "none.png")], "there is no file"),
        ([str(large), "--header", "bad name=1"], "NAME=VALUE"),
    ):
        assert run(["predict", "--server", "127.0.0.1:1", *arguments]) == 2
        assert reason in capfd.readouterr().err


def test_dark_digits_on_light_paper_are_turned_over(tmp_path: Path) -> None:
    paper = np.full((28, 28), 255, dtype=np.uint8)
    paper[10:18, 13:15] = 0
    Image.fromarray(paper).save(tmp_path / "paper.png")
    image = inputs.from_file(tmp_path / "paper.png")
    assert image.shape == (1, 28, 28)
    assert image[0, 0, 0] == 0.0
    assert image[0, 12, 13] == 1.0


def test_json_is_taken_as_tensorflow_serving_takes_it(tmp_path: Path) -> None:
    path = tmp_path / "in.json"
    for document in ([0.5] * 784, {"instances": [[0.5] * 784] * 2}, {"inputs": {"image": [[[0.5] * 28] * 28]}}):
        path.write_text(json.dumps(document))
        assert inputs.from_file(path).shape[1:] == (28, 28)
    for document in ({"other": 1}, [0.5] * 783, ["a"], [[0.1, 0.2], [0.3]], []):
        path.write_text(json.dumps(document))
        with pytest.raises(InputError):
            inputs.from_file(path)


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_help_and_client_import_nothing_heavy() -> None:
    python(
        "import sys\nfrom crossfade.cli import run\nassert run(['--help']) == 0\n"
        "heavy = {'tensorflow', 'pulumi', 'boto3', 'matplotlib', 'kubernetes'}\n"
        "assert not heavy & set(sys.modules)\n"
        "import crossfade.client\nassert not heavy & set(sys.modules)"
    )


@pytest.mark.parametrize("first", ["crossfade.protos", "tensorflow"])
def test_protos_and_tensorflow_live_together_in_either_order(first: str) -> None:
    assert (
        python(
            f"import importlib\nimportlib.import_module({first!r})\n"
            "import tensorflow as tf\nfrom crossfade import protos\n"
            "request = protos.predict_pb2.PredictRequest()\n"
            "request.inputs['x'].CopyFrom(tf.make_tensor_proto([1.0]))\n"
            "from tensorflow_serving.apis import predict_pb2\n"
            "assert predict_pb2 is protos.predict_pb2\n"
            "print(float(tf.reduce_sum(tf.make_ndarray(request.inputs['x']))), tf.__version__ != '')"
        )
        == "1.0 True"
    )
