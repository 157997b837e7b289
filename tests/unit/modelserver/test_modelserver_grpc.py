"""What the gRPC port answers: values, model_spec, codes and texts."""

# ruff: noqa: ANN401  (arrays, JSON values and generated messages have no useful static type here)

from collections.abc import Callable
from typing import Any

import grpc
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from modelserver_running import Client, request_for
from tensorflow.core.example.example_pb2 import Example
from tensorflow.core.framework.tensor_pb2 import TensorProto
from tensorflow.core.framework.types_pb2 import DT_FLOAT
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_pb2,
    predict_pb2,
    regression_pb2,
)

from modelserver.tensors import DTYPES, fill_proto, to_array

# Generated protos declare their messages at run time, where the type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

CODE = grpc.StatusCode


def failure(call: Callable[[], Any]) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    error: Any = caught.value
    return error.code(), error.details()


def example(x: float) -> Example:
    made = Example()
    made.features.feature["x"].float_list.value.append(x)
    return made


def test_predict_answers_the_highest_version_and_names_it(client: Client) -> None:
    answer = client.prediction.Predict(request_for("half", x=np.array([2.0, 4.0], np.float32)))
    assert list(answer.outputs["y"].float_val) == [4.0, 5.0]
    assert (answer.model_spec.name, answer.model_spec.version.value) == ("half", 2)
    assert answer.model_spec.signature_name == "serving_default"


@pytest.mark.parametrize(
    ("choice", "offset"), [({"version": 1}, 2), ({"version_label": "canary"}, 3), ({"version_label": "stable"}, 2)]
)
def test_version_and_label_choose_the_version(client: Client, choice: dict[str, Any], offset: float) -> None:
    request = request_for("half", x=np.array([0.0], np.float32))
    if "version" in choice:
        request.model_spec.version.value = choice["version"]
    else:
        request.model_spec.version_label = choice["version_label"]
    assert list(client.prediction.Predict(request).outputs["y"].float_val) == [offset]


def spec(**fields: Any) -> model_pb2.ModelSpec:
    version = fields.pop("version", None)
    made = model_pb2.ModelSpec(**fields)
    if version is not None:
        made.version.value = version
    return made


@pytest.mark.parametrize(
    ("given_spec", "code", "text"),
    [
        (None, CODE.INVALID_ARGUMENT, "Missing ModelSpec"),
        (spec(), CODE.INVALID_ARGUMENT, "ModelSpec has no name specified."),
        (spec(name="foo"), CODE.NOT_FOUND, "Servable not found for request: Latest(foo)"),
        (spec(name="half", version=9), CODE.NOT_FOUND, "Servable not found for request: Specific(half, 9)"),
        (
            spec(name="half", version_label="beta"),
            CODE.INVALID_ARGUMENT,
            "Unrecognized servable version label: beta",
        ),
        (
            spec(name="half", signature_name="foo"),
            CODE.FAILED_PRECONDITION,
            'Serving signature key "foo" not found.',
        ),
    ],
)
def test_wrong_model_version_label_or_signature(
    client: Client, given_spec: Any, code: grpc.StatusCode, text: str
) -> None:
    request = predict_pb2.PredictRequest(model_spec=given_spec)
    assert failure(lambda: client.prediction.Predict(request)) == (code, text)


@pytest.mark.parametrize(
    ("inputs", "text"),
    [
        (
            {},
            "input size does not match signature: 0!=1 len({}) != len({x}). Sent extra: {}. Missing but required: {x}.",
        ),
        (
            {"x": [1.0], "z": [1.0]},
            "input size does not match signature: 2!=1 len({x,z}) != len({x}). Sent extra: {z}. Missing",
        ),
        ({"z": [1.0]}, "Signature input alias: x(feed name: serving_default_x:0) not found in request"),
        ({"x": np.array([1])}, "Expects arg[0] to be float but int64 is provided"),
        ({"x": np.array([b"a"], np.object_)}, "Expects arg[0] to be float but string is provided"),
    ],
)
def test_wrong_inputs(client: Client, inputs: dict[str, Any], text: str) -> None:
    named: dict[str, Any] = {
        name: np.asarray(value, np.float32) if isinstance(value, list) else value for name, value in inputs.items()
    }
    code, details = failure(lambda: client.predict("half", **named))
    assert code == CODE.INVALID_ARGUMENT
    assert details.startswith(text)


def test_wrong_shape_is_told_by_the_runtime(client: Client) -> None:
    code, details = failure(lambda: client.predict("many", m=np.zeros((2, 4), np.float32)))
    assert code == CODE.INVALID_ARGUMENT
    assert "Matrix size-incompatible: In[0]: [2,4], In[1]: [3,2]" in details


def test_long_messages_are_cut_as_tensorflow_serving_does(client: Client) -> None:
    inputs: dict[str, Any] = {"z" * 2000: np.zeros(1), "x": np.zeros(1)}
    _, details = failure(lambda: client.predict("half", **inputs))
    assert details.endswith("...TRUNCATED")
    assert len(details) == 1024 + len("...TRUNCATED")


@pytest.mark.parametrize("change", ["unknown_rank", "negative", "content_too_short", "no_dtype", "huge"])
def test_malformed_tensor_is_a_parsing_error(client: Client, change: str) -> None:
    request = request_for("half", x=np.array([1.0], np.float32))
    tensor = request.inputs["x"]
    if change == "unknown_rank":
        tensor.tensor_shape.unknown_rank = True
    elif change == "negative":
        tensor.tensor_shape.dim[0].size = -1
    elif change == "content_too_short":
        tensor.tensor_content = b"abc"
    elif change == "no_dtype":
        tensor.dtype = 0
    else:
        tensor.tensor_shape.dim[0].size = 2**50
    assert failure(lambda: client.prediction.Predict(request)) == (CODE.INVALID_ARGUMENT, "tensor parsing error: x")


def test_output_filter_selects_and_checks(client: Client) -> None:
    request = request_for("many", m=np.ones((1, 3), np.float32))
    request.output_filter.append("best")
    assert list(client.prediction.Predict(request).outputs) == ["best"]
    request.output_filter.append("best")
    assert failure(lambda: client.prediction.Predict(request))[1] == "duplicate output tensor alias: best"
    request.output_filter[:] = ["worst"]
    assert failure(lambda: client.prediction.Predict(request))[1] == (
        "output tensor alias not found in signature: worst Outputs expected to be in the set {best,scores}."
    )


def test_assets_and_strings(client: Client) -> None:
    assert client.predict("many", "word", n=np.array([1, 7]))["word"].tolist() == [b"one", b"?"]
    echo = client.predict("many", "strings", s=np.array([b"\xff\x00", b"long"], np.object_))
    assert echo["echo"].tolist() == [b"\xff\x00", b"long"]
    assert echo["long"].tolist() == [False, True]


def test_classify_and_regress(client: Client) -> None:
    classify = classification_pb2.ClassificationRequest(model_spec=spec(name="many", signature_name="classify"))
    classify.input.example_list.examples.append(example(0.25))
    answer = client.prediction.Classify(classify)
    assert [(entry.label, entry.score) for entry in answer.result.classifications[0].classes] == [
        ("low", 0.75),
        ("high", 0.25),
    ]
    assert answer.model_spec.version.value == 1
    regress = regression_pb2.RegressionRequest(model_spec=spec(name="many", signature_name="regress"))
    regress.input.example_list_with_context.context.CopyFrom(example(1.5))
    regress.input.example_list_with_context.examples.append(Example())
    assert [entry.value for entry in client.prediction.Regress(regress).result.regressions] == [3.0]


@pytest.mark.parametrize(
    ("signature", "text"),
    [
        ("nope", "No signature was found with the name: nope"),
        ("two", "Expected one input Tensor."),
        ("scalar", "No classification inputs found in SignatureDef"),
        ("regress", 'Expected classification signature outputs to contain at least one of "classes" or "scores".'),
        ("classify", "Input is empty."),
    ],
)
def test_wrong_classification(client: Client, signature: str, text: str) -> None:
    request = classification_pb2.ClassificationRequest(model_spec=spec(name="many", signature_name=signature))
    code, details = failure(lambda: client.prediction.Classify(request))
    assert code == CODE.INVALID_ARGUMENT
    assert details.startswith(text)


def test_metadata_and_its_mistakes(client: Client) -> None:
    request = get_model_metadata_pb2.GetModelMetadataRequest(model_spec=spec(name="half"))
    ask = client.prediction.GetModelMetadata
    assert failure(lambda: ask(request))[1] == "GetModelMetadataRequest must specify at least one metadata_field"
    request.metadata_field.append("signature_def")
    answer = ask(request)
    found = get_model_metadata_pb2.SignatureDefMap()
    answer.metadata["signature_def"].Unpack(found)
    assert found.signature_def["serving_default"].inputs["x"].dtype == 1
    assert answer.model_spec.version.value == 2
    request.metadata_field.append("foo")
    assert failure(lambda: ask(request))[1] == "Metadata field foo is not supported"


def test_status_and_its_mistakes(client: Client) -> None:
    ask = client.models.GetModelStatus
    request = get_model_status_pb2.GetModelStatusRequest
    answer = ask(request(model_spec=spec(name="half")))
    assert [(entry.version, entry.state) for entry in answer.model_version_status] == [(2, 30), (1, 30)]
    assert failure(lambda: ask(request())) == (CODE.INVALID_ARGUMENT, "Missing ModelSpec")
    assert failure(lambda: ask(request(model_spec=spec(name="x")))) == (
        CODE.NOT_FOUND,
        "Could not find any versions of model x",
    )
    assert failure(lambda: ask(request(model_spec=spec(name="half", version=7)))) == (
        CODE.NOT_FOUND,
        "Could not find version 7 of model half",
    )


def test_multi_inference_is_refused_by_name(client: Client) -> None:
    code, details = failure(lambda: client.prediction.MultiInference(inference_pb2.MultiInferenceRequest()))
    assert code == CODE.UNIMPLEMENTED
    assert "stand-in" in details


@given(st.binary(max_size=200))
def test_random_bytes_get_a_status_and_the_server_lives(client: Client, data: bytes) -> None:
    call = client.channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
    with pytest.raises(grpc.RpcError):
        call(data)
    assert client.predict("half", x=np.zeros(1, np.float32))["y"].tolist() == [3.0]


numeric = st.sampled_from([kind for number, (_, kind, _) in DTYPES.items() if number != 7])


@given(
    numeric.flatmap(
        lambda kind: (
            hnp.arrays(kind, hnp.array_shapes(min_dims=0, min_side=0))
            if np.dtype(kind).kind != "V"
            else st.just(np.array([1.5, -2], kind))
        )
    ),
    st.booleans(),
)
def test_tensors_survive_the_round_trip(array: Any, as_content: bool) -> None:
    tensor = TensorProto()
    fill_proto(tensor, array, as_content=as_content)
    back = to_array("x", tensor)
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)


def test_short_value_lists_repeat_the_last_value() -> None:
    tensor = TensorProto(dtype=DT_FLOAT, float_val=[1.0, 2.0])
    tensor.tensor_shape.dim.add().size = 4
    assert to_array("x", tensor).tolist() == [1.0, 2.0, 2.0, 2.0]
    del tensor.float_val[:]
    assert to_array("x", tensor).tolist() == [0.0, 0.0, 0.0, 0.0]
