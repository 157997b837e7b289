"""What a change touches: in preview, by a second `up`, after somebody's kubectl."""

from typing import Any

from driver import MODELS, Driver, traffic

from crossfade.commands.publish import upload
from crossfade.publishing.store import Target, stack_store
from crossfade.stack import Stack


def test_second_up_changes_nothing(stack: Driver) -> None:
    assert stack.steps() == {}
    assert "unchanged" in stack.must_up().text
    assert stack.steps() == {}


def test_changing_the_weight_touches_exactly_one_resource(stack: Driver) -> None:
    def change(config: dict[str, Any]) -> None:
        traffic(config)["canary"]["weight"] = 31

    with stack.edited(change):
        assert stack.steps() == {"mnist-split": "update"}


def test_weight_zero_keeps_the_canary_deployed(stack: Driver) -> None:
    def change(config: dict[str, Any]) -> None:
        traffic(config)["canary"]["weight"] = 0

    with stack.edited(change):
        assert stack.steps() == {"mnist-split": "update"}


def test_refresh_shows_what_kubectl_changed_and_up_mends_it(stack: Driver) -> None:
    stack.kubectl("-n", "serving", "scale", "deployment/mnist-v2", "--replicas=1")
    path = "/spec/http/0/name"
    stack.kubectl(
        "-n", "serving", "patch", "virtualservice/mnist", "--type=json",
        "-p", f'[{{"op": "replace", "path": "{path}", "value": "somebody-elses"}}]',
    )  # fmt: skip
    refreshed = stack.pulumi("refresh", "--yes", "--skip-preview", "--suppress-outputs")
    assert refreshed.code == 0, refreshed.text
    assert "~ 2 updated" in refreshed.text
    assert stack.steps() == {"mnist-split": "update", "mnist-v2": "update"}
    stack.must_up()
    assert stack.get("-n", "serving", "deployment/mnist-v2")["spec"]["replicas"] == 2
    assert stack.get("-n", "serving", "virtualservice/mnist")["spec"]["http"][0]["name"] != "somebody-elses"
    assert stack.steps() == {}


def test_version_can_be_added_shifted_to_and_removed_without_a_failed_request(stack: Driver) -> None:
    handle = Stack(stack.name, stack.place)
    target = Target.parse("s3://ml-models/mnist/3")
    with stack_store(handle, target) as client:
        upload(client, target, stack.place.model("mnist", 1))

    def add(config: dict[str, Any]) -> None:
        config[MODELS]["mnist"]["versions"]["v3"] = {"uri": str(target)}

    def shift(config: dict[str, Any]) -> None:
        add(config)
        traffic(config)["canary"] = {"version": "v3", "weight": 50}

    with stack.deployed(add), stack.deployed(shift):
        stack.settle(lambda result: "v3" in result.versions and not result.failed)
        for protocol in ("grpc", "rest"):
            result = stack.send(protocol, 1000)
            assert result.failures == {}
            assert set(result.versions) == {"v1", "v3"}
    for protocol in ("grpc", "rest"):
        result = stack.send(protocol, 1000)
        assert result.failures == {}
        assert set(result.versions) == {"v1", "v2"}
    assert "deployment.apps/mnist-v3" not in stack.kubectl("-n", "serving", "get", "deployments", "-o", "name")
