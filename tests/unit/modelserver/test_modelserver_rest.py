"""What the REST port answers: formats, statuses and texts, also for input nobody should send."""

# ruff: noqa: ANN401  (arrays, JSON values and generated messages have no useful static type here)

import base64
import gzip
import json
import math
import socket
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from modelserver_running import Client, serving

from modelserver.json_input import ROW
from modelserver.json_output import decimals, write_predict
from modelserver.status import ServingError


def post(client: Client, url: str, document: Any) -> tuple[int, Any]:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    answer = client.http.post(f"/v1/models/{url}", content=body)
    assert answer.headers["content-type"] == "application/json"
    return answer.status_code, answer.json()


def test_row_and_column_layouts(client: Client) -> None:
    rows = client.http.post("/v1/models/half:predict", json={"instances": [1.0, 2, 5]})
    assert rows.text == '{\n    "predictions": [3.5, 4.0, 5.5\n    ]\n}'
    columns = client.http.post("/v1/models/half:predict", json={"inputs": [1.0, 2]})
    assert columns.text == '{\n    "outputs": [\n        3.5,\n        4.0\n    ]\n}'


def test_several_outputs_are_objects_by_row_and_lists_by_column(client: Client) -> None:
    document = [[1, 0, 0], [0, 2, 0.5]]
    assert post(client, "many:predict", {"instances": document}) == (
        200,
        {"predictions": [{"best": 0, "scores": [1.0, 0.0]}, {"best": 1, "scores": [0.5, 2.5]}]},
    )
    assert post(client, "many:predict", {"inputs": {"m": document}}) == (
        200,
        {"outputs": {"best": [0, 1], "scores": [[1.0, 0.0], [0.5, 2.5]]}},
    )


def test_named_inputs(client: Client) -> None:
    two = {"signature_name": "two"}
    assert post(client, "many:predict", {**two, "instances": [{"a": 1, "b": [2, 3]}, {"a": 0.5, "b": [0, 0]}]}) == (
        200,
        {"predictions": [6.0, 0.5]},
    )
    assert post(client, "many:predict", {**two, "inputs": {"a": [1], "b": [[2, 3]]}}) == (200, {"outputs": [6.0]})


def test_strings_and_b64(client: Client) -> None:
    raw = base64.b64encode(b"\xff\x01").decode()
    status, answer = post(
        client,
        "many:predict",
        {"signature_name": "strings", "instances": ["é", {"b64": base64.b64encode(b"hello").decode()}]},
    )
    assert status == 200
    assert [row["echo"] for row in answer["predictions"]] == ["é", "hello"]
    assert [row["long"] for row in answer["predictions"]] == [False, True]
    assert answer["predictions"][1]["echo_bytes"] == {"b64": "aGVsbG8="}
    column = client.http.post(
        "/v1/models/many:predict", json={"signature_name": "strings", "inputs": {"s": [{"b64": raw}]}}
    )
    assert b'"echo_bytes": [\n            {"b64": "' + raw.encode() + b'"}' in column.content


def test_nan_and_infinity_are_bare_tokens(client: Client) -> None:
    answer = client.http.post("/v1/models/half:predict", content=b'{"instances": [NaN, Infinity, -Infinity]}')
    assert answer.text == '{\n    "predictions": [NaN, Infinity, -Infinity\n    ]\n}'


@pytest.mark.parametrize("target", ["half/versions/1", "half/labels/stable", "half/labels/sta%62le"])
def test_version_and_label_urls(client: Client, target: str) -> None:
    assert post(client, f"{target}:predict", {"instances": [0]}) == (200, {"predictions": [2.0]})


def test_status_and_metadata_documents(client: Client) -> None:
    status = client.http.get("/v1/models/half/versions/1").json()
    assert status == {
        "model_version_status": [
            {"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
        ]
    }
    metadata = client.http.get("/v1/models/half/labels/stable/metadata").json()
    assert metadata["model_spec"] == {"name": "half", "signature_name": "", "version": "1"}
    signature = metadata["metadata"]["signature_def"]["signature_def"]["serving_default"]
    assert signature["inputs"]["x"] == {
        "dtype": "DT_FLOAT",
        "name": "serving_default_x:0",
        "tensor_shape": {"dim": [{"size": "-1", "name": ""}], "unknown_rank": False},
    }
    assert signature["method_name"] == "tensorflow/serving/predict"


@pytest.mark.parametrize(
    ("method", "url", "status", "text"),
    [
        ("POST", "/v1/models/half", 400, "Malformed request: POST /v1/models/half"),
        ("POST", "/v1/models/half:explain", 400, "Malformed request: POST /v1/models/half:explain"),
        ("PUT", "/v1/models/half:predict", 400, "Malformed request: PUT /v1/models/half:predict"),
        ("GET", "/v1/models/half:predict", 400, "Malformed request: GET /v1/models/half:predict"),
        ("GET", "/v1/models", 400, "Missing model name in request."),
        ("GET", "/v1/models/foo", 404, "Could not find any versions of model foo"),
        ("GET", "/v1/models/half/versions/9", 404, "Could not find version 9 of model half"),
        ("GET", "/v1/models/half/versions/9/metadata", 404, "Servable not found for request: Specific(half, 9)"),
        ("GET", f"/v1/models/half/versions/{2**64}", 400, f"Failed to convert version: {2**64} to numeric."),
        ("OPTIONS", "/v1/models/half:predict", 400, "Origin header is missing in CORS preflight"),
    ],
)
def test_wrong_urls(client: Client, method: str, url: str, status: int, text: str) -> None:
    answer = client.http.request(method, url, content=b"{}")
    assert (answer.status_code, answer.json()) == (status, {"error": text})


def test_unknown_paths_are_not_found(client: Client) -> None:
    assert client.http.get("/").status_code == 404
    assert client.http.get("/metrics").status_code == 404


@pytest.mark.parametrize(
    ("url", "body", "status", "text"),
    [
        ("foo", {"instances": [1]}, 404, "Servable not found for request: Latest(foo)"),
        ("half/labels/x", {"instances": [1]}, 400, "Unrecognized servable version label: x"),
        (
            "half",
            {"signature_name": "s", "instances": [1]},
            400,
            'Serving signature name: "s" not found in signature def',
        ),
        ("half", b"", 400, "JSON Parse error: The document is empty"),
        ("half", b"  ", 400, "JSON Parse error: The document is empty. at offset: 2"),
        (
            "half",
            b'{"instances": [1',
            400,
            "JSON Parse error: Missing a comma or ] after an array element. at offset: 16",
        ),
        ("half", b'{"a": 1 "b"', 400, "JSON Parse error: Missing a comma or } after an object member. at offset: 8"),
        ("half", b'{"a" 1}', 400, "JSON Parse error: Missing a colon after a name of object member. at offset: 5"),
        ("half", b"{1}", 400, "JSON Parse error: Missing a name for object member. at offset: 1"),
        ("half", b'{"a": x}', 400, "JSON Parse error: Invalid value. at offset: 6"),
        ("half", b'{"a', 400, "JSON Parse error: Missing a closing quotation mark in string. at offset: 3"),
        ("half", b"[1, 2]", 400, "JSON Value: [1, 2] Is not object"),
        ("half", {}, 400, "Missing 'inputs' or 'instances' key"),
        ("half", {"instances": []}, 400, "JSON Value: {\n    \"instances\": []\n} No values in 'instances' array"),
        (
            "half",
            {"instances": 1},
            400,
            "JSON Value: {\n    \"instances\": 1\n} Expecting 'instances' to be an list/array",
        ),
        (
            "half",
            {"instances": ["a"]},
            400,
            (
                "Failed to process element: 0 of 'instances' list. Error: INVALID_ARGUMENT: JSON Value: "
                '"a" Type: String '
                "is not of expected type: float"
            ),
        ),
        (
            "half",
            {"instances": [1, True]},
            400,
            (
                "Failed to process element: 1 of 'instances' list. Error: INVALID_ARGUMENT: JSON Value: "
                "true Type: True is "
                "not of expected type: float"
            ),
        ),
        (
            "many",
            {"instances": [[1, 2, 3], [1, 2]]},
            400,
            (
                "Failed to process element: 1 of 'instances' list. Error: INVALID_ARGUMENT: Expecting "
                "tensor size: 3 but "
                "got: 2"
            ),
        ),
        ("many", {"inputs": [[1, 2], [1]]}, 400, "Encountered list at unexpected size: 1 at level: 1 expected size: 2"),
        (
            "many",
            {"inputs": [[1], 2]},
            400,
            "JSON Value: 2 found at incorrect level: 2 in the JSON DOM. Expected at level: 2",
        ),
        ("many", {"inputs": {"z": 1}}, 400, "Missing named input: m in 'inputs' object."),
        (
            "many",
            {"signature_name": "two", "instances": [1]},
            400,
            (
                "instances is a plain list, but expecting list of objects as multiple input tensors required as per "
                "tensorinfo_map"
            ),
        ),
        (
            "many",
            {"signature_name": "two", "instances": [{"a": 1, "c": 1}]},
            400,
            (
                "Failed to process element: 0 key: c of 'instances' list. Error: INVALID_ARGUMENT: JSON "
                "object: does not "
                "have named input: c"
            ),
        ),
        (
            "many",
            {"signature_name": "strings", "inputs": [{"b64": "a*"}]},
            400,
            "Unable to base64 decode",
        ),
        (
            "many",
            {"signature_name": "whole", "inputs": {"n": [2**31], "u": [1]}},
            400,
            "JSON Value: 2147483648 Type: Number is not of expected type: int32",
        ),
        (
            "many",
            {"signature_name": "whole", "inputs": {"n": [1], "u": [1]}},
            400,
            "Failed to write JSON value for tensor type: half",
        ),
    ],
)
def test_wrong_bodies(client: Client, url: str, body: Any, status: int, text: str) -> None:
    got, answer = post(client, f"{url}:predict", body)
    assert got == status
    assert answer == {"error": text}


def test_scalar_output_by_column(client: Client) -> None:
    assert post(client, "many:predict", {"signature_name": "scalar", "inputs": 0.1}) == (200, {"outputs": 0.1})


def test_classify_and_regress(client: Client) -> None:
    examples = [{"x": 0.25}, {"x": [0.5]}]
    assert post(client, "many:classify", {"signature_name": "classify", "examples": examples}) == (
        200,
        {"results": [[["low", 0.75], ["high", 0.25]], [["low", 0.5], ["high", 0.5]]]},
    )
    assert post(client, "many:regress", {"signature_name": "regress", "context": {"x": 2.0}, "examples": [{}]}) == (
        200,
        {"results": [4.0]},
    )
    assert post(client, "many:regress", {"signature_name": "regress", "examples": [{"x": None}]}) == (
        400,
        {"error": "Feature: x has element with unexpected JSON type: Null"},
    )


floats = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(st.lists(st.lists(floats, min_size=3, max_size=3), min_size=1, max_size=4))
def test_row_and_column_formats_agree_with_grpc(client: Client, matrix: list[list[float]]) -> None:
    _, rows = post(client, "many:predict", {"instances": matrix})
    _, columns = post(client, "many:predict", {"inputs": matrix})
    direct = client.predict("many", m=np.array(matrix, np.float32))
    scores = [row["scores"] for row in rows["predictions"]]
    assert scores == columns["outputs"]["scores"]
    np.testing.assert_array_equal(np.array(scores, np.float32), direct["scores"])


def test_rows_need_one_batch_size() -> None:
    with pytest.raises(ServingError, match="Tensor name: y has no shape information "):
        write_predict(ROW, {"y": np.float32(1)})
    with pytest.raises(ServingError, match="Tensor name: b has inconsistent batch size: 2 expecting: 1"):
        write_predict(ROW, {"a": np.zeros(1), "b": np.zeros(2)})


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False)))
def test_written_floats_read_back_exactly(values: list[float]) -> None:
    written = decimals(values, np.array(values, np.float32))
    assert [np.float32(text) for text in written] == values
    assert all(any(mark in text for mark in ".e") for text in written)


trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "m", "b64"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(
    st.sampled_from(["predict", "classify", "regress"]),
    st.sampled_from(["serving_default", "two", "strings", "scalar", "whole", "classify", "nope", 1]),
    st.sampled_from(["instances", "inputs", "examples", "context"]),
    trees,
)
def test_any_document_gets_an_answer_or_a_client_error(
    client: Client, method: str, name: Any, key: str, tree: Any
) -> None:
    status, answer = post(client, f"many:{method}", json.dumps({"signature_name": name, key: tree}).encode())
    assert status in (200, 400)
    assert status == 200 or isinstance(answer["error"], str)


@given(st.binary(min_size=1, max_size=60))
def test_any_body_gets_an_answer_or_a_client_error(client: Client, body: bytes) -> None:
    assert post(client, "half:predict", body)[0] == 400


def test_deep_nesting_is_a_client_error(client: Client) -> None:
    for depth in (40, 100_000):
        assert post(client, "half:predict", b'{"instances": ' + b"[" * depth + b"]" * depth + b"}")[0] == 400


def test_chunked_and_gzip_bodies(client: Client) -> None:
    body = json.dumps({"instances": [1.0]}).encode()
    chunked = client.http.post("/v1/models/half:predict", content=iter([body[:5], body[5:]]))
    zipped = client.http.post(
        "/v1/models/half:predict", content=gzip.compress(body), headers={"Content-Encoding": "gzip"}
    )
    assert chunked.json() == zipped.json() == {"predictions": [3.5]}
    broken = client.http.post("/v1/models/half:predict", content=b"no gzip", headers={"Content-Encoding": "gzip"})
    assert broken.status_code == 400


def test_server_names_itself_a_stand_in(client: Client) -> None:
    assert "stand-in" in client.http.get("/v1/models/half").headers["server"]


def test_large_bodies_are_answered(client: Client) -> None:
    values = np.linspace(0, 1, 200_000, dtype=np.float32).tolist()
    _, answer = post(client, "half:predict", {"instances": values})
    assert math.isclose(answer["predictions"][-1], 3.5)


def test_pipelined_requests_are_answered_in_order(client: Client) -> None:
    def request(value: int) -> bytes:
        body = b'{"instances": [%d]}' % value
        return b"POST /v1/models/half:predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)

    with socket.create_connection(("127.0.0.1", client.rest_port), timeout=30) as raw:
        raw.sendall(b"".join(request(value) for value in range(0, 80, 2)) + b"GET / HTTP/1.0\r\n\r\n")
        with raw.makefile("rb") as stream:
            text = stream.read().decode()
    found = [float(part.split("\n")[0]) for part in text.split('"predictions": [')[1:]]
    assert found == [value + 3.0 for value in range(40)]


def test_client_may_ask_for_continue(client: Client) -> None:
    with socket.create_connection(("127.0.0.1", client.rest_port), timeout=30) as raw:
        raw.sendall(b"POST /v1/models/half:predict HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 18\r\n\r\n")
        assert raw.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        raw.sendall(b'{"instances": [1]}')
        assert raw.recv(100).startswith(b"HTTP/1.1 200 OK")


def test_time_limit(exported: Any) -> None:
    with serving(f"--model_base_path={exported}/many", "--rest_api_timeout_in_ms=1") as short:
        answer = short.http.post("/v1/models/default:predict", json={"signature_name": "slow", "instances": [30_000]})
        assert (answer.status_code, answer.json()["error"]) == (504, "Timed out waiting for notification")
