"""What goes wrong says so in one message, changes nothing that serves, and is mended by the next `up`."""

import base64
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from driver import MODELS, Driver

from crossfade.publishing.store import Target, stack_store
from crossfade.stack import Stack


def _put(stack: Driver, version: int, name: str, body: bytes) -> None:
    """Put one object below a version's path by hand, past the checks of `crossfade publish`."""
    target = Target.parse(f"s3://ml-models/mnist/{version}")
    with stack_store(Stack(stack.name, stack.place), target) as client:
        client.put_object(Bucket="ml-models", Key=f"mnist/{version}/{name}", Body=body)


def test_bad_models_fail_by_name_and_reason_while_the_old_versions_serve(stack: Driver) -> None:
    _put(stack, 12, "readme.txt", b"no model here")
    _put(stack, 13, "saved_model.pb", b"\xff\xff this is no protobuf")

    def change(config: dict[str, Any]) -> None:
        versions = config[MODELS]["mnist"]["versions"]
        for name, number in (("missing", 11), ("empty", 12), ("corrupt", 13)):
            versions[name] = {"uri": f"s3://ml-models/mnist/{number}"}
        config[MODELS]["mnist"]["traffic"]["canary"] = {"version": "missing", "weight": 50}

    with stack.edited(change):
        run = stack.up()
    assert run.code != 0
    reasons = {
        "mnist-missing": "s3://ml-models/mnist/11: no such path, or empty",
        "mnist-empty": "s3://ml-models/mnist/12: holds no saved_model.pb",
        "mnist-corrupt": "name: mnist version: 13",
    }
    diagnostics = run.text[run.text.index("Diagnostics:") :]
    for name, reason in reasons.items():
        assert f"Deployment serving/{name}: " in diagnostics
        assert reason in diagnostics
    assert "Traceback" not in run.text
    for protocol in ("grpc", "rest"):
        result = stack.send(protocol, 500)
        assert result.failures == {}
        assert set(result.versions) == {"v1", "v2"}
    stack.must_up()
    assert stack.steps() == {}
    deployments = stack.kubectl("-n", "serving", "get", "deployments", "-o", "name").split()
    assert deployments == ["deployment.apps/mnist-v1", "deployment.apps/mnist-v2"]


def test_wrong_passphrase_is_one_message_and_changes_nothing(stack: Driver) -> None:
    wrong = {"PULUMI_CONFIG_PASSPHRASE": "wrong", "PULUMI_CONFIG_PASSPHRASE_FILE": ""}
    run = stack.pulumi("up", "--yes", "--skip-preview", environment=wrong)
    assert run.code != 0
    assert "incorrect passphrase" in run.text
    assert "Traceback" not in run.text
    assert stack.steps() == {}


def test_no_cluster_at_the_kubeconfig_is_one_message_and_changes_nothing(stack: Driver) -> None:
    dead = stack.place.home / "e2e-dead-kubeconfig"
    dead.write_text(stack.place.kubeconfig.read_text().replace(":6443", ":6444"))
    try:
        with stack.edited(lambda config: config["crossfade:cluster"].update(kubeconfig=str(dead))):
            run = stack.up()
    finally:
        dead.unlink()
    assert run.code != 0
    assert ":6444" in run.text
    assert "Traceback" not in run.text
    assert stack.steps() == {}


def test_config_mistakes_are_all_told_before_any_resource(stack: Driver) -> None:
    def change(config: dict[str, Any]) -> None:
        config[MODELS]["mnist"]["traffic"]["canary"] = {"version": "v9", "weight": 101}
        config["crossfade:serving"]["imagee"] = "x"

    with stack.edited(change):
        run = stack.up()
    assert run.code != 0
    for part in ("traffic.canary.version", "traffic.canary.weight", "crossfade:serving.imagee"):
        assert part in run.text
    assert "Traceback" not in run.text
    assert stack.steps() == {}


def test_no_secret_is_in_plain_text_in_state_outputs_or_previews(stack: Driver) -> None:
    values: set[str] = set()
    for namespace in ("crossfade-storage", "serving"):
        for secret in stack.get("secrets", "-n", namespace)["items"]:
            if secret["type"] == "Opaque":
                # An access key's id is a name, not a secret: the bucket's policy tells whom it is about.
                data = {name: value for name, value in secret["data"].items() if name != "access_id"}
                values |= {base64.b64decode(value).decode() for value in data.values()} | set(data.values())
    secrets = {value for value in values if len(value) >= 20}
    assert len(secrets) >= 4
    texts = {
        "state": stack.pulumi("stack", "export").text,
        "outputs": stack.pulumi("stack", "output", "--json").text,
        "preview": stack.pulumi("preview", "--diff", "--show-sames").text,
        "file": stack.file.read_text(),
        "pods": json.dumps(stack.get("pods", "-A")),
    }
    for where, text in texts.items():
        if any(secret in text for secret in secrets):  # no assert: pytest would print the secret
            pytest.fail(f"a secret is in plain text in {where}")


def test_servers_key_reads_its_bucket_and_nothing_more(stack: Driver) -> None:
    import boto3
    from botocore.config import Config

    from crossfade.publishing.store import port_forward

    handle = Stack(stack.name, stack.place)
    storage = handle.storage()
    secret = stack.get("secret", "-n", "serving", storage["readerSecret"])["data"]
    access, key = (base64.b64decode(secret[name]).decode() for name in ("access_id", "access_key"))
    with port_forward(handle, storage["namespace"], f"service/{storage['service']}", storage["port"]) as port:
        client: Any = boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{port}",
            aws_access_key_id=access,
            aws_secret_access_key=key,
            region_name="us-east-1",
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
        )
        assert client.get_object(Bucket="ml-models", Key="mnist/1/saved_model.pb")["ContentLength"] > 0
        assert client.list_objects_v2(Bucket="ml-models", Prefix="mnist/1/")["KeyCount"] > 0
        for refused in (
            lambda: client.put_object(Bucket="ml-models", Key="mnist/1/x", Body=b"x"),
            lambda: client.delete_object(Bucket="ml-models", Key="mnist/1/saved_model.pb"),
            lambda: client.put_bucket_policy(Bucket="ml-models", Policy="{}"),
            lambda: client.create_bucket(Bucket="another"),
        ):
            with pytest.raises(ClientError, match="AccessDenied"):
                refused()
        assert client.get_object(Bucket="ml-models", Key="mnist/1/saved_model.pb")["ContentLength"] > 0
