"""TensorFlow Serving's settings are what its own parsers make of them."""

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format, wrappers_pb2
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st
from tensorflow_serving.config import model_server_config_pb2

from components.serving.model_config import (
    BATCHING_FILE,
    CONFIG_DIR,
    METRICS_PATH,
    MODELS_FILE,
    MONITORING_FILE,
    batching_parameters,
    model_server_config,
    monitoring_config,
    plan_server,
)
from stacks.config import Batching, Model, Serving, Traffic, Version

# The package ships no type stubs, and its classes are made at run time.
ModelServerConfig = model_server_config_pb2.ModelServerConfig  # pyright: ignore[reportAttributeAccessIssue]
FIELD = descriptor_pb2.FieldDescriptorProto


def serving_messages() -> descriptor_pool.DescriptorPool:
    """Declare the messages the API package lacks, as session_bundle_config.proto and monitoring_config.proto do."""
    file = descriptor_pb2.FileDescriptorProto(name="serving.proto", package="serving", syntax="proto3")
    file.dependency.append("google/protobuf/wrappers.proto")
    batching = file.message_type.add(name="BatchingParameters")
    for number, name in enumerate(
        ("max_batch_size", "batch_timeout_micros", "max_enqueued_batches", "num_batch_threads"), start=1
    ):
        batching.field.add(
            name=name,
            number=number,
            type=FIELD.TYPE_MESSAGE,
            type_name=".google.protobuf.Int64Value",
            label=FIELD.LABEL_OPTIONAL,
        )
    batching.field.add(name="allowed_batch_sizes", number=6, type=FIELD.TYPE_INT64, label=FIELD.LABEL_REPEATED)
    batching.field.add(name="pad_variable_length_inputs", number=7, type=FIELD.TYPE_BOOL, label=FIELD.LABEL_OPTIONAL)
    prometheus = file.message_type.add(name="PrometheusConfig")
    prometheus.field.add(name="enable", number=1, type=FIELD.TYPE_BOOL, label=FIELD.LABEL_OPTIONAL)
    prometheus.field.add(name="path", number=2, type=FIELD.TYPE_STRING, label=FIELD.LABEL_OPTIONAL)
    monitoring = file.message_type.add(name="MonitoringConfig")
    monitoring.field.add(
        name="prometheus_config",
        number=1,
        type=FIELD.TYPE_MESSAGE,
        type_name=".serving.PrometheusConfig",
        label=FIELD.LABEL_OPTIONAL,
    )
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    return pool


POOL = serving_messages()


def parsed(text: str, name: str) -> Message:
    message = message_factory.GetMessageClass(POOL.FindMessageTypeByName(f"serving.{name}"))()
    return text_format.Parse(text, message)


@given(
    servable=st.from_regex(r"[A-Za-z0-9_.][A-Za-z0-9_.-]{0,30}", fullmatch=True),
    version=st.integers(1, 2**63 - 1),
)
def test_exactly_one_version_is_served(servable: str, version: int):
    text = model_server_config(servable, version)
    config = text_format.Parse(text, ModelServerConfig())
    [model] = config.model_config_list.config
    assert model.name == servable
    assert model.base_path == f"/models/{servable}"
    assert model.model_platform == "tensorflow"
    assert model.model_version_policy.WhichOneof("policy_choice") == "specific"
    assert list(model.model_version_policy.specific.versions) == [version]


def test_metrics_are_on():
    config = parsed(monitoring_config(), "MonitoringConfig")
    assert config == parsed(f'prometheus_config: {{enable: true, path: "{METRICS_PATH}"}}', "MonitoringConfig")


counts = st.integers(1, 2**31 - 1)


@given(
    batching=st.builds(
        Batching,
        max_batch_size=counts,
        batch_timeout_micros=st.integers(0, 60_000_000),
        max_enqueued_batches=counts,
        num_batch_threads=counts,
        allowed_batch_sizes=st.lists(counts, max_size=4).map(tuple),
        pad_variable_length_inputs=st.booleans(),
    )
)
def test_batching_parameters_carry_every_setting(batching: Batching):
    message = parsed(batching_parameters(batching), "BatchingParameters")
    read = {
        field.name: getattr(message, field.name).value if field.message_type else getattr(message, field.name)
        for field in message.DESCRIPTOR.fields
    }
    read["allowed_batch_sizes"] = tuple(read["allowed_batch_sizes"])
    assert read == batching.model_dump()


VERSION = Version(uri="s3://ml-models/mnist/2")


def model_with(version: Version = VERSION) -> Model:
    return Model(versions={"v2": version}, traffic=Traffic(stable="v2"))


def test_a_version_that_appears_later_is_not_loaded():
    settings = plan_server("mnist", "v2", model_with(), Serving())
    assert "--file_system_poll_wait_seconds=0" in settings.flags


def test_a_corrupt_model_fails_at_once():
    assert "--max_num_load_retries=0" in plan_server("mnist", "v2", model_with(), Serving()).flags


def test_every_config_file_a_flag_names_is_there_and_no_other():
    for model in (model_with(), model_with(VERSION.model_copy(update={"batching": Batching()}))):
        settings = plan_server("mnist", "v2", model, Serving())
        named = {flag.partition("=")[2] for flag in settings.flags if CONFIG_DIR in flag}
        assert named == {f"{CONFIG_DIR}/{file}" for file in settings.files}
    assert set(settings.files) == {MODELS_FILE, MONITORING_FILE, BATCHING_FILE}
    assert "--enable_batching=true" in settings.flags


def test_the_models_place_in_the_pod_fits_its_config():
    settings = plan_server("mnist", "v2", model_with(), Serving())
    assert settings.model_dir == "/models/mnist/2"
    assert settings.metadata_path == "/v1/models/mnist/versions/2/metadata"
    assert 'base_path: "/models/mnist"' in settings.files[MODELS_FILE]
    assert "versions: 2" in settings.files[MODELS_FILE]


def test_a_versions_own_settings_win_over_the_models_and_those_over_all_servers():
    model = model_with(
        VERSION.model_copy(update={"image": "example.com/server:2", "env": {"A": "version"}, "warmup": False})
    ).model_copy(update={"grpc_port": 9000, "servable": "digits"})
    serving = Serving(env={"A": "all", "B": "all"}, http_port=9001, request_timeout_seconds=7)
    settings = plan_server("mnist", "v2", model, serving)
    assert settings.image == "example.com/server:2"
    assert settings.env == {"A": "version", "B": "all"}
    assert settings.servable == "digits"
    assert {
        "--port=9000",
        "--rest_api_port=9001",
        "--rest_api_timeout_in_ms=7000",
        "--enable_model_warmup=false",
    } <= set(settings.flags)
